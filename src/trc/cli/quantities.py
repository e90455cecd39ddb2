"""Durations, sizes, counts and times as people read them."""

from __future__ import annotations

from datetime import datetime
from typing import Final

_UNITS: Final = ("kB", "MB", "GB", "TB", "PB")


def duration(seconds: float) -> str:
    """A length of time: `40ms`, `1.2s`, `2m05s`, `3h07m`, `2d04h`."""
    seconds = max(seconds, 0.0)
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f}ms"
    if seconds < 59.95:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    if whole < 86_400:
        return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
    return f"{whole // 86_400}d{whole % 86_400 // 3600:02d}h"


def size(number: int) -> str:
    """A number of bytes: `812 B`, `3.4 MB`."""
    if number < 1000:
        return f"{number} B"
    value, step = number / 1000, 0
    while value >= 999.95 and step < len(_UNITS) - 1:
        value, step = value / 1000, step + 1
    return f"{value:.1f} {_UNITS[step]}"


def count(number: int, noun: str = "", plural: str = "") -> str:
    """A number with its thousands apart, and with its noun in singular or plural."""
    text = f"{number:,}"
    if not noun:
        return text
    return f"{text} {noun if number == 1 else plural or noun + 's'}"


def moment(seconds: float) -> str:
    """A time of the epoch in the machine's zone: `2026-01-15 09:00:03`."""
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def names(words: tuple[str, ...], limit: int = 5) -> str:
    """Names in one line; those past `limit` are counted."""
    shown = ", ".join(words[:limit])
    return f"{shown} and {count(len(words) - limit)} more" if len(words) > limit else shown
