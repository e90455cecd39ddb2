"""What installed packages offer, by group. A look reads what all of them say of themselves, so there is one for all groups."""

from __future__ import annotations

import sys
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.metadata import SelectableGroups


def offered(group: str) -> tuple[EntryPoint, ...]:
    """The entry points of a group, of the packages that are installed where modules are looked for now."""
    return tuple(_all(tuple(sys.path)).select(group=group))


@cache
def _all(_path: tuple[str, ...]) -> SelectableGroups:
    return entry_points()
