"""Sizes and lengths of time as parameters hold them: `512Mi`, `1h30m`."""

from __future__ import annotations

import re

_SIZES = {"": 1, "Ki": 1024, "Mi": 1024**2, "Gi": 1024**3, "Ti": 1024**4}
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


def size_of(text: str | None) -> int | None:
    """The bytes of a size as the compiler prints it; None for None."""
    if text is None:
        return None
    number = text.rstrip("KMGTi")
    return int(number) * _SIZES[text[len(number) :]]


def seconds_of(text: str) -> float:
    """The seconds of a length of time as the compiler prints it."""
    return sum(int(number) * _SECONDS[unit] for number, unit in re.findall(r"(\d+)(ms|[smhd])", text))
