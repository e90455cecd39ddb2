"""What of a plan may answer differently for the same rows: chance and the clock, ties, the order of rows, and roundings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from trc.compiler.sql.expressions import Json, NotUnderstood, expressions_in
from trc.compiler.sql.functions import CONSISTENT_TABLE_FUNCTIONS, volatile_names
from trc.compiler.sql.gathered import has_computed_frame, why_open, why_rounded
from trc.compiler.sql.kinds import is_exact, is_exact_kind, is_float, type_info
from trc.compiler.sql.order import Keys
from trc.compiler.sql.own_forms import is_only_counted
from trc.compiler.sql.plans import Above, Sized, datasets_of, expressions_of, is_scan, ordered_by

_MAY_RAISE: Final = frozenset({"error"})
"""DuckDB calls this volatile to keep it from being evaluated early."""


@dataclass(slots=True)
class Settling:
    """One pass over a plan, after `sized` was over it: what it finds, with why."""

    sized: Sized
    keys: Keys = field(default_factory=Keys)
    volatile: str | None = None
    """Why chance or the clock decides, and not the rows alone."""
    undetermined: str | None = None
    inexact: str | None = None
    fails: str | None = None
    sees_order: dict[str, str] = field(default_factory=dict[str, str])
    """By dataset, why the order of its rows may show."""

    def look(self, plan: Json, above: Above = ()) -> None:
        """Looks at an operator, with those that it stands under, and at all below it."""
        rule = _RULES.get(str(plan["type"]))
        if rule is not None:
            rule(self, plan, above)
        elif plan["type"] not in _SETTLED:
            raise NotUnderstood(f"its plan holds an operator that is not known: {plan['type']}")
        for expression in expressions_of(plan):
            _expression(self, expression, plan, above)
        for child in plan["children"]:
            self.look(child, (*above, plan))

    def is_volatile(self, why: str, plan: Json) -> None:
        """Notes that the rows alone do not decide."""
        self.volatile = self.volatile or why
        self.is_undetermined(why, plan)

    def is_undetermined(self, why: str, plan: Json) -> None:
        """Notes that the order of rows may decide, or how DuckDB goes about it."""
        self.undetermined = self.undetermined or why
        self._shows_order(why, plan)

    def is_inexact(self, why: str, plan: Json) -> None:
        """Notes that the order of rows may show in last digits."""
        self.inexact = self.inexact or why
        self._shows_order(why, plan)

    def may_fail(self, why: str) -> None:
        """Notes that deciding about rows may fail."""
        self.fails = self.fails or why

    def settles(self, order: list[Json], child: Json) -> bool:
        """Whether rows that are equal in the expressions of an order are equal altogether."""
        return self.keys.settles(order, child, self.width(child))

    def width(self, plan: Json) -> int:
        """How many columns an operator hands on."""
        relation = self.sized.relations.get(id(plan))
        return -1 if relation is None else len(relation.columns)

    def merges(self, keys: list[Json], plan: Json) -> None:
        """Rows with equal keys become one: whose keys it has only matters where equal values are not the same."""
        told = [type_info(one) for one in keys]
        if not all(is_exact(one) or is_float(one) for one in told):
            self.is_undetermined("it takes together values that are equal, and not the same", plan)
        elif any(map(is_float, told)):
            self.is_inexact("it takes zeros together, whatever their sign", plan)

    def _shows_order(self, why: str, plan: Json) -> None:
        for dataset in datasets_of(plan, self.sized.tables):
            self.sees_order.setdefault(dataset, why)


def _expression(look: Settling, expression: Json, plan: Json, above: Above) -> None:
    name = str(expression.get("name", ""))
    if name in volatile_names() and name not in _MAY_RAISE:
        look.is_volatile(f"{name}() may answer differently the next time", plan)
    if expression["expression_class"] not in ("BOUND_AGGREGATE", "BOUND_WINDOW"):
        return
    if expression["expression_class"] == "BOUND_WINDOW" and has_computed_frame(expression):
        look.is_volatile("it computes how far a window's frame reaches, which may be nowhere", plan)
    why = why_open(expression, plan, above, look.keys, look.width(plan["children"][0]))
    if why is not None:
        look.is_undetermined(why, plan)
    rounded = why_rounded(expression)
    if rounded is not None:
        look.is_inexact(rounded, plan)


def _get(look: Settling, plan: Json, _above: Above) -> None:
    if (plan.get("extra_info") or {}).get("sample_options"):
        look.is_volatile("it takes a sample", plan)
    if is_scan(plan):
        return
    if plan["name"] not in CONSISTENT_TABLE_FUNCTIONS or plan["name"] in volatile_names():
        look.is_volatile(f"{plan['name']}() may answer differently", plan)
    if plan["name"] != "unnest":
        look.may_fail(f"{plan['name']}() may fail")


def _sample(look: Settling, plan: Json, _above: Above) -> None:
    look.is_volatile("it takes a sample", plan)


def _positional_join(look: Settling, plan: Json, _above: Above) -> None:
    look.is_undetermined("it joins rows by their place", plan)


def _asof_join(look: Settling, plan: Json, _above: Above) -> None:
    look.is_undetermined("it joins the nearest row, of which there may be several", plan)


def _pivot(look: Settling, plan: Json, _above: Above) -> None:
    look.is_undetermined("it pivots lists of rows", plan)


def _limit(look: Settling, plan: Json, above: Above) -> None:
    (child,) = plan["children"]
    if any(expressions_in(plan[part]) for part in ("limit_val", "offset_val")):
        look.may_fail("a LIMIT that is computed may fail")
    if look.keys.is_single(child) or is_only_counted(above):
        return
    inner = child
    while inner["type"] == "LOGICAL_PROJECTION":
        (inner,) = inner["children"]
    if inner["type"] != "LOGICAL_ORDER_BY":
        look.is_undetermined("a LIMIT keeps some rows, and no ORDER BY tells which", plan)
    elif not look.settles(ordered_by(inner["orders"]), inner["children"][0]):
        look.is_undetermined("a LIMIT keeps some of the rows that its ORDER BY does not tell apart", plan)


def _distinct(look: Settling, plan: Json, _above: Above) -> None:
    (child,) = plan["children"]
    targets = list(plan["distinct_targets"])
    if plan["distinct_type"] == "DISTINCT":
        look.merges(targets, plan)
    elif not look.settles([*targets, *ordered_by(plan.get("order_by"))], child):
        look.is_undetermined("DISTINCT ON keeps one of several rows", plan)


def _group(look: Settling, plan: Json, _above: Above) -> None:
    look.merges(plan["groups"], plan)


def _union(look: Settling, plan: Json, above: Above) -> None:
    if not plan["setop_all"]:
        _compared(look, plan, above)


def _compared(look: Settling, plan: Json, _above: Above) -> None:
    relation = look.sized.relations.get(id(plan))
    if relation is None or not all(map(is_exact_kind, relation.types)):
        look.is_undetermined("it takes together rows that are equal, and may not be the same", plan)


def _cte(look: Settling, plan: Json, _above: Above) -> None:
    look.keys.shared[int(plan["table_index"])] = look.keys.of(plan["children"][0])


def _recursive(look: Settling, plan: Json, above: Above) -> None:
    look.may_fail("a recursive query may find no end")
    if plan["key_targets"]:
        look.is_undetermined("later rows take the place of earlier ones", plan)
    if not plan["union_all"]:
        _compared(look, plan, above)


def _join(look: Settling, plan: Json, _above: Above) -> None:
    is_value = plan["join_type"] == "SINGLE"
    if is_value and not (look.keys.has_one_match(plan) or look.keys.is_single(plan["children"][1])):
        look.may_fail("a subquery that stands for a value may yield several rows")


_RULES: Final[dict[str, Callable[[Settling, Json, Above], None]]] = {
    "LOGICAL_GET": _get,
    "LOGICAL_SAMPLE": _sample,
    "LOGICAL_POSITIONAL_JOIN": _positional_join,
    "LOGICAL_ASOF_JOIN": _asof_join,
    "LOGICAL_PIVOT": _pivot,
    "LOGICAL_LIMIT": _limit,
    "LOGICAL_DISTINCT": _distinct,
    "LOGICAL_AGGREGATE_AND_GROUP_BY": _group,
    "LOGICAL_UNION": _union,
    "LOGICAL_EXCEPT": _compared,
    "LOGICAL_INTERSECT": _compared,
    "LOGICAL_MATERIALIZED_CTE": _cte,
    "LOGICAL_RECURSIVE_CTE": _recursive,
    "LOGICAL_COMPARISON_JOIN": _join,
    "LOGICAL_DELIM_JOIN": _join,
    "LOGICAL_ANY_JOIN": _join,
}
_SETTLED: Final = frozenset(
    {
        "LOGICAL_PROJECTION",
        "LOGICAL_FILTER",
        "LOGICAL_WINDOW",
        "LOGICAL_UNNEST",
        "LOGICAL_ORDER_BY",
        "LOGICAL_CROSS_PRODUCT",
        "LOGICAL_DELIM_GET",
        "LOGICAL_CTE_REF",
        "LOGICAL_EXPRESSION_GET",
        "LOGICAL_DUMMY_SCAN",
        "LOGICAL_CHUNK_GET",
    }
)
"""Operators that do nothing which the rows alone do not settle, apart from what their expressions do."""
