"""Time, handed in: the real clock, and what tests put in its place."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time in seconds since the epoch."""

    def now(self) -> float:
        """The present."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> float:
        return time.time()
