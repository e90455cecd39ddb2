"""A page of Markdown as a terminal shows it: headings stand out, code is indented, marks are gone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from trc.cli.output import Screen
from trc.compiler.diagnostics.render.cells import visible

_HEADING: Final = re.compile(r"#+ +(.*)")
_TITLE: Final = re.compile(r'title="([^"]+)"')
_CODE: Final = re.compile(r"`([^`]+)`")
_LINK: Final = re.compile(r"\[([^\]]+)\]\([^)]+\)")


def readable(page: str, screen: Screen) -> str:
    """The page for people; the marks stay where there are no colours to take their place."""
    return "\n".join(_lines(page, screen)) if screen.colour_out else page.rstrip("\n")


def _lines(page: str, screen: Screen) -> Iterator[str]:
    in_code = False
    for line in page.rstrip("\n").split("\n"):
        if line.startswith("```"):
            title = _TITLE.search(line)
            in_code = not in_code
            if title is not None:
                yield f"  {screen.paint(visible(title[1]), 'dim')}"
        elif in_code:
            yield f"    {visible(line)}" if line else ""
        elif heading := _HEADING.fullmatch(line):
            yield screen.paint(visible(heading[1]), "bold")
        else:
            plain = _LINK.sub(r"\1", visible(line))
            yield _CODE.sub(lambda found: screen.paint(found[1], "cyan"), plain)
