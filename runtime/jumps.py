"""Notices when the wall clock jumps: it is set, or the machine has slept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

_APART: Final = 1.0
"""Seconds by which the two clocks may go apart between two looks: small corrections are no jump."""


class Jumps:
    """Compares a wall clock with a `steady` one, which nobody sets, and which stands still while the machine sleeps."""

    def __init__(self, steady: Callable[[], float]) -> None:
        self._steady = steady
        self._apart: float | None = None

    def by(self, now: float) -> float:
        """How many seconds the wall clock, which says `now`, has jumped since it was last asked."""
        apart = now - self._steady()
        before, self._apart = self._apart, apart
        if before is None or abs(apart - before) < _APART:
            return 0.0
        return apart - before
