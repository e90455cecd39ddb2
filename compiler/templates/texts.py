"""Values of templates as text and as JSON."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from trc.compiler.ir.values import Duration, Size
from trc.compiler.templates.mistake import Mistake

MOST_VALUES: Final = 10_000
DEEPEST: Final = 50


def plain_text(value: object) -> str:
    """A value outside of SQL: dates as ISO 8601, durations and sizes as pipelines spell them, lists as JSON."""
    match value:
        case str():
            return str.__str__(value)
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case datetime() | date():
            return value.isoformat()
        case Duration() | Size() | int() | float():
            return str(value)
        case Decimal():
            return format(value, "f")
        case list() | tuple() | dict():
            return json.dumps(jsonable(value), ensure_ascii=False)
        case _:
            raise Mistake("this is no value that can be written out", help=("write a value: a text, a number, a list",))


def jsonable(value: object) -> Any:
    """A value as JSON holds it."""
    check_extent(value)
    return _jsonable(value)


def _jsonable(value: object) -> Any:
    match value:
        case list() | tuple():
            return [_jsonable(one) for one in value]
        case dict():
            return {str(key): _jsonable(one) for key, one in value.items()}
        case Decimal():
            return int(value) if value == value.to_integral_value() and "." not in str(value) else float(value)
        case str():
            return str.__str__(value)
        case None | bool() | int() | float():
            return value
        case _:
            return plain_text(value)


def check_extent(value: object) -> None:
    """Raises Mistake where a list or a map holds more than 10,000 values in all, or nests deeper than 50."""
    work = [(value, 0)]
    seen = 0
    while work:
        one, depth = work.pop()
        seen += 1
        if seen > MOST_VALUES or depth > DEEPEST:
            raise Mistake("a list in a template holds more than 10,000 values, or nests too deep", code="TRC113")
        if isinstance(one, list | tuple):
            work.extend((inner, depth + 1) for inner in one[: MOST_VALUES + 1])
        elif isinstance(one, dict):
            work.extend((inner, depth + 1) for inner in one.values())
