"""Draws lines of a source file with places in them underlined and labelled."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from trc.compiler.diagnostics.render.cells import cells, visible
from trc.compiler.source import SourceFile, Span

Paint = Callable[[str, str], str]
"""`(style, text)` to text; a style is `gutter`, `primary` or `related`."""

WINDOW: Final = 120
"""The columns of a source line that are shown; a longer one is cut around its first mark."""
_BEFORE: Final = 40
_GAP: Final = "..."
_EDGE_LINES: Final = 3


@dataclass(frozen=True, slots=True)
class Mark:
    """A place to underline and what to say about it; a diagnostic has one primary place."""

    span: Span
    label: str
    primary: bool


@dataclass(frozen=True, slots=True)
class _Placed:
    """A mark by lines (from 1) and characters within them (from 0); `end` is exclusive."""

    mark: Mark
    first_line: int
    start: int
    last_line: int
    end: int

    @property
    def is_long(self) -> bool:
        return self.last_line > self.first_line

    @property
    def style(self) -> str:
        return "primary" if self.mark.primary else "related"


@dataclass(frozen=True, slots=True)
class _Canvas:
    """What all rows of a snippet share; `tall` is the place of several lines, tied together at the left."""

    source: SourceFile
    tall: _Placed | None
    gutter: int
    paint: Paint

    def source_row(self, number: int, marks: Sequence[_Placed]) -> str:
        head = self.paint("gutter", f"{number:>{self.gutter}} |") + self._bar(number, below=False)
        return f"{head} {_window(self.source.line(number), marks).text}".rstrip()

    def below(self, number: int, row: str) -> str:
        """A row of marks under line `number`."""
        return f"{self._gap()}{self._bar(number, below=True)} {row}"

    def closing(self) -> str:
        """The row that ends the place of several lines, with its label."""
        tall = self.tall
        assert tall is not None, "only a place of several lines is closed"
        end = _window(self.source.line(tall.last_line), []).column(max(tall.end - 1, 0))
        sign = "^" if tall.mark.primary else "-"
        label = f" {visible(tall.mark.label)}" if tall.mark.label else ""
        return f"{self._gap()} {self.paint(tall.style, '|_' + '_' * end + sign + label)}"

    def _gap(self) -> str:
        return " " * (self.gutter + 1) + self.paint("gutter", "|")

    def _bar(self, number: int, *, below: bool) -> str:
        tall = self.tall
        if tall is None:
            return ""
        if not tall.first_line <= number <= tall.last_line:
            return "  "
        return " " + self.paint(tall.style, "/" if number == tall.first_line and not below else "|")


def draw(source: SourceFile, marks: Sequence[Mark], gutter: int, paint: Paint) -> list[str]:
    """The rows of a snippet that shows all `marks`, with line numbers right-aligned in `gutter` columns."""
    placed = sorted((_place(source, mark) for mark in marks), key=lambda one: (one.first_line, one.start))
    tall = next((one for one in placed if one.is_long), None)
    flat = [one if one is tall else _first_line_only(source, one) for one in placed]
    canvas = _Canvas(source, tall, gutter, paint)
    rows: list[str] = []
    previous: int | None = None
    for number in _lines_shown(flat):
        if previous is not None and number == previous + 2:
            rows.append(canvas.source_row(number - 1, []))
        elif previous is not None and number > previous + 1:
            rows.append(paint("gutter", _GAP))
        here = [one for one in flat if one is not tall and one.first_line == number]
        rows.append(canvas.source_row(number, here))
        rows.extend(canvas.below(number, row) for row in _mark_rows(source, number, here, paint))
        if tall is not None and number == tall.last_line:
            rows.append(canvas.closing())
        previous = number
    return rows


def last_line(source: SourceFile, mark: Mark) -> int:
    """The number of the last line that a mark touches."""
    return _place(source, mark).last_line


def first_line(source: SourceFile, mark: Mark) -> int:
    return _place(source, mark).first_line


def _place(source: SourceFile, mark: Mark) -> _Placed:
    start, end = mark.span.start, mark.span.end
    # White space at a span's end says nothing, and a line break there would draw an empty line.
    while end > start and source.text[end - 1 : end].isspace() and (end > start + 1 or source.text[start] in "\r\n"):
        end -= 1
    first, last = source.position(start), source.position(end)
    return _Placed(mark, first.line, first.column - 1, last.line, last.column - 1)


def _first_line_only(source: SourceFile, placed: _Placed) -> _Placed:
    if not placed.is_long:
        return placed
    return _Placed(placed.mark, placed.first_line, placed.start, placed.first_line, len(source.line(placed.first_line)))


def _lines_shown(placed: Sequence[_Placed]) -> list[int]:
    lines: set[int] = set()
    for one in placed:
        between = range(one.first_line, one.last_line + 1)
        if len(between) <= 2 * _EDGE_LINES:
            lines.update(between)
        else:
            lines.update(between[:_EDGE_LINES], between[-_EDGE_LINES:])
    return sorted(lines)


def _mark_rows(source: SourceFile, number: int, marks: Sequence[_Placed], paint: Paint) -> list[str]:
    """The underlines of a line, then labels: the rightmost beside its underline, the others hung below."""
    if not marks:
        return []
    window = _window(source.line(number), marks)
    spots = [(window.column(one.start), window.column(one.end), one) for one in marks]
    underline = _underline(spots)
    inline, hung = spots[-1], [spot for spot in spots[:-1] if spot[2].mark.label]
    label = visible(inline[2].mark.label)
    # A label beside an underline that another one reaches past would seem to belong to that one.
    if label and any(max(end, start + 1) >= max(inline[1], inline[0] + 1) for start, end, _ in spots[:-1]):
        hung, label = [*hung, inline], ""
    row = "".join(paint(style, text) for style, text in _runs(underline))
    rows = [row + (" " + paint(inline[2].style, label) if label else "")]
    while hung:
        rows.append(_stems(hung, paint))
        start, _, placed = hung.pop()
        stems = _stems([spot for spot in hung if spot[0] < start], paint)
        padding = " " * (start - max((spot[0] + 1 for spot in hung if spot[0] < start), default=0))
        rows.append(stems + padding + paint(placed.style, visible(placed.mark.label)))
    return rows


_Spot = tuple[int, int, _Placed]


def _underline(spots: Sequence[_Spot]) -> list[tuple[str, str]]:
    length = max(max(end, start + 1) for start, end, _ in spots)
    row = [("", " ")] * length
    for start, end, placed in sorted(spots, key=lambda spot: spot[2].mark.primary):
        sign = "^" if placed.mark.primary else "-"
        for column in range(start, max(end, start + 1)):
            row[column] = (placed.style, sign)
    return row


def _runs(row: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Neighbours of one style joined, so that colours change only where they must."""
    runs: list[tuple[str, str]] = []
    for style, char in row:
        if runs and runs[-1][0] == style:
            runs[-1] = (style, runs[-1][1] + char)
        else:
            runs.append((style, char))
    return runs


