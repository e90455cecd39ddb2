"""A document's text with places as editors count them: lines from 0, and columns in units of an encoding."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from lsprotocol.types import Position, Range, TextDocumentContentChangeEvent, TextDocumentContentChangePartial

from trc.compiler.source import Span

Units = Callable[[str], int]
"""How many units of the editor's encoding a text takes: two for a character beyond 16 bits, in UTF-16."""

_LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True)
class Text:
    """One state of a document. Offsets count characters, as the compiler's spans do."""

    content: str
    units: Units

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(end.end() for end in _LINE_END.finditer(self.content))]

    def _line(self, number: int) -> str:
        """A line without its end."""
        start = self._starts[number]
        end = self._starts[number + 1] if number + 1 < len(self._starts) else len(self.content)
        return self.content[start:end].rstrip("\r\n")

    def offset(self, position: Position) -> int:
        """The offset of a place; the nearest one where there is no such place."""
        if position.line >= len(self._starts):
            return len(self.content)
        line = self._line(position.line)
        column = min(position.character, len(line))
        if not line.isascii():
            column = next((at for at in range(len(line) + 1) if self.units(line[:at]) >= position.character), len(line))
        return self._starts[position.line] + column

    def position(self, offset: int) -> Position:
        offset = min(max(offset, 0), len(self.content))
        line = bisect_right(self._starts, offset) - 1
        before = self.content[self._starts[line] : offset]
        return Position(line, len(before) if before.isascii() else self.units(before))

    def range(self, start: int, end: int) -> Range:
        return Range(self.position(start), self.position(end))

    def range_of(self, span: Span) -> Range:
        return self.range(span.start, span.end)

    def changed(self, change: TextDocumentContentChangeEvent) -> Text:
        """The text after one edit, or after it was replaced as a whole."""
        if not isinstance(change, TextDocumentContentChangePartial):
            return Text(change.text, self.units)
        start, end = self.offset(change.range.start), self.offset(change.range.end)
        return Text(self.content[:start] + change.text + self.content[end:], self.units)
