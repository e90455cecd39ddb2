"""Takes the values of a run's secrets out of what is told of it, whoever printed them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from trc.runtime.taskside.masking import Masker

Mask = Callable[[Any], Any]
"""A value of JSON without any secret."""


class RunMask:
    """Masks what the run has fetched so far; `known` are the values."""

    def __init__(self, known: Callable[[], Collection[str]]) -> None:
        self._known = known
        self._of = 0
        self._masker: Masker | None = None

    def __call__(self, value: Any) -> Any:
        values = self._known()
        if len(values) != self._of:
            self._of, self._masker = len(values), Masker(values)
        return value if self._masker is None else self._masker.value(value)


def unmasked(value: Any) -> Any:
    """For runs without secrets."""
    return value
