"""Which expressions of a bound plan have a value for every row: what is not known to have one may fail."""

from __future__ import annotations

from typing import Final

from trc.compiler.sql.constants import has_value
from trc.compiler.sql.expressions import Json
from trc.compiler.sql.kinds import kind_of
from trc.compiler.sql.plans import parts_of
from trc.compiler.sql.total_calls import is_total_call
from trc.compiler.sql.total_casts import is_total_cast
from trc.compiler.sql.total_gathered import is_total_aggregate, is_total_window

_OPERATORS: Final = frozenset(
    {
        "OPERATOR_NOT",
        "OPERATOR_IS_NULL",
        "OPERATOR_IS_NOT_NULL",
        "OPERATOR_COALESCE",
        "COMPARE_IN",
        "COMPARE_NOT_IN",
        "GROUPING_FUNCTION",
    }
)
_TOTAL_KINDS: Final = frozenset(
    {
        "BOUND_REF",
        "BOUND_COLUMN_REF",
        "BOUND_CONSTANT",
        "BOUND_COMPARISON",
        "BOUND_CONJUNCTION",
        "BOUND_BETWEEN",
        "BOUND_CASE",
        "BOUND_UNNEST",
    }
)


def why_fails(expression: Json) -> str | None:
    """Why an expression may fail although those that it is made of do not; None where it cannot."""
    return None if _is_total(expression) or has_value(expression) else f"{_called(expression)} may fail"


def why_any_fails(expression: Json) -> str | None:
    """Why an expression, or one that it is made of, may fail."""
    whys = map(why_any_fails, parts_of(expression))
    return why_fails(expression) or next((why for why in whys if why is not None), None)


def _called(expression: Json) -> str:
    match expression.get("expression_class"):
        case "BOUND_CAST":
            return f"a cast from {kind_of(expression['child'])} to {kind_of(expression)}"
        case "BOUND_FUNCTION" | "BOUND_AGGREGATE":
            name = str(expression["name"])
            types = ", ".join(map(kind_of, expression["children"]))
            return f"{name}({types})" if name.isidentifier() else f'"{name}" of {types}'
        case "BOUND_WINDOW":
            return "a window function"
        case _:
            return str(expression.get("type"))


def _is_total(expression: Json) -> bool:
    match expression.get("expression_class"):
        case "BOUND_OPERATOR":
            return expression["type"] in _OPERATORS
        case "BOUND_CAST":
            return is_total_cast(expression)
        case "BOUND_FUNCTION":
            return is_total_call(expression)
        case "BOUND_AGGREGATE":
            return is_total_aggregate(expression)
        case "BOUND_WINDOW":
            return is_total_window(expression)
        case kind:
            return kind in _TOTAL_KINDS