def _stems(spots: Sequence[_Spot], paint: Paint) -> str:
    text, column = "", 0
    for start, _, placed in spots:
        if start >= column:
            text += " " * (start - column) + paint(placed.style, "|")
            column = start + 1
    return text


@dataclass(frozen=True, slots=True)
class _Window:
    """The part of a line that is shown: of the cells looked at, which begin at the line's character `first`, `[low, high)`.

    `ends` are the columns at which the cells begin, and the last of them ends.
    """

    text: str
    first: int
    ends: Sequence[int]
    low: int
    high: int
    head: str

    def column(self, character: int) -> int:
        """The column at which a character of the line, or the line's end, is shown."""
        begins = self.ends[min(max(character - self.first, 0), len(self.ends) - 1)]
        left, right = self.ends[self.low], self.ends[self.high]
        return len(self.head) + min(max(begins, left), right) - left


def _window(line: str, marks: Sequence[_Placed]) -> _Window:
    """The part of a line that is shown for its marks."""
    focused = next((one for one in marks if one.mark.primary), marks[0] if marks else None)
    focus, focus_end = (focused.start, focused.end) if focused else (0, 0)
    # A line may be a megabyte long: only what could be shown is looked at.
    first = max(focus - 2 * WINDOW, 0)
    shown = cells(line[first : focus + 4 * WINDOW])
    ends = list(accumulate((cell.width for cell in shown), initial=0))
    is_cut_after = first + len(shown) < len(line)
    if first == 0 and not is_cut_after and ends[-1] <= WINDOW:
        return _Window("".join(cell.text for cell in shown), first, ends, 0, len(shown), "")
    left = 0 if first == 0 and ends[min(focus_end, len(shown))] <= WINDOW else ends[focus - first] - _BEFORE
    low = bisect_left(ends, left)
    high = bisect_right(ends, ends[low] + WINDOW) - 1
    head = "…" if first + low > 0 else ""
    tail = "…" if is_cut_after or high < len(shown) else ""
    text = head + "".join(cell.text for cell in shown[low:high]) + tail
    return _Window(text, first, ends, low, high, head)
