"""How wide text stands on a terminal, with what cannot be seen made visible."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Final

TAB_STOP: Final = 4
_JOINERS: Final = "\u200d\ufe0e\ufe0f"
_WIDE: Final = ("W", "F")


@dataclass(frozen=True, slots=True)
class Cell:
    """What one character of a source line looks like, and how many columns it takes."""

    text: str
    width: int


_PLAIN: Final = {char: Cell(char, 1) for char in map(chr, range(ord(" "), ord("~") + 1))}
"""Most of what is shown; a file can have thousands of mistakes, each with its line."""


def cells(line: str) -> list[Cell]:
    """A cell for each character of `line`; tabs run to the next multiple of four columns."""
    if line.isascii() and line.isprintable():
        return [_PLAIN[char] for char in line]
    shown: list[Cell] = []
    column = 0
    for char in line:
        cell = _cell(char, column)
        shown.append(cell)
        column += cell.width
    return shown


def visible(text: str) -> str:
    """`text` on one line, with control characters and direction marks made visible."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_cell(char, 0).text if char != "\t" else "␉" for char in text)


def width(text: str) -> int:
    """The columns that a text takes once it is visible."""
    return len(text) if text.isascii() else sum(cell.width for cell in cells(text))


def _cell(char: str, column: int) -> Cell:
    if char in _PLAIN:
        return _PLAIN[char]
    if char == "\t":
        stop = TAB_STOP - column % TAB_STOP
        return Cell(" " * stop, stop)
    if char < " ":
        return Cell(chr(0x2400 + ord(char)), 1)
    if char == "\x7f":
        return Cell("␡", 1)
    if char in _JOINERS:
        return Cell(char, 0)
    category = unicodedata.category(char)
    if category in ("Mn", "Me"):
        return Cell(char, 0)
    if category in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"):
        name = f"<U+{ord(char):04X}>"
        return Cell(name, len(name))
    return Cell(char, 2 if unicodedata.east_asian_width(char) in _WIDE else 1)
