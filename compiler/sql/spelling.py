"""A bound expression over one table's columns as SQL that means the same: what is not surely the same is not spelt."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from trc.compiler.sql.engine import literal
from trc.compiler.sql.expressions import Json
from trc.compiler.sql.kinds import BITS, DAYS, FLOATS

Names = Callable[[int], str]
"""The quoted name of the column that an expression knows by a number."""

_INTEGERS: Final = BITS.keys() - {"UHUGEINT"}
_PLAIN: Final = _INTEGERS | FLOATS | DAYS | {"BOOLEAN", "VARCHAR"}

COMPARISONS: Final = {
    "COMPARE_EQUAL": "=",
    "COMPARE_NOTEQUAL": "<>",
    "COMPARE_LESSTHAN": "<",
    "COMPARE_GREATERTHAN": ">",
    "COMPARE_LESSTHANOREQUALTO": "<=",
    "COMPARE_GREATERTHANOREQUALTO": ">=",
    "COMPARE_DISTINCT_FROM": "IS DISTINCT FROM",
    "COMPARE_NOT_DISTINCT_FROM": "IS NOT DISTINCT FROM",
}
_OPERATORS: Final = {"~~": "LIKE", "!~~": "NOT LIKE", "~~*": "ILIKE", "!~~*": "NOT ILIKE"} | {
    name: name for name in ("+", "-", "*", "/", "//", "%", "||")
}
_CALLED: Final = frozenset(
    {
        "abs",
        "ascii",
        "ceil",
        "concat",
        "contains",
        "day",
        "dayofweek",
        "dayofyear",
        "ends_with",
        "floor",
        "hour",
        "instr",
        "isfinite",
        "isinf",
        "isnan",
        "isodow",
        "left",
        "length",
        "lower",
        "ltrim",
        "md5",
        "minute",
        "month",
        "prefix",
        "quarter",
        "replace",
        "reverse",
        "right",
        "rtrim",
        "second",
        "sign",
        "starts_with",
        "strlen",
        "strpos",
        "substr",
        "substring",
        "suffix",
        "trim",
        "upper",
        "year",
    }
)
"""Functions of which a call by name, over arguments of equal types, is the same function."""


class CannotSpell(Exception):  # noqa: N818 - not an error, but an answer
    """There is no SQL that surely means the same."""


def quoted(name: str) -> str:
    """A name as SQL."""
    return '"' + name.replace('"', '""') + '"'


def spell(expression: Json, names: Names) -> str:
    """An expression as SQL; in parentheses wherever it could be read otherwise."""
    match expression.get("expression_class"):
        case "BOUND_REF":
            return names(int(expression["index"]))
        case "BOUND_CONSTANT":
            return spell_value(expression["value"])
        case "BOUND_COMPARISON":
            return spell_comparison(
                str(expression["type"]), spell(expression["left"], names), spell(expression["right"], names)
            )
        case "BOUND_CONJUNCTION":
            return spell_joined(str(expression["type"]), _each(expression["children"], names))
        case "BOUND_BETWEEN":
            return _between(expression, names)
        case "BOUND_CASE":
            return _case(expression, names)
        case "BOUND_CAST":
            word = "TRY_CAST" if expression["try_cast"] else "CAST"
            return f"{word}({spell(expression['child'], names)} AS {spell_type(expression['return_type'])})"
        case "BOUND_OPERATOR":
            return _operator(str(expression["type"]), _each(expression["children"], names))
        case "BOUND_FUNCTION":
            return _call(expression, names)
        case _:
            raise CannotSpell


def spell_comparison(kind: str, left: str, right: str) -> str:
    if kind not in COMPARISONS:
        raise CannotSpell
    return f"({left} {COMPARISONS[kind]} {right})"


def spell_joined(kind: str, parts: Sequence[str]) -> str:
    word = {"CONJUNCTION_AND": " AND ", "CONJUNCTION_OR": " OR "}.get(kind)
    if word is None or not parts:
        raise CannotSpell
    return f"({word.join(parts)})"


def spell_type(told: Json) -> str:
    """A type of a plan as SQL."""
    kind, info = str(told["id"]), told.get("type_info")
    if kind == "DECIMAL" and info and not info.get("alias"):
        return f"DECIMAL({int(info['width'])},{int(info['scale'])})"
    if kind not in _PLAIN or info is not None:
        raise CannotSpell
    return kind


def spell_value(value: Json) -> str:
    """A constant as SQL that has its type."""
    kind, told = str(value["type"]["id"]), spell_type(value["type"])
    if value["is_null"]:
        return f"CAST(NULL AS {told})"
    held: Any = value["value"]
    match held:
        case bool() if kind == "BOOLEAN":
            text = str(held).lower()
        case str() if kind == "VARCHAR" and "\0" not in held:
            return f"CAST({literal(held)} AS VARCHAR)"
        case int() if kind in _INTEGERS:
            text = str(held)
        case int() if kind == "DECIMAL":
            text = f"{Decimal(held).scaleb(-int(value['type']['type_info']['scale'])):f}"
        case int() if kind == "DATE":
            text = _date(held)
        case int() if kind == "TIMESTAMP":
            text = _timestamp(held)
        case float() | int() if kind in ("FLOAT", "DOUBLE") and math.isfinite(held):
            text = repr(float(held))
        case _:
            raise CannotSpell
    return f"CAST({literal(text)} AS {told})"


def _date(days: int) -> str:
    try:
        return (date(1970, 1, 1) + timedelta(days=days)).isoformat()
    except OverflowError:
        raise CannotSpell from None


def _timestamp(microseconds: int) -> str:
    try:
        # Without a zone, as the type.
        return (datetime(1970, 1, 1) + timedelta(microseconds=microseconds)).isoformat(" ")  # noqa: DTZ001
    except OverflowError:
        raise CannotSpell from None


def _each(children: Sequence[Json], names: Names) -> list[str]:
    return [spell(one, names) for one in children]


def _between(expression: Json, names: Names) -> str:
    value, low, high = (spell(expression[part], names) for part in ("input", "lower", "upper"))
    at_least = ">=" if expression["lower_inclusive"] else ">"
    at_most = "<=" if expression["upper_inclusive"] else "<"
    return f"(({value} {at_least} {low}) AND ({value} {at_most} {high}))"


def _case(expression: Json, names: Names) -> str:
    checks = [
        f"WHEN {spell(one['when_expr'], names)} THEN {spell(one['then_expr'], names)}"
        for one in expression["case_checks"]
    ]
    return f"CASE {' '.join(checks)} ELSE {spell(expression['else_expr'], names)} END"


def _operator(kind: str, parts: list[str]) -> str:
    first, *rest = parts
    match kind:
        case "OPERATOR_NOT":
            return f"(NOT {first})"
        case "OPERATOR_IS_NULL":
            return f"({first} IS NULL)"
        case "OPERATOR_IS_NOT_NULL":
            return f"({first} IS NOT NULL)"
        case "COMPARE_IN":
            return f"({first} IN ({', '.join(rest)}))"
        case "COMPARE_NOT_IN":
            return f"({first} NOT IN ({', '.join(rest)}))"
        case "OPERATOR_COALESCE":
            return f"coalesce({', '.join(parts)})"
        case _:
            raise CannotSpell


def _call(expression: Json, names: Names) -> str:
    name = str(expression["name"])
    parts = _each(expression["children"], names)
    if name in _OPERATORS and len(parts) == 2:
        return f"({parts[0]} {_OPERATORS[name]} {parts[1]})"
    if name in _CALLED:
        return f"{name}({', '.join(parts)})"
    raise CannotSpell
