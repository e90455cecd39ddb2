"""How large the whole numbers that an expression yields can be: what proves that arithmetic does not overflow."""

from __future__ import annotations

from typing import Final

from trc.compiler.sql.expressions import Json
from trc.compiler.sql.kinds import BITS, is_whole, kind_of, scale, type_info

_BOUNDED: Final = {
    # DuckDB's dates reach from -5877641 to 5881580, its timestamps less far.
    "year": 6_000_000,
    "quarter": 4,
    "month": 12,
    "day": 31,
    "dayofweek": 7,
    "isodow": 7,
    "dayofyear": 366,
    "hour": 24,
    "minute": 60,
    # A text has less than 4 GiB.
    "length": 2**32,
    "strlen": 2**32,
    "sign": 1,
}
"""Functions whose results are never larger than this, either way."""


def magnitude(expression: Json) -> int:
    """What no value of an expression of whole numbers is larger than, either way; of decimals, without the point."""
    most = _most(type_info(expression))
    match expression.get("expression_class"):
        case "BOUND_CONSTANT":
            held = expression["value"].get("value", 0)
            return abs(held) if isinstance(held, int) else most
        case "BOUND_CAST" if kind_of(expression["child"]) == "BOOLEAN":
            return int(10 ** scale(expression))
        case "BOUND_CAST" if is_whole(expression["child"]) and scale(expression) >= scale(expression["child"]):
            inner = magnitude(expression["child"]) * 10 ** (scale(expression) - scale(expression["child"]))
            # A value that does not fit makes the cast fail, and is no value then.
            return int(min(most, inner))
        case "BOUND_FUNCTION" if expression["name"] in _BOUNDED and kind_of(expression) in BITS:
            return min(most, _BOUNDED[expression["name"]])
        case "BOUND_FUNCTION" if expression["name"] in ("+", "-", "*"):
            return min(most, result_magnitude(expression))
        case _:
            return most


def result_magnitude(expression: Json) -> int:
    """What no exact result of `+`, `-` or `*` is larger than, whether it fits its type or not."""
    children = expression["children"]
    if expression["name"] == "*":
        left, right = map(magnitude, children)
        return int(left * right)
    return sum(magnitude(one) * 10 ** (scale(expression) - scale(one)) for one in children)


def fits(expression: Json) -> bool:
    """Whether every result of `+`, `-` or `*` over whole numbers surely fits its type."""
    children = expression["children"]
    if not is_whole(expression) or not all(map(is_whole, children)):
        return False
    kept = sum(map(scale, children)) if expression["name"] == "*" else max(map(scale, children))
    is_signed = not kind_of(expression).startswith("U")
    return is_signed and scale(expression) == kept and result_magnitude(expression) <= _below(type_info(expression))


def _most(told: Json) -> int:
    if told["id"] == "DECIMAL":
        return int(10 ** int((told.get("type_info") or {"width": 38})["width"]))
    return int(2 ** BITS.get(str(told["id"]), 128))


def _below(told: Json) -> int:
    return _most(told) - 1
