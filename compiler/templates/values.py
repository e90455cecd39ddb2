"""Reads the value of a parameter by its declared type, from a text or from JSON's kinds of values."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Final

from trc.compiler.ir.pipeline import ParamType
from trc.compiler.ir.values import Duration, Size
from trc.compiler.templates.mistake import Mistake
from trc.compiler.templates.texts import check_extent

_EXAMPLES: Final[Mapping[str, str]] = {
    "string": "a text",
    "integer": "a whole number, such as 3",
    "number": "a number, such as 3 or 0.5",
    "boolean": "true or false",
    "date": "a date, such as 2026-01-31",
    "timestamp": "a time, such as 2026-01-31T02:00:00 or 2026-01-31T02:00:00+01:00",
    "duration": "a duration, such as 90s or 1h30m",
    "size": "a size, such as 512Mi or 2Gi",
    "list": 'a list; on the command line as JSON, such as ["a", "b"]',
    "map": 'a map; on the command line as JSON, such as {"a": 1}',
}
_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,19}")
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_UNWRITABLE: Final = re.compile("[\0\ud800-\udfff]")


class Misfit(ValueError):  # noqa: N818 - a finding, not an error of ours
    """A value is not of the type; the message goes on after "is"."""


def typed_value(kind: ParamType, raw: object) -> Any:
    """The value that `raw` spells for a parameter of this type; raises Misfit. `None` is nothing, of any type."""
    _check_texts(raw)
    if raw is None:
        return None
    try:
        value = _READERS[kind](raw)
    except (ValueError, ArithmeticError, RecursionError):
        value = None
    if value is None:
        raise Misfit(f"not {_EXAMPLES[kind]}")
    return value


def _check_texts(raw: object) -> None:
    try:
        check_extent(raw)
    except Mistake as mistake:
        raise Misfit("too large: a value holds at most 10,000 values, 50 deep") from mistake
    work = [raw]
    while work:
        one = work.pop()
        if isinstance(one, str) and (_UNWRITABLE.search(one) or len(one) > 1024 * 1024):
            raise Misfit("a text that holds a NUL character or half of one, or is longer than 1 MiB")
        if isinstance(one, list | tuple):
            work.extend(one)
        elif isinstance(one, dict):
            work.extend([*one, *one.values()])


def _string(raw: object) -> str | None:
    return str.__str__(raw) if isinstance(raw, str) else None


def _integer(raw: object) -> int | None:
    if isinstance(raw, str) and _WHOLE.fullmatch(raw):
        raw = int(raw)
    is_whole = isinstance(raw, int) and not isinstance(raw, bool) and -(2**63) <= raw < 2**63
    return raw if is_whole and isinstance(raw, int) else None


def _number(raw: object) -> int | Decimal | None:
    if isinstance(raw, bool):
        return None
    if isinstance(raw, Decimal):
        return raw if raw.is_finite() else None
    if isinstance(raw, float):
        raw = repr(raw) if math.isfinite(raw) else None
    if isinstance(raw, str) and len(raw) <= 400 and _NUMBER.fullmatch(raw) and not _WHOLE.fullmatch(raw):
        return Decimal(raw)
    return _integer(raw)


def _boolean(raw: object) -> bool | None:
    return raw if isinstance(raw, bool) else {"true": True, "false": False}.get(raw) if isinstance(raw, str) else None


def _date(raw: object) -> date | None:
    if isinstance(raw, datetime):
        return raw.date() if raw.time() == time() else None
    if isinstance(raw, date):
        return raw
    return date.fromisoformat(raw) if isinstance(raw, str) and _DATE.fullmatch(raw) else None


def _timestamp(raw: object) -> datetime | None:
    if isinstance(raw, date) and not isinstance(raw, datetime):
        return datetime(raw.year, raw.month, raw.day)  # noqa: DTZ001 - a time of the author's own zone
    if isinstance(raw, datetime):
        return raw
    return datetime.fromisoformat(raw) if isinstance(raw, str) else None


def _duration(raw: object) -> Duration | None:
    return raw if isinstance(raw, Duration) else Duration.parse(_maybe_number(raw))


def _size(raw: object) -> Size | None:
    return raw if isinstance(raw, Size) else Size.parse(raw)


def _maybe_number(raw: object) -> object:
    return float(raw) if isinstance(raw, str) and _NUMBER.fullmatch(raw.strip()) else raw


def _list(raw: object) -> list[Any] | None:
    return list(raw) if isinstance(raw, list | tuple) else _json(raw, list)


def _map(raw: object) -> dict[str, Any] | None:
    return raw if isinstance(raw, dict) else _json(raw, dict)


def _json(raw: object, kind: type[Any]) -> Any:
    if not isinstance(raw, str):
        return None
    value = json.loads(raw, parse_constant=_no_constant)
    _check_texts(value)
    return value if isinstance(value, kind) else None


def _no_constant(word: str) -> None:
    raise ValueError(word)


_READERS: Final[Mapping[ParamType, Callable[[object], Any]]] = {
    "string": _string,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "date": _date,
    "timestamp": _timestamp,
    "duration": _duration,
    "size": _size,
    "list": _list,
    "map": _map,
}
