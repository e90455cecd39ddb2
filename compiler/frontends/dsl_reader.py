"""Reads a `.trc` text that has no mistakes, in one go: what the parser of `trc.lark` builds, in a fifth of the time.

The grammar is the law: its terminals are taken from it, and a text about which there is any doubt is left to its
parser, which also knows what to say of a mistake.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Final

from trc.compiler.frontends.dsl_written import (
    Block,
    Call,
    CheckItem,
    ColumnItem,
    Expression,
    Flaw,
    Head,
    Item,
    Items,
    Making,
    Named,
    Need,
    Pair,
    Reference,
    RowSet,
    Section,
    Statement,
    Value,
)
from trc.compiler.frontends.syntax import Scalar
from trc.compiler.source import SourceFile, Span

# In the order in which the lexer prefers them where several fit.
_TERMINALS: Final = (
    *("NAME", "STRING", "RAW", "TAGGED"),
    *("TIMESTAMP", "DATE", "DURATION", "SIZE", "FLOAT", "INT"),
)
_LITERALS: Final = frozenset({"STRING", "DATE", "TIMESTAMP", "DURATION", "SIZE", "FLOAT", "INT"})
_RAW: Final = frozenset({"RAW", "TAGGED"})
_SIGNS: Final = frozenset({"true", "false", "null"})
_WORDS: Final = frozenset({"and", "or", "not", "in", "on"}) | _SIGNS
_COMPARE: Final = ("==", "!=", "<=", ">=", "<", ">")
# Nothing is given back: no token begins with what is passed over, and to try it in parts would take for ever.
_SKIP: Final = r"(?:[ \t\r\n\f]++|\#[^\n]*+)*+"


def read_plainly(file: SourceFile) -> tuple[tuple[Statement, ...], list[Flaw]] | None:
    """The file's statements and flaws; None where the grammar's parser has to decide."""
    try:
        reader = _Reader(file)
        return reader.file(), reader.flaws
    except _UnsureError:
        return None


class _UnsureError(Exception):
    """The text, or the way it is read here, may be wrong."""


@cache
def grammar() -> str:
    return files("trc.compiler.frontends").joinpath("trc.lark").read_text(encoding="utf-8")


@cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """A pattern for any token with the space before it, and one for a column's type."""
    written = dict(re.findall(r"^([A-Z_]+)(?:\.\d)?: /(.+)/$", grammar(), re.MULTILINE))
    tokens = [f"(?P<{name}>{written[name]})" for name in _TERMINALS]
    compare = "|".join(_COMPARE)
    parts = "|".join([*tokens, f"(?P<COMPARE>{compare})", r"(?P<MARK>[{}\[\]():=,.])", r"(?P<END>\Z)"])
    return re.compile(f"{_SKIP}(?:{parts})"), re.compile(f"{_SKIP}({written['COLUMN_TYPE']})")


