"""Where each part of the IR stands in its source: a side table, so that the IR itself holds no spans."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from trc.compiler.source import ScalarMap, Span, TracedMap

Path = tuple[str | int, ...]
"""Keys from the root: `("tasks", "clean", "params", "sql")`; list items by index, named things by name."""


@dataclass(frozen=True, slots=True)
class Place:
    """The span of a value, of the key it stands under, and the map of a text's characters."""

    value: Span
    key: Span | None = None
    text: ScalarMap | TracedMap | None = None


@dataclass(frozen=True, slots=True)
class Places:
    """Places by path, answering with the nearest enclosing one for what was not written."""

    table: Mapping[Path, Place] = field(default_factory=dict[Path, Place])

    def find(self, *path: str | int) -> Place | None:
        """The place of `path`, or of the closest thing around it."""
        for length in range(len(path), -1, -1):
            place = self.table.get(path[:length])
            if place is not None:
                return place
        return None

    def exact(self, *path: str | int) -> Place | None:
        return self.table.get(path)

    def span(self, *path: str | int) -> Span | None:
        """The span of a value, or of the closest thing around it."""
        place = self.find(*path)
        return place.value if place else None

    def within(self, path: Path, start: int, end: int) -> Span | None:
        """The span of characters `[start, end)` of the text at `path`."""
        place = self.find(*path)
        if place is None:
            return None
        return place.text.span(start, end) if place.text and path in self.table else place.value

    def is_computed(self, path: Path, start: int, end: int) -> bool:
        """Whether a template gave one of the characters `[start, end)` of the text at `path`."""
        place = self.exact(*path)
        return place is not None and place.text is not None and place.text.is_computed(start, end)
