"""Expressions of a bound plan that are the same for every row: whether they have a value, found by asking for it."""

from __future__ import annotations

from functools import lru_cache

from trc.compiler.sql.engine import query
from trc.compiler.sql.expressions import Json
from trc.compiler.sql.kinds import BITS, kind_of
from trc.compiler.sql.plans import parts_of
from trc.compiler.sql.spelling import CannotSpell, spell


def is_constant(expression: Json) -> bool:
    """Whether an expression is made of constants alone."""
    kind = expression.get("expression_class")
    if kind in ("BOUND_CAST", "BOUND_FUNCTION", "BOUND_OPERATOR"):
        return all(map(is_constant, parts_of(expression)))
    return kind == "BOUND_CONSTANT"


def has_value(expression: Json) -> bool:
    """Whether an expression is a constant that has a value, as `CAST('2020-01-01' AS DATE)`."""
    if not is_constant(expression):
        return False
    try:
        return evaluates(spell(expression, str))
    except CannotSpell:
        return False


@lru_cache(maxsize=4096)
def evaluates(sql: str) -> bool:
    """Whether a constant of SQL has a value."""
    import duckdb

    try:
        query(f"SELECT {sql}")
    except duckdb.Error:
        return False
    return True


def is_count(expression: Json) -> bool:
    """Whether an expression is a whole number that is written out, not below zero and below 2^31."""
    held = expression["child"] if expression.get("expression_class") == "BOUND_CAST" else expression
    is_number = held.get("expression_class") == "BOUND_CONSTANT" and kind_of(held) in BITS
    value = held["value"].get("value") if is_number else None
    return isinstance(value, int) and 0 <= value < 2**31 and (held is expression or kind_of(expression) == "BIGINT")


def constant_text(expression: Json) -> str:
    """The text that an expression is; nothing, if it is none."""
    is_text = expression.get("expression_class") == "BOUND_CONSTANT" and kind_of(expression) == "VARCHAR"
    return str(expression["value"].get("value") or "") if is_text else ""
