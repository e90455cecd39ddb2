"""How many orders are kept ready in a worker's pipe: more, the shorter its attempts have been."""

from __future__ import annotations

from typing import Final

_AHEAD: Final = 0.02
"""Seconds of work that may wait behind the running attempt."""
_MOST: Final = 31
_SHORTEST: Final = 1e-5


class Pace:
    """What is known of how long a worker's attempts take. A long one counts at once, short ones by and by."""

    def __init__(self) -> None:
        self._seconds: float | None = None
        self.depth = 1
        """How many orders may wait: one while nothing is known, or attempts are long."""

    def saw(self, seconds: float) -> None:
        """An attempt took that long."""
        before = seconds if self._seconds is None else self._seconds
        self._seconds = max(seconds, (before + seconds) / 2, _SHORTEST)
        self.depth = max(1, min(_MOST, int(_AHEAD / self._seconds)))
