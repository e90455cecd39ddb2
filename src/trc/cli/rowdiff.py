"""Rows that are not as a test expects them, as lines: `-` is missing, `+` is not expected, `^` marks what differs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from trc.cli.cells import cut
from trc.cli.output import Colour, paint, table
from trc.compiler.diagnostics.render.cells import visible, width
from trc.testing.compare import Difference, Row
from trc.testing.report import Compared

_NUMBERS: Final = re.compile(r"U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)|DECIMAL\(.*\)|FLOAT|DOUBLE|BIGNUM")
_MOST_SHOWN: Final = 20
_WIDEST: Final = 40


def diff_lines(compared: Compared, *, colour: bool) -> list[str]:
    """The differences under the columns' names; only the first are shown."""
    shown = compared.differences[:_MOST_SHOWN]
    lines: list[tuple[str, Sequence[str]]] = [("", [column.name for column in compared.columns])]
    for difference in shown:
        lines += _lines(difference)
    right = frozenset(
        index + 1 for index, column in enumerate(compared.columns) if _NUMBERS.fullmatch(column.type) is not None
    )
    told = table([(mark if mark in "-+" else " ", *cells) for mark, cells in lines], right=right)
    told = [_painted(text, mark) if colour else text for text, (mark, _) in zip(told, lines, strict=True)]
    more = len(compared.differences) - len(shown)
    return [*told, f"…  and {more:,} more"] if more else told


_COLOURS: Final[dict[str, Colour]] = {"-": "red", "+": "green", "^": "yellow", "": "dim"}


def _painted(text: str, mark: str) -> str:
    return paint(text, _COLOURS[mark])


def _lines(difference: Difference) -> list[tuple[str, Sequence[str]]]:
    changed = difference.changed
    lines: list[tuple[str, Sequence[str]]] = []
    cells: list[Sequence[str]] = []
    for mark, row in (("-", difference.expected), ("+", difference.found)):
        if row is not None:
            cells.append(_cells(row, changed))
            lines.append((mark, cells[-1]))
    if changed:
        widths = [max(width(visible(row[index])) for row in cells) for index in range(len(cells[0]))]
        lines.append(("^", ["^" * size if index in changed else "" for index, size in enumerate(widths)]))
    return lines


def _cells(row: Row, whole: frozenset[int]) -> list[str]:
    """The values; long ones are cut, but for those numbered in `whole`."""
    texts = [_shown(value) for value in row]
    return [text if index in whole else cut(visible(text), _WIDEST) for index, text in enumerate(texts)]


def _shown(value: str | None) -> str:
    if value is None:
        return "NULL"
    is_odd = value in {"", "NULL"} or value != value.strip()
    return f"'{value}'" if is_odd else value
