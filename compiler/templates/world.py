"""What templates can name, what they may use, and the pieces that they come back in."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from trc.compiler.diagnostics.nearest import did_you_mean
from trc.compiler.templates.mistake import Mistake, Unsettled
from trc.compiler.templates.segments import Segment
from trc.compiler.templates.words import LONGEST_TEXT

_MOST_STEPS: Final = 500_000
_LONGEST_TIME: Final = 3.0


@dataclass(slots=True)
class Budget:
    """What all templates of one compilation may use together: steps, seconds of work, characters."""

    steps: int = _MOST_STEPS
    seconds: float = _LONGEST_TIME
    characters: int = 16 * LONGEST_TEXT
    _until: float | None = field(default=None)

    def start(self) -> float:
        self._until = time.monotonic() + self.seconds
        return self._until

    def stop(self) -> None:
        if self._until is not None:
            self.seconds = max(0.0, self._until - time.monotonic())

    def step(self, count: int = 1) -> None:
        self.steps -= count
        if self.steps < 0 or (self._until is not None and time.monotonic() > self._until):
            raise Mistake("the pipeline's templates take too long", code="TRC113", help=("loop over fewer values",))

    @property
    def is_spent(self) -> bool:
        return self.steps <= 0 or self.seconds <= 0

    def write(self, length: int) -> None:
        if length > min(LONGEST_TEXT, self.characters):
            raise Mistake("a template makes more than 1 MiB of text", code="TRC113")
        self.characters -= length


class Names:
    """Something with values by name, such as `run`; to ask for one that is not settled ends the rendering."""

    def __init__(self, called: str, values: Mapping[str, object], used: Callable[[str], None]) -> None:
        self.called = called
        self.values = values
        self.used = used

    def get(self, name: str) -> object:
        if name not in self.values:
            listed = f"it has: {', '.join(self.values)}"
            raise Mistake(f'"{self.called}" has no "{name}"', help=did_you_mean(name, self.values) or (listed,))
        self.used(f"{self.called}.{name}")
        value = self.values[name]
        if isinstance(value, Missing):
            raise Unsettled(f"{self.called}.{name}")
        return value


class Missing:
    """Stands for a value that nobody gave."""


MISSING: Final = Missing()


@dataclass(frozen=True, slots=True)
class RunTime:
    """Stands for a value that only a run knows: `path` is what was asked of it, such as `("item", "id")`."""

    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of what a template says: a text of its own, or the value of the expression at `[start, end)`.

    `is_text` says that it stands in the template as it is; `depth` counts the macros that it came through.
    """

    value: Any
    start: int
    end: int
    is_text: bool = False
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Macros:
    """The macros of one imported file, cut; `names` are what they are called."""

    file: str
    text: str
    segments: tuple[Segment, ...]
    names: frozenset[str]


@dataclass(slots=True)
class World:
    """What the templates of a compilation can name, and what they may use together."""

    names: dict[str, Any] = field(default_factory=dict[str, Any])
    macros: tuple[Macros, ...] = ()
    budget: Budget = field(default_factory=Budget)

    @property
    def known(self) -> list[str]:
        return [*self.names, *(name for one in self.macros for name in sorted(one.names))]

    def needed(self, segments: Iterable[Segment]) -> tuple[Macros, ...]:
        """The files whose macros a template may call; macros may call each other across files."""
        words = {word for one in segments for word in re.findall(r"[^\W\d]\w*", one.code)}
        return self.macros if any(words & one.names for one in self.macros) else ()