class _Reader(Making):
    """Stands at a token of the file: its `kind`, its `word` and its place."""

    def __init__(self, file: SourceFile) -> None:
        super().__init__(file)
        token, column_type = _patterns()
        self.match = token.match
        self.match_type = column_type.match
        self.kind, self.word, self.start, self.end, self.before = "", "", 0, 0, 0
        self.advance()

    # ── tokens ──

    def advance(self) -> None:
        """Goes on to the next token; `before` is where the last one ended."""
        found = self.match(self._file.text, self.end)
        if found is None:
            raise _UnsureError
        # The tag of a tagged text is a group, too, but not the last to close.
        kind = found.lastgroup
        assert kind is not None
        self.before = self.end
        self.kind, self.word, (self.start, self.end) = kind, found[kind], found.span(kind)

    def is_mark(self, mark: str) -> bool:
        return self.kind == "MARK" and self.word == mark

    def skip(self, mark: str) -> None:
        if not self.is_mark(mark):
            raise _UnsureError
        self.advance()

    def is_word(self, *words: str) -> bool:
        return self.kind == "NAME" and self.word in words

    def named(self) -> Scalar:
        """A word or a text in quotes, as a name."""
        if self.kind == "STRING":
            scalar = self._quoted(self.start, self.end)
        elif self.kind == "NAME" and self.word not in _WORDS:
            scalar = self._text(self.word, self.start, "double")
        else:
            raise _UnsureError
        self.advance()
        return scalar

    def bare(self) -> Scalar:
        if self.kind != "NAME":
            raise _UnsureError
        return self.named()

    # ── statements ──

    def file(self) -> tuple[Statement, ...]:
        statements: list[Statement] = []
        while self.kind != "END":
            read = _STATEMENTS.get(self.word) if self.kind == "NAME" else None
            if read is None:
                raise _UnsureError
            statements.append(read(self))
        return tuple(statements)

    def statement(self) -> Statement:
        """`pipeline`, `target` and `test`: a name and a block; `defaults` a block."""
        start, word, keyword = self.start, self.word, self.keyword()
        name = None if word == "defaults" else self.named()
        block = self.block()
        span = self._file.span(start, self.before)
        match word:
            case "pipeline" | "target" | "test" | "defaults":
                return Statement(word, keyword, span, name=name, block=block)
            case _:
                raise _UnsureError

    def import_(self) -> Statement:
        start, keyword = self.start, self.keyword()
        if self.kind != "STRING":
            raise _UnsureError
        value = self.named()
        return Statement("import", keyword, self._file.span(start, self.before), value=value)

    def param(self) -> Statement:
        start, keyword, name = self.start, self.keyword(), self.named()
        kind = value = None
        if self.is_mark(":"):
            self.advance()
            kind = self.bare()
        if self.is_mark("="):
            self.advance()
            value = self.value()
        block = self.block() if self.is_mark("{") else None
        span = self._file.span(start, self.before)
        return Statement("param", keyword, span, name=name, type=kind, value=value, block=block)

    def source(self) -> Statement:
        start, keyword, name = self.start, self.keyword(), self.named()
        self.skip("=")
        value = self.value()
        block = self.block() if self.is_mark("{") else None
        return Statement("source", keyword, self._file.span(start, self.before), name=name, value=value, block=block)

    def task(self) -> Statement:
        start, keyword, name = self.start, self.keyword(), self.named()
        self.skip("=")
        head = self.head()
        block = self.block() if self.is_mark("{") else None
        return Statement("task", keyword, self._file.span(start, self.before), name=name, head=head, block=block)

    def head(self) -> Head:
        start, word = self.start, self.bare()
        given: tuple[Value | Named, ...] = ()
        if self.kind in _RAW:
            given = (self.raw(),)
        elif self.kind == "STRING":
            given = (self.named(),)
        elif self.is_mark("("):
            given = self.arguments()
        return Head(word, given, self._file.span(start, self.before))

    def keyword(self) -> Span:
        span = self._file.span(self.start, self.end)
        self.advance()
        return span

    # ── what stands between braces ──

    def block(self) -> Block:
        start = self.start
        self.skip("{")
        items: list[Item | None] = []
        while not self.is_mark("}"):
            if not self.is_mark(","):
                items.append(self.item())
            elif items and items[-1] is not None:
                self.advance()
                items.append(None)
            else:
                raise _UnsureError
        self.advance()
        return Block(self._separated(items), self._file.span(start, self.before))

    def item(self) -> Item:
        start, is_bare = self.start, self.kind == "NAME"
        key = self.named()
        if self.is_mark("="):
            self.advance()
            return Pair(key, self.value(), self._file.span(start, self.before))
        if self.is_mark("{"):
            return Section(key, self.block(), self._file.span(start, self.before))
        if self.is_mark(":"):
            return self.column(key)
        if is_bare and self.is_mark("("):
            return CheckItem(key, self.arguments(), self._file.span(start, self.before))
        if is_bare and self.kind in _RAW:
            return CheckItem(key, (self.raw(),), self._file.span(start, self.before))
        name = self.named()
        self.skip("=")
        return RowSet(key, name, self.value(), self._file.span(start, self.before))

    def column(self, key: Scalar) -> ColumnItem:
        """What follows the colon is a type up to the comma or the line's end, and no token."""
        found = self.match_type(self._file.text, self.end)
        if found is None:
            raise _UnsureError
        kind = self._column_type(found[1], *found.span(1))
        self.end = found.end()
        self.advance()
        return ColumnItem(key, kind, self._file.span(key.span.start, kind.span.end))

    # ── values ──

    def value(self) -> Value:
        """A value, or words joined by operators."""
        start = self.start
        value = self.operand()
        is_joined = False
        while self.is_word("and", "or"):
            self.advance()
            self.operand()
            is_joined = True
        return self.expression(start) if is_joined else value

    def operand(self) -> Value:
        """What AND and OR join: a value, or two compared, with NOT before it."""
        start, is_expression = self.start, False
        while self.is_word("not"):
            self.advance()
            is_expression = True
        value = self.atom()
        if self.kind == "COMPARE" or self.is_word("in", "not"):
            is_not = self.is_word("not")
            self.advance()
            if is_not and not self.is_word("in"):
                raise _UnsureError
            if is_not:
                self.advance()
            self.atom()
            is_expression = True
        return self.expression(start) if is_expression else value

    def expression(self, start: int) -> Expression:
        span = self._file.span(start, self.before)
        return Expression(self._file.text[span.start : span.end], span)

    def atom(self) -> Value:
        start, kind = self.start, self.kind
        if kind == "NAME" and self.word in _SIGNS:
            value: Value = self._text(self.word, start, "plain")
            self.advance()
            return value
        if kind == "NAME":
            return self.reference()
        if kind in _LITERALS:
            value = self._literal(kind, self.word, start, self.end)
            self.advance()
            return value
        if kind in _RAW:
            return self.raw()
        if self.is_mark("["):
            return self.items()
        if self.is_mark("{"):
            return self.block()
        self.skip("(")
        self.value()
        self.skip(")")
        return self.expression(start)

    def raw(self) -> Scalar:
        scalar = self._raw(self.start, self.end)
        self.advance()
        return scalar

    def reference(self) -> Reference | Call:
        start, name = self.start, self.bare()
        if self.is_mark("("):
            return Call(name, self.arguments(), self._file.span(start, self.before))
        parts = [name.value]
        while self.is_mark("."):
            self.advance()
            parts.append(self.bare().value)
        return Reference(".".join(parts), self._file.span(start, self.before))

    def arguments(self) -> tuple[Value | Named, ...]:
        self.skip("(")
        found: list[Value | Named] = []
        while not self.is_mark(")"):
            found.append(self.argument())
            if not self.is_mark(")"):
                self.skip(",")
        self.advance()
        return tuple(found)

    def argument(self) -> Value | Named:
        value = self.value()
        if not self.is_mark("="):
            return value
        if not isinstance(value, Reference) or "." in value.text:
            raise _UnsureError
        self.advance()
        return Named(self._text(value.text, value.span.start, "double"), self.value())

    def items(self) -> Items:
        start = self.start
        self.skip("[")
        found: list[Value | Need | None] = []
        while not self.is_mark("]"):
            if not self.is_mark(","):
                found.append(self.element())
            elif found and found[-1] is not None:
                self.advance()
                found.append(None)
            else:
                raise _UnsureError
        self.advance()
        return Items(self._separated(found), self._file.span(start, self.before))

    def element(self) -> Value | Need:
        start, value = self.start, self.value()
        if not self.is_word("on"):
            return value
        match value:
            case Reference() if "." not in value.text:
                task = self._text(value.text, value.span.start, "double")
            case Scalar() if self._file.text[start] == '"':
                task = value
            case _:
                raise _UnsureError
        self.advance()
        return Need(task, self.bare(), self._file.span(start, self.before))


_STATEMENTS: Final[dict[str, Callable[[_Reader], Statement]]] = {
    "pipeline": _Reader.statement,
    "import": _Reader.import_,
    "defaults": _Reader.statement,
    "param": _Reader.param,
    "source": _Reader.source,
    "task": _Reader.task,
    "target": _Reader.statement,
    "test": _Reader.statement,
}
