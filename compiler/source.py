"""Source text and places in it: every diagnostic points through a `Span`."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cached_property


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open range of characters, `[start, end)`, in the source file named `file`."""

    file: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Position:
    """A place as people count: `line` and `column` start at 1, columns count characters."""

    line: int
    column: int


@dataclass(frozen=True)
class SourceFile:
    """A file's text under the name that diagnostics show (relative to where the user stands)."""

    name: str
    text: str

    @cached_property
    def _line_starts(self) -> list[int]:
        starts = [0]
        starts.extend(i + 1 for i, char in enumerate(self.text) if char == "\n")
        return starts

    def position(self, offset: int) -> Position:
        """The line and column of a character offset; one past the end is a place too."""
        offset = min(max(offset, 0), len(self.text))
        line = bisect_right(self._line_starts, offset)
        return Position(line, offset - self._line_starts[line - 1] + 1)

    def line(self, number: int) -> str:
        """The text of line `number` (from 1), without its line break."""
        start = self._line_starts[number - 1]
        end = self._line_starts[number] if number < len(self._line_starts) else len(self.text)
        return self.text[start:end].rstrip("\r\n")

    @property
    def line_count(self) -> int:
        return len(self._line_starts)

    def span(self, start: int, end: int) -> Span:
        return Span(self.name, start, end)


@dataclass(frozen=True, slots=True)
class Segment:
    """`length` characters of a value from `value` on are those of the file from `source` on.

    With a `width`, they were computed: all of them stand for as many characters of the file.
    """

    value: int
    source: int
    length: int
    width: int | None = None


@dataclass(frozen=True, slots=True)
class ScalarMap:
    """Where each character of a scalar's value stands in its file: through indents, escapes and folds.

    Segments are sorted, and do not overlap; what lies between two of them (an escape, a folded
    line break) belongs to the end of the earlier one.
    """

    whole: Span
    segments: tuple[Segment, ...] = field(default=())

    def span(self, start: int, end: int) -> Span:
        """The file's span of the value's characters `[start, end)`; the whole scalar if unmapped."""
        if not self.segments:
            return self.whole
        first, first_end = self._source(start)
        last = self._source(end - 1)[1] if end > start else first_end if self.is_computed(start) else first
        return Span(self.whole.file, first, max(first, last))

    def is_computed(self, start: int, end: int | None = None) -> bool:
        """Whether one of the value's characters `[start, end)` was computed: no edit of the file can mend it there."""
        stop = start + 1 if end is None else end
        return any(
            one.width is not None and one.value < stop and start < one.value + one.length for one in self.segments
        )

    def _source(self, offset: int) -> tuple[int, int]:
        """The file's characters that a character of the value stands for."""
        index = bisect_right(self.segments, offset, key=lambda segment: segment.value) - 1
        segment = self.segments[max(index, 0)]
        if segment.width is not None and offset < segment.value + segment.length:
            return segment.source, segment.source + segment.width
        width = segment.length if segment.width is None else segment.width
        within = min(max(offset - segment.value, 0), segment.length)
        start = segment.source + (within if segment.width is None else width)
        return start, start + 1


@dataclass(frozen=True, slots=True)
class TracedPart:
    """`[start, end)` of a text that was made of another one, which stands at `whole`; `named` is the word that names it there."""

    start: int
    end: int
    whole: Span
    named: Span | None = None


@dataclass(frozen=True, slots=True)
class TracedMap:
    """What each part of a text was made of, as far as that is known: parts lie within each other, and the innermost tells most."""

    whole: Span
    parts: tuple[TracedPart, ...] = ()

    def span(self, start: int, end: int) -> Span:
        """What the text's characters `[start, end)` were made of; the whole of the other text if that is not known."""
        around = [one for one in self.parts if one.start <= start and max(start + 1, end) <= one.end]
        if not around:
            return self.whole
        inner = min(around, key=lambda one: (one.end - one.start, one.whole.end - one.whole.start))
        is_all = (inner.start, inner.end) == (start, end)
        return inner.whole if is_all or inner.named is None else inner.named

    def is_computed(self, _start: int, _end: int | None = None) -> bool:
        """All of it was: an edit of the other text is not one of this."""
        return True
