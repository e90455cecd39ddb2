"""Text cut and padded to the columns of a terminal, with nothing in it that a terminal would obey."""

from __future__ import annotations

import re
from typing import Final

from trc.compiler.diagnostics.render.cells import cells, visible, width

_ESCAPES: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])")


def cut(text: str, columns: int) -> str:
    """The text in at most that many columns, with an ellipsis where something is missing."""
    if width(text) <= columns:
        return text
    kept, used = "", 0
    for char, cell in zip(text, cells(text)):
        used += cell.width
        if used > columns - 1:
            break
        kept += char
    return kept + "…" if columns > 0 else ""


def pad(text: str, columns: int, *, right: bool = False) -> str:
    """The text in exactly that many columns."""
    text = cut(text, columns)
    space = " " * (columns - width(text))
    return space + text if right else text + space


def visible_lines(text: str) -> list[str]:
    """The lines of a text without terminal escapes; other control characters are shown, not obeyed."""
    plain = _ESCAPES.sub("", text)
    return [visible(line.expandtabs(8)) for line in plain.replace("\r\n", "\n").rstrip("\n").split("\n")]
