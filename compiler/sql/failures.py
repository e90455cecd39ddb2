"""Where a query may fail: in deciding about its rows, or in the values of columns that nothing else depends on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from trc.compiler.sql.expressions import MARK, Json, Relation
from trc.compiler.sql.flow import Flow, merged
from trc.compiler.sql.order import Keys
from trc.compiler.sql.own_forms import is_scalar_check
from trc.compiler.sql.plans import every_expression, operators_of, outside_lambdas
from trc.compiler.sql.total import why_fails

_PRUNED: Final = frozenset(
    {
        "LOGICAL_PROJECTION",
        "LOGICAL_FILTER",
        "LOGICAL_AGGREGATE_AND_GROUP_BY",
        "LOGICAL_ORDER_BY",
        "LOGICAL_LIMIT",
        "LOGICAL_CROSS_PRODUCT",
        "LOGICAL_ANY_JOIN",
        "LOGICAL_COMPARISON_JOIN",
        "LOGICAL_DELIM_JOIN",
        "LOGICAL_DELIM_GET",
        "LOGICAL_MATERIALIZED_CTE",
        "LOGICAL_CTE_REF",
        "LOGICAL_GET",
        "LOGICAL_DUMMY_SCAN",
    }
)
"""Operators through which DuckDB sees that nobody asks for a column, and does not compute it.

Through others it does not: a window computes where its frame starts even if nobody asks for the window.
"""


_CHOOSING: Final = frozenset(
    {
        "LOGICAL_LIMIT",
        "LOGICAL_CROSS_PRODUCT",
        "LOGICAL_POSITIONAL_JOIN",
        "LOGICAL_ANY_JOIN",
        "LOGICAL_COMPARISON_JOIN",
        "LOGICAL_ASOF_JOIN",
        "LOGICAL_DELIM_JOIN",
        "LOGICAL_EXCEPT",
        "LOGICAL_INTERSECT",
        "LOGICAL_RECURSIVE_CTE",
    }
)
"""Operators that need not look at all rows that they are offered: which, DuckDB chooses by how many it expects on
either side, and by the least and greatest values that it knows of."""


@dataclass(slots=True)
class Failures:
    """The expressions of a plan that may fail, each with a mark that its effects can be told by."""

    pushed: Json
    why: dict[str, str] = field(default_factory=dict[str, str])
    held: set[str] = field(default_factory=set[str])
    """The marks of what is computed whether anybody asks for it or not."""
    early: set[str] = field(default_factory=set[str])
    """The marks of what is computed before it is known which rows are needed."""
    chooses: bool = False
    """Whether the plan holds an operator that chooses."""

    def mark(self, plan: Json) -> None:
        """Marks the expressions of a plan, before its flows are told."""
        stored = {int(one["table_index"]) for one in operators_of(self.pushed) if one["type"] in _STORING}
        self.chooses = any(one["type"] in _CHOOSING for one in operators_of(plan))
        self._mark(plan, Keys(), stored, is_held=False, is_early=False)

    def of_rows(self, relation: Relation) -> str | None:
        """Why deciding about rows may fail; so does what has an effect on nothing, and might be computed all the same."""
        in_rows, in_columns = set(_marks(relation.rows)), set(_marks(merged(relation.columns)))
        return next(
            (why for mark, why in self.why.items() if mark in in_rows | self.held or mark not in in_columns), None
        )

    def of_columns(self, names: tuple[str, ...], relation: Relation) -> Iterator[tuple[str, str]]:
        """The columns of which computing a value may fail, with why."""
        for name, flow in zip(names, relation.columns):
            mark = next(_marks(flow), None)
            if mark is not None:
                yield name, self.why[mark]

    def before_choosing(self, deciding: str | None) -> str | None:
        """Why computing what the result may have no need of may fail; `deciding` is why deciding about rows may."""
        if deciding is not None and self.chooses:
            return deciding
        return next((why for mark, why in self.why.items() if mark in self.early), None)

    def _mark(self, operator: Json, keys: Keys, stored: set[int], *, is_held: bool, is_early: bool) -> None:
        is_held = is_held or operator["type"] not in _PRUNED
        is_early = is_early or operator["type"] in _CHOOSING
        safe = _never_raises(operator, keys)
        # A call with a lambda is never known to be safe, so there is no need to look into it.
        for expression in outside_lambdas(operator):
            reason = None if id(expression) in safe else why_fails(expression)
            if reason is not None:
                mark = expression[MARK] = str(len(self.why))
                self.why[mark] = reason
                self.held |= {mark} if is_held else set()
                self.early |= {mark} if is_early else set()
        for child in operator["children"]:
            is_below = operator["type"] == "LOGICAL_MATERIALIZED_CTE" and child is operator["children"][0]
            self._mark(
                child,
                keys,
                stored,
                is_held=is_held or (is_below and _is_stored(operator, stored)),
                # Where a CTE is read, what chooses may stand above.
                is_early=is_early or (is_below and self.chooses),
            )


_STORING: Final = frozenset({"LOGICAL_MATERIALIZED_CTE", "LOGICAL_RECURSIVE_CTE"})


def _is_stored(cte: Json, stored: set[int]) -> bool:
    """Whether all columns of a CTE may be computed: it is stored, or stands where nobody sees which are asked for."""
    return int(cte["table_index"]) in stored or any(
        one["type"] not in _PRUNED for one in operators_of(cte["children"][1])
    )


def _never_raises(operator: Json, keys: Keys) -> set[int]:
    """The parts of DuckDB's check that a subquery yields one row, where that is proved."""
    expressions = operator.get("expressions") or []
    if operator["type"] != "LOGICAL_PROJECTION" or len(expressions) != 1 or not is_scalar_check(expressions[0]):
        return set()
    (counted,) = operator["children"]
    if counted["type"] != "LOGICAL_AGGREGATE_AND_GROUP_BY" or not keys.is_single(counted["children"][0]):
        return set()
    return {id(one) for one in every_expression(expressions[0]["case_checks"])}


def _marks(flow: Flow) -> Iterator[str]:
    for key in flow:
        if key.dataset == MARK and key.column is not None:
            yield key.column
