"""Columns of a query that have one value in all of its rows, and what conditions on its rows come to because of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from trc.compiler.ir.types import Schema, Unknown
from trc.compiler.sql.bind import Binder
from trc.compiler.sql.expressions import Json
from trc.compiler.sql.facts import Condition
from trc.compiler.sql.parse import Parsed, parse
from trc.compiler.sql.plans import is_scan, operators_of, place_of
from trc.compiler.sql.pushed import spelt
from trc.compiler.sql.spelling import CannotSpell
from trc.compiler.sql.tokens import tokenize

_KEEP_COLUMNS: Final[Mapping[str, str]] = {
    "LOGICAL_FILTER": "projection_map",
    "LOGICAL_ORDER_BY": "projections",
    "LOGICAL_LIMIT": "",
    "LOGICAL_DISTINCT": "",
}
"""Operators that hand on rows as they are, with the part that would name the columns that are left."""


def fixed_columns(plan: Json, columns: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The columns of a bound plan that are constants, each with its value as SQL that has its type."""
    for place, name in enumerate(columns):
        value = _value_of(plan, place)
        if value is not None:
            yield name, value


def _value_of(plan: Json, place: int) -> str | None:
    """What a column of an operator is in all of its rows; None where it may differ, or fail."""
    while plan["type"] in _KEEP_COLUMNS and not plan.get(_KEEP_COLUMNS[plan["type"]]):
        (plan,) = plan["children"]
    if plan["type"] != "LOGICAL_PROJECTION":
        return None
    expression = plan["expressions"][place]
    below = place_of(expression)
    return spelt(expression, _no_column) if below is None else _value_of(plan["children"][0], below)


def _no_column(_place: int) -> str:
    raise CannotSpell


def settled(condition: Condition, schema: Schema, values: Mapping[str, str], binder: Binder) -> bool | None:
    """Whether a condition holds for all rows of a dataset with these constants, or for none; None where that is open.

    DuckDB says so: the values in the place of their columns, it finds nothing left to ask of a row, or no row left.
    """
    if isinstance(schema, Unknown) or values.keys().isdisjoint(condition.columns):
        return None
    parsed = parse(f"SELECT 1 AS one FROM trc_rows WHERE {_with(condition.sql, values)}")  # noqa: S608 - made of spelt plans
    if not isinstance(parsed, Parsed):
        return None
    bound = binder.plan(parsed, {"trc_rows": schema}, {}, pushed=True)
    if isinstance(bound, Unknown) or bound.pushed is None:
        return None
    operators = list(operators_of(bound.pushed))
    if any(one["type"] == "LOGICAL_EMPTY_RESULT" for one in operators):
        return False
    is_asked = any(one["type"] not in ("LOGICAL_PROJECTION", "LOGICAL_GET") for one in operators)
    is_asked = is_asked or any(not is_scan(one) for one in operators if one["type"] == "LOGICAL_GET")
    return None if is_asked or any(_filters(one) for one in operators) else True


def _with(sql: str, values: Mapping[str, str]) -> str:
    """A condition with values in the place of columns: in conditions, what stands in quotes is a column."""
    parts, end = [], 0
    for token in tokenize(sql):
        value = values.get(token.name or "") if token.kind == "quoted" else None
        if value is not None:
            parts += [sql[end : token.start], f"({value})"]
            end = token.end
    return "".join((*parts, sql[end:]))


def _filters(operator: Json) -> bool:
    return bool((operator.get("table_filters") or {}).get("filters"))
