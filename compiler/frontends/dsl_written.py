"""A `.trc` file as it is written: statements, the items in their braces, and values, each with its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

from lark import Token
from lark.tree import Meta
from lark.visitors import Transformer, v_args

from trc.compiler.frontends.dsl_text import WrongEscape, quoted, raw
from trc.compiler.frontends.syntax import Scalar, Style
from trc.compiler.source import ScalarMap, Segment, SourceFile, Span

Kind = Literal["pipeline", "import", "defaults", "param", "source", "task", "target", "test"]


@dataclass(frozen=True, slots=True)
class Reference:
    """A bare word, or several with dots between: the name of something."""

    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Named:
    """An argument with a name."""

    name: Scalar
    value: Value


@dataclass(frozen=True, slots=True)
class Call:
    """A word with arguments in parentheses."""

    name: Scalar
    arguments: tuple[Value | Named, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Items:
    """A list in brackets."""

    items: tuple[Value | Need, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Need:
    """`task on completion`, in a list of needs."""

    task: Scalar
    requires: Scalar
    span: Span


@dataclass(frozen=True, slots=True)
class Expression:
    """Words joined by operators, or in parentheses: evaluated later, so only its text matters here."""

    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Pair:
    """`key = value`."""

    key: Scalar
    value: Value
    span: Span


@dataclass(frozen=True, slots=True)
class Section:
    """`key { … }`."""

    key: Scalar
    block: Block
    span: Span


@dataclass(frozen=True, slots=True)
class ColumnItem:
    """`name: type`."""

    key: Scalar
    type: Scalar
    span: Span


@dataclass(frozen=True, slots=True)
class RowSet:
    """`given name = [rows]`."""

    key: Scalar
    name: Scalar
    value: Value
    span: Span


@dataclass(frozen=True, slots=True)
class CheckItem:
    """`name(arguments)` or `name $$ … $$`, among expectations."""

    name: Scalar
    arguments: tuple[Value | Named, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Block:
    """What stands between braces."""

    items: tuple[Item, ...]
    span: Span


Item = Pair | Section | ColumnItem | RowSet | CheckItem
Value = Scalar | Reference | Call | Items | Block | Expression


@dataclass(frozen=True, slots=True)
class Head:
    """A task's type, with what stands right behind it."""

    word: Scalar
    arguments: tuple[Value | Named, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Statement:
    """One declaration of a file; which of its parts there are depends on its kind."""

    kind: Kind
    keyword: Span
    span: Span
    name: Scalar | None = None
    type: Scalar | None = None
    head: Head | None = None
    value: Value | None = None
    block: Block | None = None
    is_whole: bool = True
    """Whether all of it could be read."""
    is_named_only: bool = False
    """Whether nothing but its name could be read."""


@dataclass(frozen=True, slots=True)
class MissingComma:
    """Two things on one line without a comma between them: `span` is where it belongs."""

    span: Span


Flaw = WrongEscape | MissingComma
"""What the grammar lets pass, and the language does not."""

_PLAIN: Final = frozenset({"INT", "FLOAT", "TRUE", "FALSE", "NULL"})


@v_args(meta=True)
class Build(Transformer[Token, tuple[Statement, ...]]):
    """Makes statements while the parser goes on. `base` is where the parsed text begins in the file."""

    def __init__(self, file: SourceFile, base: int = 0) -> None:
        super().__init__()
        self._file = file
        self._base = base
        self.flaws: list[Flaw] = []

    # ── values ──

    def literal(self, _meta: Meta, children: list[Token]) -> Scalar:
        return self._scalar(children[0])

    def raw(self, _meta: Meta, children: list[Token]) -> Scalar:
        return raw(self._file, *self._range(children[0]))

    def reference(self, meta: Meta, children: list[Token]) -> Reference:
        return Reference(".".join(children), self._span(meta))

    def arguments(self, _meta: Meta, children: list[Any]) -> tuple[Any, ...]:
        return tuple(child for child in children if child is not None and not _is_comma(child))

    def named(self, _meta: Meta, children: list[Any]) -> Named:
        return Named(self._word(children[0]), children[1])

    def call(self, meta: Meta, children: list[Any]) -> Call:
        return Call(self._word(children[0]), children[1], self._span(meta))

    def items(self, meta: Meta, children: list[Any]) -> Items:
        return Items(self._separated(children), self._span(meta))

    def need(self, meta: Meta, children: list[Any]) -> Need:
        return Need(self._word(children[0]), self._word(children[2]), self._span(meta))

    def _expression(self, meta: Meta, _children: list[Any]) -> Expression:
        span = self._span(meta)
        return Expression(self._file.text[span.start : span.end], span)

    disjunction = conjunction = negation = comparison = group = _expression

    # ── items ──

    def block(self, meta: Meta, children: list[Any]) -> Block:
        return Block(self._separated(children), self._span(meta))

    def key(self, _meta: Meta, children: list[Token]) -> Scalar:
        return self._word(children[0])

    def pair(self, meta: Meta, children: list[Any]) -> Pair:
        return Pair(children[0], children[1], self._span(meta))

    def section(self, meta: Meta, children: list[Any]) -> Section:
        return Section(children[0], children[1], self._span(meta))

    def column(self, _meta: Meta, children: list[Any]) -> ColumnItem:
        key, token = children
        start, end = self._range(token)
        kind = self._quoted(start, end) if token[0] == '"' else self._text(token.rstrip(), start, "double")
        return ColumnItem(key, kind, self._file.span(key.span.start, kind.span.end))

    def row_set(self, meta: Meta, children: list[Any]) -> RowSet:
        return RowSet(children[0], children[1], children[2], self._span(meta))

    def check(self, meta: Meta, children: list[Any]) -> CheckItem:
        given = children[1]
        return CheckItem(self._word(children[0]), given if isinstance(given, tuple) else (given,), self._span(meta))

    # ── statements ──

    def name(self, _meta: Meta, children: list[Token]) -> Scalar:
        return self._word(children[0])

    type_name = name

    def head(self, meta: Meta, children: list[Any]) -> Head:
        given = children[1] if len(children) > 1 else None
        if isinstance(given, Token):
            given = self._scalar(given)
        arguments = given if isinstance(given, tuple) else () if given is None else (given,)
        return Head(self._word(children[0]), arguments, self._span(meta))

    def pipeline(self, meta: Meta, children: list[Any]) -> Statement:
        return self._statement(meta, "pipeline", children[0], name=children[1], block=children[2])

    def import_(self, meta: Meta, children: list[Any]) -> Statement:
        return self._statement(meta, "import", children[0], value=self._scalar(children[1]))

    def defaults(self, meta: Meta, children: list[Any]) -> Statement:
        return self._statement(meta, "defaults", children[0], block=children[1])

    def param(self, meta: Meta, children: list[Any]) -> Statement:
        keyword, name, kind, value, block = children
        return self._statement(meta, "param", keyword, name=name, type=kind, value=value, block=block)

    def source(self, meta: Meta, children: list[Any]) -> Statement:
        keyword, name, value, block = children
        return self._statement(meta, "source", keyword, name=name, value=value, block=block)

    def task(self, meta: Meta, children: list[Any]) -> Statement:
        keyword, name, head, block = children
        return self._statement(meta, "task", keyword, name=name, head=head, block=block)

    def target(self, meta: Meta, children: list[Any]) -> Statement:
        return self._statement(meta, "target", children[0], name=children[1], block=children[2])

    def test(self, meta: Meta, children: list[Any]) -> Statement:
        return self._statement(meta, "test", children[0], name=children[1], block=children[2])

    def file(self, _meta: Meta, children: list[Statement]) -> tuple[Statement, ...]:
        return tuple(children)

    # ── places ──

    def _statement(self, meta: Meta, kind: Kind, keyword: Token, **parts: Any) -> Statement:
        return Statement(kind, self._file.span(*self._range(keyword)), self._span(meta), **parts)

    def _separated(self, children: list[Any]) -> tuple[Any, ...]:
        """The children without the commas; two on one line need one between them."""
        kept: list[Any] = []
        follows_comma = True
        for child in children:
            if child is None or _is_comma(child):
                follows_comma = True
                continue
            if kept and not follows_comma:
                self._need_line_break(kept[-1].span.end, child.span.start)
            kept.append(child)
            follows_comma = False
        return tuple(kept)

    def _need_line_break(self, end: int, start: int) -> None:
        if "\n" not in self._file.text[end:start]:
            self.flaws.append(MissingComma(self._file.span(end, end)))

    def _scalar(self, token: Token) -> Scalar:
        start, end = self._range(token)
        if token.type == "STRING":
            return self._quoted(start, end)
        return self._text(token, start, "plain" if token.type in _PLAIN else "double")

    def _quoted(self, start: int, end: int) -> Scalar:
        scalar, wrong = quoted(self._file, start, end)
        self.flaws.extend(wrong)
        return scalar

    def _word(self, token: Token) -> Scalar:
        if token.type == "STRING":
            return self._scalar(token)
        start, _ = self._range(token)
        return self._text(token, start, "double")

    def _text(self, text: str, start: int, style: Style) -> Scalar:
        span = self._file.span(start, start + len(text))
        return Scalar(str(text), style, ScalarMap(span, (Segment(0, start, len(text)),)))

    def _range(self, token: Token) -> tuple[int, int]:
        assert token.start_pos is not None
        assert token.end_pos is not None
        return token.start_pos + self._base, token.end_pos + self._base

    def _span(self, meta: Meta) -> Span:
        return self._file.span(meta.start_pos + self._base, meta.end_pos + self._base)


def _is_comma(child: object) -> bool:
    return isinstance(child, Token)
