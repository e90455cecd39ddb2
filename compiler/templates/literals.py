"""Values as typed literals of DuckDB's SQL: each reads as exactly the value it was."""

from __future__ import annotations

import math
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from trc.compiler.ir.values import Duration, Size
from trc.compiler.templates.mistake import Mistake
from trc.compiler.templates.texts import check_extent

_WIDEST_DECIMAL: Final = 38
_LARGEST_INTEGER: Final = 2**127


def sql_literal(value: object) -> str:
    """The literal; raises Mistake for what SQL cannot hold."""
    check_extent(value)
    return _literal(value)


def quoted(text: str) -> str:
    """A text between single quotes."""
    return "'" + text.replace("'", "''") + "'"


def _literal(value: Any) -> str:
    match value:
        case None:
            return "NULL"
        case bool():
            return "true" if value else "false"
        case str():
            return quoted(str.__str__(value))
        case int():
            return _integer(value)
        case float():
            return _double(value)
        case Decimal():
            return _decimal(value)
        case datetime():
            kind = "TIMESTAMP" if value.tzinfo is None else "TIMESTAMPTZ"
            return f"{kind} '{value.isoformat(' ')}'"
        case date():
            return f"DATE '{value.isoformat()}'"
        case Duration():
            return f"INTERVAL '{value.milliseconds} milliseconds'"
        case Size():
            return str(value.bytes)
        case list() | tuple():
            return f"[{', '.join(_literal(one) for one in value)}]"
        case dict():
            if not value:
                return "MAP {}"
            return "{" + ", ".join(f"{quoted(str(key))}: {_literal(one)}" for key, one in value.items()) + "}"
        case _:
            raise Mistake("this is no value that SQL can hold", help=("write a value: a text, a number, a list",))


def _integer(value: int) -> str:
    if not -_LARGEST_INTEGER < value < _LARGEST_INTEGER:
        raise Mistake("a whole number is larger than SQL can hold")
    return str(value) if value >= 0 else f"({value})"


def _double(value: float) -> str:
    if not math.isfinite(value):
        return f"CAST('{value}' AS DOUBLE)"
    text = repr(value)
    text = text if "e" in text else f"{text}e0"
    return text if math.copysign(1, value) > 0 else f"({text})"


def _decimal(value: Decimal) -> str:
    """An exact decimal where DuckDB's are wide enough, else a double."""
    text = format(value, "f")
    digits = text.lstrip("-").replace(".", "")
    if not value.is_finite() or len(digits) > _WIDEST_DECIMAL:
        return _double(float(value))
    return text if value >= 0 and not text.startswith("-") else f"({text})"
