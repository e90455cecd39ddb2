"""What of a plan may answer differently for the same rows: chance and the clock, ties, the order of rows, and roundings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from trc.compiler.sql.expressions import Json, Relation, expressions_in
from trc.compiler.sql.flow import How, Input
from trc.compiler.sql.functions import CONSISTENT_TABLE_FUNCTIONS, volatile_names
from trc.compiler.sql.operators import FIRST_VIRTUAL, Flows, TableKey
from trc.compiler.sql.order import Keys, is_exact, is_float, place_of
from trc.compiler.sql.ranges import type_info

_COUNTS: Final = frozenset({"count", "count_star", "count_if", "countif", "bool_and", "bool_or"})
_BY_VALUE: Final = frozenset(
    {
        "min",
        "max",
        "sum",
        "sum_no_overflow",
        "avg",
        "bit_and",
        "bit_or",
        "bit_xor",
        "median",
        "quantile_cont",
        "quantile_disc",
    }
)
"""Aggregates of which only the values count that they are given, and not their order."""
_ROUNDING: Final = frozenset(
    {
        "corr",
        "covar_pop",
        "covar_samp",
        "entropy",
        "favg",
        "fsum",
        "geomean",
        "kahan_sum",
        "kurtosis",
        "kurtosis_pop",
        "product",
        "sem",
        "skewness",
        "stddev",
        "stddev_pop",
        "stddev_samp",
        "sumkahan",
        "var_pop",
        "var_samp",
        "variance",
    }
)
"""Aggregates that compute in floating point whatever they are given."""
_IN_ORDER: Final = frozenset(
    {"any_value", "array_agg", "first", "group_concat", "last", "list", "listagg", "string_agg", "arbitrary"}
)
_PEERS: Final = frozenset({"WINDOW_RANK", "WINDOW_RANK_DENSE", "WINDOW_PERCENT_RANK", "WINDOW_CUME_DIST"})
"""Window functions that treat rows alike which the order does not tell apart."""
_OPEN_FRAMES: Final = frozenset({"UNBOUNDED_PRECEDING", "UNBOUNDED_FOLLOWING", "CURRENT_ROW_RANGE"})
"""Ends of frames that never fall between rows which the order does not tell apart."""
_MAY_RAISE: Final = frozenset({"error"})
"""DuckDB calls this volatile to keep it from being evaluated early."""


@dataclass(slots=True)
class Sized(Flows):
    """Flows that remember what each operator hands on."""

    relations: dict[int, Relation] = field(default_factory=dict[int, Relation])

    def of(self, plan: Json) -> Relation:
        relation = Flows.of(self, plan)
        if plan["type"] == "LOGICAL_GET":
            relation = _without_places(plan, relation)
        self.relations[id(plan)] = relation
        return relation


PLACE: Final = Input("\0place", None)
"""What stands for a row's place in its table, which nothing but DuckDB's own tables has."""


def _without_places(scan: Json, relation: Relation) -> Relation:
    is_virtual = [int(one["index"]) >= FIRST_VIRTUAL for one in scan["column_indexes"]]
    if len(is_virtual) != len(relation.columns) or not any(is_virtual):
        return relation
    place = {PLACE: frozenset[How](("transformed",))}
    columns = tuple(place if virtual else flow for virtual, flow in zip(is_virtual, relation.columns))
    return Relation(columns, relation.rows, relation.types, relation.names)


@dataclass(slots=True)
class Settling:
    """One pass over a plan, after `sized` was over it: what it finds, with why."""

    sized: Sized
    keys: Keys = field(default_factory=Keys)
    undetermined: str | None = None
    inexact: str | None = None
    fails: str | None = None
    sees_order: dict[str, str] = field(default_factory=dict[str, str])
    """By dataset, why the order of its rows may show."""

    def look(self, plan: Json, above: tuple[Json, ...] = ()) -> None:
        """Looks at an operator, with those that it stands under, and at all below it."""
        rule = getattr(self, f"_{str(plan['type']).lower()}", None)
        if rule is not None:
            rule(plan, above)
        for expression in every_expression(plan):
            self._expression(expression, plan, above)
        for child in plan["children"]:
            self.look(child, (*above, plan))

    def is_undetermined(self, why: str, plan: Json) -> None:
        """Notes that more than the rows decides."""
        self.undetermined = self.undetermined or why
        self._shows_order(why, plan)

    def is_inexact(self, why: str, plan: Json) -> None:
        self.inexact = self.inexact or why
        self._shows_order(why, plan)

    def may_fail(self, why: str) -> None:
        self.fails = self.fails or why

    def _shows_order(self, why: str, plan: Json) -> None:
        for dataset in _datasets(plan, self.sized.tables):
            self.sees_order.setdefault(dataset, why)

    def _width(self, plan: Json) -> int:
        relation = self.sized.relations.get(id(plan))
        return -1 if relation is None else len(relation.columns)

    def _settles(self, order: list[Json], child: Json) -> bool:
        return self.keys.settles(order, child, self._width(child))

    def _logical_get(self, plan: Json, _above: tuple[Json, ...]) -> None:
        if (plan.get("extra_info") or {}).get("sample_options"):
            self.is_undetermined("it takes a sample", plan)
        if plan["name"] == "seq_scan":
            return
        if plan["name"] not in CONSISTENT_TABLE_FUNCTIONS or plan["name"] in volatile_names():
            self.is_undetermined(f"{plan['name']}() may answer differently", plan)
        if plan["name"] != "unnest":
            self.may_fail(f"{plan['name']}() may fail")

    def _logical_sample(self, plan: Json, _above: tuple[Json, ...]) -> None:
        self.is_undetermined("it takes a sample", plan)

    def _logical_positional_join(self, plan: Json, _above: tuple[Json, ...]) -> None:
        self.is_undetermined("it joins rows by their place", plan)

    def _logical_asof_join(self, plan: Json, _above: tuple[Json, ...]) -> None:
        self.is_undetermined("it joins the nearest row, of which there may be several", plan)

    def _logical_pivot(self, plan: Json, _above: tuple[Json, ...]) -> None:
        self.is_undetermined("it pivots lists of rows", plan)

    def _logical_limit(self, plan: Json, above: tuple[Json, ...]) -> None:
        (child,) = plan["children"]
        if any(expressions_in(plan[part]) for part in ("limit_val", "offset_val")):
            self.may_fail("a LIMIT that is computed may fail")
        if self.keys.is_single(child) or _is_counted(above):
            return
        inner = child
        while inner["type"] == "LOGICAL_PROJECTION":
            (inner,) = inner["children"]
        if inner["type"] != "LOGICAL_ORDER_BY":
            self.is_undetermined("a LIMIT keeps some rows, and no ORDER BY tells which", plan)
        elif not self._settles([one["expression"] for one in inner["orders"]], inner["children"][0]):
            self.is_undetermined("a LIMIT keeps some of the rows that its ORDER BY does not tell apart", plan)

    def _logical_distinct(self, plan: Json, _above: tuple[Json, ...]) -> None:
        (child,) = plan["children"]
        targets = list(plan["distinct_targets"])
        if plan["distinct_type"] == "DISTINCT":
            self._merges(targets, plan)
        elif not self._settles([*targets, *_ordered(plan.get("order_by"))], child):
            self.is_undetermined("DISTINCT ON keeps one of several rows", plan)

    def _merges(self, keys: list[Json], plan: Json) -> None:
        """Rows with equal keys become one: whose keys it has only matters where equal values are not the same."""
        told = [type_info(one) for one in keys]
        if not all(is_exact(one) or is_float(one) for one in told):
            self.is_undetermined("it takes together values that are equal, and not the same", plan)
        elif any(map(is_float, told)):
            self.is_inexact("it takes zeros together, whatever their sign", plan)

    def _logical_aggregate_and_group_by(self, plan: Json, _above: tuple[Json, ...]) -> None:
        self._merges(plan["groups"], plan)

    def _logical_union(self, plan: Json, above: tuple[Json, ...]) -> None:
        if not plan["setop_all"]:
            self._compares(plan, above)

    def _compares(self, plan: Json, _above: tuple[Json, ...]) -> None:
        relation = self.sized.relations.get(id(plan))
        if relation is None or not all(is_exact({"id": one}) for one in relation.types):
            self.is_undetermined("it takes together rows that are equal, and may not be the same", plan)

    _logical_except = _compares
    _logical_intersect = _compares

    def _logical_materialized_cte(self, plan: Json, _above: tuple[Json, ...]) -> None:
        self.keys.shared[int(plan["table_index"])] = self.keys.of(plan["children"][0])

    def _logical_recursive_cte(self, plan: Json, above: tuple[Json, ...]) -> None:
        self.may_fail("a recursive query may find no end")
        if plan["key_targets"]:
            self.is_undetermined("later rows take the place of earlier ones", plan)
        if not plan["union_all"]:
            self._compares(plan, above)

    def _logical_comparison_join(self, plan: Json, _above: tuple[Json, ...]) -> None:
        if plan["join_type"] == "SINGLE" and not (
            self.keys.has_one_match(plan) or self.keys.is_single(plan["children"][1])
        ):
            self.may_fail("a subquery that stands for a value may yield several rows")

    _logical_delim_join = _logical_comparison_join
    _logical_any_join = _logical_comparison_join

    def _expression(self, expression: Json, plan: Json, above: tuple[Json, ...]) -> None:
        name = str(expression.get("name", ""))
        if name in volatile_names() and name not in _MAY_RAISE:
            self.is_undetermined(f"{name}() may answer differently the next time", plan)
        match expression["expression_class"]:
            case "BOUND_AGGREGATE":
                self._aggregate(expression, plan, above)
            case "BOUND_WINDOW":
                self._window(expression, plan)
            case _:
                pass

    def _aggregate(self, expression: Json, plan: Json, above: tuple[Json, ...]) -> None:
        name, values = str(expression["name"]), expression["children"]
        order = _ordered(expression.get("order_bys"))
        if name in _COUNTS:
            return None
        if name in _ROUNDING:
            return self.is_inexact(f"{name}() adds up roundings", plan)
        told = [type_info(one) for one in values]
        if name in _BY_VALUE and all(is_exact(one) or is_float(one) for one in told):
            if any(map(is_float, told)):
                self.is_inexact(f"{name}() adds up roundings", plan)
            return None
        if name in _IN_ORDER and order and self._is_same_in_order(values, order, plan["children"][0]):
            return None
        if name == "first" and _is_scalar(expression, plan, above):
            return None
        return self.is_undetermined(f"{name}() depends on the order of rows", plan)

    def _is_same_in_order(self, values: list[Json], order: list[Json], child: Json) -> bool:
        """Whether values in an order are the same list whatever order the rows come in."""
        if not all(is_exact(type_info(one)) for one in order):
            return False
        places = set(map(place_of, order)) - {None}
        return all(place_of(one) in places for one in values) or self._settles(order, child)

    def _window(self, expression: Json, plan: Json) -> None:
        kind = str(expression["type"])
        keys = [*expression["partitions"], *_ordered(expression["orders"])]
        if kind in _PEERS and not expression["arg_orders"]:
            return
        is_open = kind == "WINDOW_AGGREGATE" and {expression["start"], expression["end"]} <= _OPEN_FRAMES
        is_plain = expression["exclude_clause"] == "NO_OTHER" and not expression["arg_orders"]
        (child,) = plan["children"]
        if not is_plain or not (is_open or self._settles(keys, child)):
            self.is_undetermined("a window's order does not tell all rows apart", plan)
        elif kind == "WINDOW_AGGREGATE":
            self._aggregate(expression, plan, ())


def every_expression(value: Any) -> Iterator[Json]:
    """All expressions that an operator, but not those below it, holds; lambdas' bodies, too."""
    if isinstance(value, list):
        for item in value:
            yield from every_expression(item)
    elif isinstance(value, dict):
        if "expression_class" in value:
            yield value
        is_operator = str(value.get("type", "")).startswith("LOGICAL_")
        for key, item in value.items():
            if not (is_operator and key == "children"):
                yield from every_expression(item)


