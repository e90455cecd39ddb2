"""When a command is given."""

from __future__ import annotations

from datetime import UTC, datetime

from trc.compiler.templates.moments import logical_time
from trc.runtime.errors import stopped


def given_now(at: str | None) -> datetime:
    """The present; stops where what was asked for in its place is no time."""
    now = datetime.now(UTC)
    try:
        logical_time(at, now, UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        raise stopped(
            "TRC205", f'"{at}" is not a time', "write it like 2026-01-31 or 2026-01-31T02:00:00+01:00"
        ) from None
    return now
