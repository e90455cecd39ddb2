"""What templates may say: the names that are there, the filters and the tests."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from trc.compiler.templates.mistake import Mistake
from trc.compiler.templates.texts import jsonable, plain_text

LONGEST_TEXT: Final = 1024 * 1024
RUN_TIME_NAMES: Final = ("item", "tasks")
"""What only a run knows."""
RESERVED: Final = frozenset(
    {
        "run",
        "target",
        "params",
        "item",
        "tasks",
        "loop",
        "range",
        "true",
        "false",
        "none",
        "True",
        "False",
        "None",
        "not",
        "and",
        "or",
        "in",
        "is",
        "if",
        "else",
        "for",
        "macro",
        "set",
        "self",
        "caller",
        "varargs",
        "kwargs",
        "ident",
        "raw",
    }
)
"""What no parameter can be called, since it has a meaning of its own in templates."""


class Ident(str):
    """A text that stands in SQL as a name."""

    __slots__ = ()


class Raw(str):
    """A text that stands in SQL as it is."""

    __slots__ = ()


def _bounded(length: int) -> None:
    if length > LONGEST_TEXT:
        raise Mistake("a template makes more than 1 MiB of text", code="TRC113")


def text_of(value: object) -> str:
    """A value as text, for filters that work on text."""
    return value if isinstance(value, str) else plain_text(value)


def replaced(value: object, old: str, new: str) -> str:
    text = text_of(value)
    _bounded(len(text) + text.count(old) * max(0, len(new) - len(old)))
    return text.replace(old, new)


def joined(values: Iterable[object], separator: str = "") -> str:
    parts = [text_of(one) for one in values]
    _bounded(sum(map(len, parts)) + len(separator) * len(parts))
    return separator.join(parts)


def _shifted(value: object, days: int) -> object:
    """A date or time so many days later."""
    if not isinstance(value, date) or isinstance(days, bool) or not isinstance(days, int):
        raise Mistake('"add_days" takes a date and a number of days', help=("write {{ day | add_days(-1) }}",))
    return value + timedelta(days=days)


_DIRECTIVES: Final = re.compile(r"%[YmdHMSjyfGVuaAbBz%]")


def _formatted(value: object, pattern: str) -> str:
    if not isinstance(value, date) or not isinstance(pattern, str):
        raise Mistake('"format_date" takes a date and a pattern', help=("write {{ day | format_date('%Y/%m') }}",))
    if "%" in _DIRECTIVES.sub("", pattern) or len(pattern) > 1000:
        raise Mistake(
            f'"{pattern[:40]}" is not a pattern for dates',
            help=("it may hold %Y %m %d %H %M %S %j %y %f %G %V %u %a %A %b %B %z",),
        )
    return "".join(value.strftime(part) if part.startswith("%") else part for part in _split(pattern))


def _split(pattern: str) -> list[str]:
    return re.findall(r"%.|[^%]+", pattern)


def _integer(value: object) -> int:
    if isinstance(value, str | int | float | Decimal) and not (isinstance(value, str) and len(value) > 100):
        return int(value)
    raise Mistake('"int" takes a number, or the text of one')


def _number(value: object) -> Decimal:
    if isinstance(value, str | int | float | Decimal) and len(str(value)) <= 100:
        number = Decimal(str(value))
        if number.is_finite() and abs(number.adjusted()) < 100:
            return number
    raise Mistake('"number" takes a number, or the text of one')


def _rounded(value: Any, digits: int = 0) -> Any:
    if abs(digits) > 38:
        raise Mistake('"round" takes at most 38 digits')
    return round(value, digits) if digits else round(value)


def _unique(values: Iterable[Any]) -> list[Any]:
    found: list[Any] = []
    for one in values:
        if len(found) > 1000:
            raise Mistake('"unique" takes at most 1000 different values', code="TRC113")
        if one not in found:
            found.append(one)
    return found


def _default(value: Any, otherwise: Any = "") -> Any:
    """The value, or another one in its place where there is none; Jinja's undefined values are of a class so named."""
    return otherwise if value is None or type(value).__name__ == "StrictUndefined" else value


FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    "upper": lambda value: text_of(value).upper(),
    "lower": lambda value: text_of(value).lower(),
    "trim": lambda value: text_of(value).strip(),
    "replace": replaced,
    "string": text_of,
    "json": lambda value: json.dumps(jsonable(value), ensure_ascii=False),
    "default": _default,
    "length": len,
    "first": lambda values: next(iter(values)),
    "last": lambda values: list(values)[-1],
    "join": joined,
    "sort": sorted,
    "unique": _unique,
    "min": min,
    "max": max,
    "sum": sum,
    "abs": abs,
    "round": _rounded,
    "int": _integer,
    "number": _number,
    "add_days": _shifted,
    "format_date": _formatted,
    "ident": lambda value: Ident(_filled(value)),
    "raw": lambda value: Raw(text_of(value)),
}


def _filled(value: object) -> str:
    text = text_of(value)
    if not text:
        raise Mistake("an empty text names nothing", help=('give a text to "ident" that is a name',))
    return text


TESTS: Final = (
    "defined",
    "undefined",
    "none",
    "string",
    "number",
    "integer",
    "boolean",
    "mapping",
    "sequence",
    "odd",
    "even",
    "divisibleby",
    "in",
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
    "ge",
)
DATE_PARTS: Final = frozenset({"year", "month", "day", "hour", "minute", "second"})
LOOP_PARTS: Final = frozenset({"index", "index0", "first", "last", "length", "revindex", "revindex0"})


def date_part(value: object, name: str) -> int | None:
    """The part of a date or time of that name, or None where it has none."""
    if (
        name in DATE_PARTS
        and isinstance(value, date)
        and (isinstance(value, datetime) or name in ("year", "month", "day"))
    ):
        return int(getattr(value, name))
    return None