def _ordered(orders: Any) -> list[Json]:
    held = orders["orders"] if isinstance(orders, dict) else orders
    return [one["expression"] for one in held or ()]


def _is_counted(above: tuple[Json, ...]) -> bool:
    """Whether all that is done with rows is to count them, as EXISTS does."""
    if not above or above[-1]["type"] != "LOGICAL_AGGREGATE_AND_GROUP_BY":
        return False
    asked = above[-1]["expressions"]
    return not above[-1]["groups"] and all(one.get("name") == "count_star" and not one.get("filter") for one in asked)


def _is_scalar(expression: Json, plan: Json, above: tuple[Json, ...]) -> bool:
    """Whether `first` stands for the one row of a subquery, and an error for several."""
    if not above or plan["groups"] or len(plan["expressions"]) != 2 or above[-1]["type"] != "LOGICAL_PROJECTION":
        return False
    return (
        plan["expressions"][0] is expression
        and len(above[-1]["expressions"]) == 1
        and is_scalar_check(above[-1]["expressions"][0])
    )


def is_scalar_check(expression: Json) -> bool:
    """Whether an expression is DuckDB's own: an error if a count is more than one, else the first value."""
    if expression.get("expression_class") != "BOUND_CASE" or len(expression["case_checks"]) != 1:
        return False
    when, then = (expression["case_checks"][0][part] for part in ("when_expr", "then_expr"))
    return (
        when.get("type") == "COMPARE_GREATERTHAN"
        and place_of(when["left"]) == 1
        and when["right"].get("value", {}).get("value") == 1
        and place_of(expression["else_expr"]) == 0
        and any(one.get("name") == "error" for one in every_expression(then))
    )


def _datasets(plan: Json, tables: Any) -> set[str]:
    """The datasets that stand below an operator; all of them, where it may read what stands elsewhere."""
    found: set[str] = set()
    kinds = {str(one["type"]) for one in _operators(plan)}
    if kinds & {"LOGICAL_CTE_REF", "LOGICAL_DELIM_GET"}:
        return {name for names in tables.values() for name in names}
    for one in _operators(plan):
        if one["type"] == "LOGICAL_GET" and one["name"] == "seq_scan":
            key: TableKey = (str(one["function_data"]["schema"]), str(one["function_data"]["table"]))
            found |= set(tables.get(key, ()))
    return found


def _operators(plan: Json) -> Iterator[Json]:
    yield plan
    for child in plan["children"]:
        yield from _operators(child)
