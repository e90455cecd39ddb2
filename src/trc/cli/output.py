"""The only printer: lines, tables, JSON documents and colours, on standard output and standard error."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final, Literal, Self, TextIO

from trc.cli.cells import pad
from trc.compiler.diagnostics.render.cells import visible, width

Colour = Literal["red", "green", "yellow", "blue", "cyan", "bold", "dim"]

_SGR: Final[Mapping[Colour, str]] = {
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "cyan": "36",
    "bold": "1",
    "dim": "2",
}

STATE_COLOURS: Final[Mapping[str, Colour]] = {
    "success": "green",
    "checked": "green",
    "failure": "red",
    "skipped": "dim",
    "skip": "dim",
    "running": "cyan",
    "run": "green",
    "maybe": "yellow",
    "blocked": "red",
    "canceled": "yellow",
    "abandoned": "yellow",
    "upstream_failed": "yellow",
    "omitted": "dim",
    "omit": "dim",
}
"""How states and planned actions are told apart at a glance."""


@dataclass(frozen=True, slots=True)
class Screen:
    """Where a command prints. Results go to `out`; progress and diagnostics go to `err`."""

    out: TextIO
    err: TextIO
    colour_out: bool = False
    colour_err: bool = False
    is_live: bool = False
    """Whether `err` is a terminal whose lines can be drawn again."""
    wants_json: bool = False
    """Whether `out` takes one JSON document and nothing else."""
    is_log: bool = False
    """Whether `err` takes the run's log and nothing else, from the run's beginning on."""
    debug: bool = False
    """Whether a bug's trace is shown at once."""

    @classmethod
    def of(cls, out: TextIO, err: TextIO, environ: Mapping[str, str], *, colour: bool) -> Self:
        """The screen of a process with these streams and variables."""
        if isinstance(out, io.TextIOWrapper):
            out.reconfigure(errors="backslashreplace")  # a path may hold bytes that no encoding has
        is_dumb = environ.get("TERM", "dumb") == "dumb"
        colour = colour and not environ.get("NO_COLOR") and not is_dumb
        return cls(
            out,
            err,
            colour_out=colour and out.isatty(),
            colour_err=colour and err.isatty(),
            is_live=err.isatty() and not is_dumb,
            debug=environ.get("TRC_DEBUG", "") not in {"", "0"},
        )

    def without_colour(self) -> Self:
        return replace(self, colour_out=False, colour_err=False)

    def as_json(self) -> Self:
        return replace(self, wants_json=True)

    def as_log(self) -> Self:
        return replace(self, is_log=True)

    def say(self, text: str = "") -> None:
        """A line of the result."""
        self.out.write(text + "\n")

    def tell(self, text: str = "") -> None:
        """A line beside the result: progress, a diagnostic, a hint."""
        self.err.write(text + "\n")

    def document(self, value: Any) -> None:
        """The result as one JSON document."""
        json.dump(value, self.out, indent=2, ensure_ascii=False, default=_plain)
        self.out.write("\n")

    def table(
        self,
        heads: Sequence[str],
        rows: Sequence[Sequence[str]],
        *,
        right: frozenset[int] = frozenset(),
        colours: Sequence[Colour] = (),
    ) -> None:
        """A table on standard output.

        The columns numbered in `right` are aligned to the right; `colours` are those of the rows' first cells.
        """
        lines = table([heads, *rows], right=right, limit=self.columns())
        self.say(self.paint(lines[0], "dim"))
        for line, row, colour in zip_longest(lines[1:], rows, colours):
            first = visible(row[0])
            self.say(self.paint(first, colour) + line[len(first) :] if colour else line)

    def paint(self, text: str, *colours: Colour) -> str:
        """The text as it shall look on standard output."""
        return paint(text, *colours) if self.colour_out else text

    def paint_err(self, text: str, *colours: Colour) -> str:
        """The text as it shall look on standard error."""
        return paint(text, *colours) if self.colour_err else text

    def columns(self) -> int | None:
        """How many columns standard output shows; None where lines may have any length."""
        return _size_of(self.out).columns if self.out.isatty() else None

    def size_err(self) -> os.terminal_size:
        """How many columns and lines standard error shows now."""
        return _size_of(self.err)


def _size_of(terminal: TextIO) -> os.terminal_size:
    try:
        columns, lines = os.get_terminal_size(terminal.fileno())
    except OSError:
        columns = lines = 0
    return os.terminal_size((columns or 80, lines or 24))


def paint(text: str, *colours: Colour) -> str:
    """The text between the terminal's codes for these colours."""
    return f"\x1b[{';'.join(_SGR[colour] for colour in colours)}m{text}\x1b[0m" if colours and text else text


def table(
    rows: Sequence[Sequence[str]], *, right: frozenset[int] = frozenset(), limit: int | None = None, gap: str = "  "
) -> list[str]:
    """Rows as lines with aligned columns; only the last column is cut, where lines would pass `limit`."""
    cells = [[visible(cell) for cell in row] for row in rows]
    widths = [max(map(width, column)) for column in zip(*cells, strict=True)]
    before_last = sum(widths[:-1]) + len(gap) * (len(widths) - 1)
    if limit is not None and widths:
        widths[-1] = min(widths[-1], max(limit - before_last, 8))
    return [
        gap.join(pad(cell, widths[index], right=index in right) for index, cell in enumerate(row)).rstrip()
        for row in cells
    ]


def shown_path(path: str | Path, folder: Path) -> str:
    """A path as the user would write it: relative to `folder` where it lies inside, else as it is; so is an object's location."""
    if "://" in str(path):
        return str(path)
    path = Path(path)
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)


def _plain(value: object) -> Any:
    """What JSON has no form for, as something that it has one for."""
    if is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
