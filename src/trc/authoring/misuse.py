"""What an author is told about a call that cannot be meant so."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

from trc.authoring.places import Spot


class Misuse(ValueError):  # noqa: N818 - it names what was done
    """A call of trc with something that it cannot take; `spot` is where that stands."""

    def __init__(
        self,
        message: str,
        spot: Spot,
        *help_lines: str,
        code: str = "TRC226",
        at_name: bool = False,
        related: tuple[tuple[Spot, str], ...] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.spot = spot
        self.help = help_lines
        self.code = code
        self.at_name = at_name
        """Whether it is the argument's name that is wrong."""
        self.related = related


def nearest(name: str, known: Iterable[str], listed: str = "there are") -> tuple[str, ...]:
    """A help line that names the closest of `known`, or lists them."""
    folded = {one.casefold(): one for one in known}
    close = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.6)
    if close:
        return (f'did you mean "{folded[close[0]]}"?',)
    return (f"{listed}: {', '.join(folded.values())}",) if folded else ()


def called(value: Any) -> str:
    """A value as a sentence names it."""
    if value is None:
        return "None"
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, str):
        line = " ".join(value.split())
        return f'the text "{line if len(line) <= 40 else line[:37] + "..."}"'
    if isinstance(value, (int, float)):
        return f"the number {value}"
    if isinstance(value, (list, tuple)):
        return "a list" if isinstance(value, list) else "a tuple"
    if isinstance(value, dict):
        return "a dict"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if callable(value) and hasattr(value, "__name__"):
        return f"the function {value.__name__}"
    name = type(value).__name__
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


def wrong_kind(name: str, value: Any, wanted: str, spot: Spot, *help_lines: str) -> Misuse:
    return Misuse(f'"{name}" is {called(value)}, and {wanted} is wanted', spot, *help_lines)
