"""Checks of plain values that an author hands in: each gives the value, or says what is wrong with it."""

from __future__ import annotations

import datetime as dt
import os
import re
from collections.abc import Iterable, Mapping
from typing import Any

from trc.authoring.misuse import Misuse, wrong_kind
from trc.authoring.places import Spot
from trc.authoring.secrets import Secret

Table = list[tuple[str, Spot, Any]]
"""Keys of the format that all front ends share, each with the place of what was written, and a value."""


class Written:
    """A value that the author wrote somewhere of its own, such as in the call of `csv(...)`."""

    __slots__ = ("data", "spot")

    def __init__(self, data: Any, spot: Spot) -> None:
        self.data = data
        self.spot = spot


class Entries:
    """A mapping whose keys are not those that the author wrote."""

    __slots__ = ("table",)

    def __init__(self, table: Table) -> None:
        self.table = table


class Param:
    """A parameter of the pipeline: as a text, and in an f-string, it is the template that stands for its value."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __str__(self) -> str:
        return "{{ " + self.name + " }}"

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)


_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}


def text(value: Any, name: str, spot: Spot) -> str:
    if isinstance(value, os.PathLike):
        return str(value)
    if isinstance(value, Param):
        return str(value)
    if isinstance(value, Secret):
        remedy = "a secret stands in the args of a task, or in the variables of its environment"
        raise Misuse(f'"{name}" cannot be a secret', spot, remedy, code="TRC220")
    if not isinstance(value, str):
        raise wrong_kind(name, value, "a text", spot)
    return str(value)


def whole(value: Any, name: str, spot: Spot) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong_kind(name, value, "a whole number", spot)
    return value


def number(value: Any, name: str, spot: Spot) -> int | float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise wrong_kind(name, value, "a number", spot)
    return value


def boolean(value: Any, name: str, spot: Spot) -> bool:
    if not isinstance(value, bool):
        raise wrong_kind(name, value, "True or False", spot)
    return value


def amount(value: Any, name: str, spot: Spot) -> str | int | float:
    """A size or a number of cores: a number, or a text with a unit."""
    return value if isinstance(value, str) else number(value, name, spot)


def seconds(value: Any, name: str, spot: Spot) -> int | float:
    """A time span: a number of seconds, a text such as `1h30m`, or a timedelta."""
    if isinstance(value, dt.timedelta):
        return _as_whole(value.total_seconds())
    if isinstance(value, str):
        parts = _PART.findall(value)
        if not parts or "".join(count + unit for count, unit in parts) != value:
            raise wrong_kind(name, value, "a time span", spot, "write it like 90, 90s or 1h30m")
        return _as_whole(sum(float(count) * _SECONDS[unit] for count, unit in parts))
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise wrong_kind(name, value, "a time span", spot, "write it like 90, 90s or 1h30m")
    return value


def _as_whole(value: float) -> int | float:
    value = round(value, 3)
    return int(value) if value == int(value) else value


def many(value: Any, name: str, spot: Spot) -> list[tuple[Any, Spot]]:
    """The items of a list or tuple with their places; one thing alone counts as a list of it."""
    if isinstance(value, (list, tuple)):
        return [(item, spot.at(index)) for index, item in enumerate(value)]
    if isinstance(value, (Mapping, set, frozenset)) or (isinstance(value, Iterable) and not isinstance(value, str)):
        raise wrong_kind(name, value, "a list", spot, "write it in brackets: [...]")
    return [(value, spot)]


def listed(value: Any, name: str, spot: Spot) -> list[tuple[Any, Spot]]:
    """The items of a list or tuple."""
    if not isinstance(value, (list, tuple)):
        raise wrong_kind(name, value, "a list", spot, "write it in brackets: [...]")
    return many(value, name, spot)


def texts(value: Any, name: str, spot: Spot) -> list[str]:
    return [text(item, f"{name}[{index}]", at) for index, (item, at) in enumerate(listed(value, name, spot))]


def keyed(value: Any, name: str, spot: Spot) -> dict[str, Any]:
    """A dict whose keys are texts."""
    if not isinstance(value, Mapping):
        raise wrong_kind(name, value, "a dict", spot)
    for key in value:
        if not isinstance(key, str):
            raise wrong_kind(f"a key of {name}", key, "a text", spot)
    return dict(value)


def plain(value: Any, name: str, spot: Spot) -> Any:
    """A value that JSON holds; dates are written as ISO has them, paths as text."""
    if value is None or isinstance(value, (str, int, float)):
        return value
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    if isinstance(value, os.PathLike):
        return str(value)
    if isinstance(value, (list, tuple)):
        return [plain(item, f"{name}[{index}]", spot.at(index)) for index, item in enumerate(value)]
    if isinstance(value, Mapping):
        return {key: plain(item, f'{name}["{key}"]', spot.at(key)) for key, item in keyed(value, name, spot).items()}
    if isinstance(value, Param):
        return str(value)
    if isinstance(value, Secret):
        return Written(Entries([("secret", value.place, value.reference)]), value.spot)
    raise wrong_kind(name, value, "a text, a number, a list or a dict of such", spot)
