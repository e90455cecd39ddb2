"""How a backend's own table in `trc.toml` is read: its keys, and what their values may be."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import field
from typing import Any, Final

from trc.runtime.taskside.records import record

_SIZE: Final = re.compile(r"(\d+)\s*(kb|mb|gb|kib|mib|gib)", re.IGNORECASE)
_UNITS: Final = {"kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30}


@record(frozen=True, slots=True)
class Key:
    """A key of the table: what it `takes`, an example, and how its value is read. `read` raises ValueError."""

    takes: str
    example: str
    read: Callable[[Any], Any] = field(repr=False)


def size_of(value: Any) -> int:
    """Bytes of a text such as `256 MB`. Raises ValueError."""
    found = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None or not int(found[1]):
        raise ValueError(value)
    return int(found[1]) * _UNITS[found[2].lower()]


def one_of(*words: str) -> Callable[[Any], str]:
    """Reads one of the words."""

    def read(value: Any) -> str:
        if value not in words:
            raise ValueError(value)
        return str(value)

    return read


def boolean(value: Any) -> bool:
    """Reads true or false. Raises ValueError."""
    if not isinstance(value, bool):
        raise ValueError(value)
    return value


def count(least: int, most: int) -> Callable[[Any], int]:
    """Reads a whole number within bounds."""

    def read(value: Any) -> int:
        if type(value) is not int or not least <= value <= most:
            raise ValueError(value)
        return value

    return read


def matching(pattern: str) -> Callable[[Any], str]:
    """Reads a text that the pattern is of, from end to end."""

    def read(value: Any) -> str:
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise ValueError(value)
        return value

    return read
