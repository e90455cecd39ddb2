"""A `.trc` file as it is written: statements, the items in their braces, and values, each with its place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

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


class Making:
    """Makes the parts of what is written in a file. `base` is where the text that is read begins in it."""

    def __init__(self, file: SourceFile, base: int = 0) -> None:
        super().__init__()
        self._file = file
        self._base = base
        self.flaws: list[Flaw] = []

    def _literal(self, kind: str, text: str, start: int, end: int) -> Scalar:
        if kind == "STRING":
            return self._quoted(start, end)
        return self._text(text, start, "plain" if kind in _PLAIN else "double")

    def _raw(self, start: int, end: int) -> Scalar:
        return raw(self._file, start, end)

    def _quoted(self, start: int, end: int) -> Scalar:
        scalar, wrong = quoted(self._file, start, end)
        self.flaws.extend(wrong)
        return scalar

    def _text(self, text: str, start: int, style: Style) -> Scalar:
        span = self._file.span(start, start + len(text))
        return Scalar(str(text), style, ScalarMap(span, (Segment(0, start, len(text)),)))

    def _column_type(self, text: str, start: int, end: int) -> Scalar:
        return self._quoted(start, end) if text[0] == '"' else self._text(text.rstrip(), start, "double")

    def _separated(self, children: Iterable[Any]) -> tuple[Any, ...]:
        """The children without the commas (`None`); two on one line need one between them."""
        kept: list[Any] = []
        follows_comma = True
        for child in children:
            if child is None:
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
