"""What the operators of a bound plan hand on: every kind that a query can be planned with, and no guess at others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from trc.compiler.sql.expressions import (
    ANY_TYPE,
    Json,
    NotUnderstood,
    Relation,
    all_flows,
    flow_of,
    type_of,
)
from trc.compiler.sql.flow import NOTHING, Flow, How, Input, merged, through
from trc.compiler.sql.functions import CONSISTENT_TABLE_FUNCTIONS

FIRST_VIRTUAL: Final = 2**63
"""From here on a column's number means none of the table's own: a row's place, or nothing at all."""

TableKey = tuple[str, str]
"""A schema and a table of the database that the query was bound in."""


@dataclass(slots=True)
class Flows:
    """One pass over a plan. `tables` are the datasets that each table stands for."""

    tables: Mapping[TableKey, tuple[str, ...]]
    shared: dict[int, Relation] = field(default_factory=dict[int, Relation])
    """What each CTE holds, by its number; of a recursive one, what is known of it so far."""
    around: list[Relation] = field(default_factory=list[Relation])
    """For each correlated join that is being looked at, the columns that its right side sees."""

    def of(self, plan: Json) -> Relation:
        """What an operator hands on."""
        rule = _RULES.get(str(plan.get("type")))
        if rule is None:
            raise NotUnderstood(f"its plan holds an operator that is not known: {plan.get('type')}")
        return rule(self, plan)


def _only_child(flows: Flows, plan: Json) -> Relation:
    (child,) = plan["children"]
    return flows.of(child)


def _get(flows: Flows, plan: Json) -> Relation:
    """A table's columns; a table function's, which all depend on all that it is given."""
    numbers = [int(one["index"]) for one in plan["column_indexes"]]
    names = tuple((int(plan["table_index"]), place) for place in range(len(numbers)))
    known = plan["returned_types"]
    types = tuple(ANY_TYPE if number >= FIRST_VIRTUAL else str(known[number]["id"]) for number in numbers)
    if plan["children"]:
        return _table_function(flows, plan, types, names)
    if plan["name"] != "seq_scan":
        if plan["name"] not in CONSISTENT_TABLE_FUNCTIONS:
            raise NotUnderstood(f"it calls {plan['name']}(), whose columns have no sources that are known")
        return Relation((NOTHING,) * len(numbers), NOTHING, types, names)
    table = plan["function_data"]
    datasets = flows.tables.get((str(table["schema"]), str(table["table"])))
    if datasets is None or plan["table_filters"].get("filters"):
        raise NotUnderstood("its plan reads a table that is not one of its own")
    columns = tuple(_table_column(datasets, plan["names"], number) for number in numbers)
    relation = Relation(columns, {Input(one, None): frozenset[How](("rows",)) for one in datasets}, types, names)
    return relation.kept(plan["projection_ids"])


def _table_column(datasets: tuple[str, ...], names: list[str], number: int) -> Flow:
    if number >= FIRST_VIRTUAL:
        return {Input(one, None): frozenset[How](("transformed",)) for one in datasets}
    return {Input(one, str(names[number])): frozenset[How](("identity",)) for one in datasets}


def _table_function(flows: Flows, plan: Json, types: tuple[str, ...], names: tuple[tuple[int, int], ...]) -> Relation:
    """Such as unnest() of a column: rows go in, any number of rows come out, beside columns that are handed on."""
    if plan["name"] not in CONSISTENT_TABLE_FUNCTIONS:
        raise NotUnderstood(f"it calls {plan['name']}(), whose columns have no sources that are known")
    given = _only_child(flows, plan)
    all_given = merged(given.columns)
    own = Relation((through("transformed", all_given),) * len(names), NOTHING, types, names)
    rows = merged((given.rows, through("unnest", all_given)))
    handed_on = given.kept(plan["projected_input"]) if plan["projected_input"] else Relation((), rows, (), ())
    return own.beside(handed_on, rows)


def _projection(flows: Flows, plan: Json) -> Relation:
    return _computed(_only_child(flows, plan), plan["expressions"], int(plan["table_index"]))


def _computed(child: Relation, expressions: list[Json], table: int) -> Relation:
    return Relation(
        tuple(flow_of(one, child) for one in expressions),
        child.rows,
        tuple(map(type_of, expressions)),
        tuple((table, place) for place in range(len(expressions))),
    )


def _filter(flows: Flows, plan: Json) -> Relation:
    child = _only_child(flows, plan)
    return child.with_rows(all_flows(plan["expressions"], child, "filter")).kept(plan["projection_map"])


def _aggregate(flows: Flows, plan: Json) -> Relation:
    """One row a group; without groups, one row whatever comes in."""
    child = _only_child(flows, plan)
    groups = _computed(child, plan["groups"], int(plan["group_index"]))
    results = _computed(child, plan["expressions"], int(plan["aggregate_index"]))
    asked = len(plan["grouping_functions"])
    table = int(plan["groupings_index"])
    sets = Relation((NOTHING,) * asked, NOTHING, (ANY_TYPE,) * asked, tuple((table, i) for i in range(asked)))
    rows = merged((child.rows, *(through("group", one) for one in groups.columns)))
    whole = groups.beside(results, rows).beside(sets, rows)
    return whole if groups.columns else _folded(whole)


def _folded(relation: Relation) -> Relation:
    """The same values where the number of rows is no longer that of `relation`: they depend on its rows themselves."""
    return Relation(
        tuple(merged((column, relation.rows)) for column in relation.columns), NOTHING, relation.types, relation.names
    )


def _window(flows: Flows, plan: Json) -> Relation:
    """Rows come out in the order of the windows."""
    child = _only_child(flows, plan)
    computed = _computed(child, plan["expressions"], int(plan["window_index"]))
    keys = [one.get(part) for one in plan["expressions"] for part in ("partitions", "orders")]
    rows = merged((child.rows, all_flows(keys, child, "order")))
    return child.beside(computed, rows)


def _unnest(flows: Flows, plan: Json) -> Relation:
    child = _only_child(flows, plan)
    computed = _computed(child, plan["expressions"], int(plan["unnest_index"]))
    return child.beside(computed, merged((child.rows, *(through("unnest", one) for one in computed.columns))))


def _order(flows: Flows, plan: Json) -> Relation:
    child = _only_child(flows, plan)
    return child.with_rows(all_flows(plan["orders"], child, "order")).kept(plan["projections"])


def _limit(flows: Flows, plan: Json) -> Relation:
    """Which rows are kept follows from the order that they stand in."""
    child = _only_child(flows, plan)
    limits = all_flows([plan["limit_val"], plan["offset_val"]], child, "limit")
    order = {key: frozenset[How](("limit",)) for key, hows in child.rows.items() if "order" in hows}
    return child.with_rows(limits, order)


def _distinct(flows: Flows, plan: Json) -> Relation:
    child = _only_child(flows, plan)
    return child.with_rows(
        all_flows(plan["distinct_targets"], child, "group"), all_flows(plan["order_by"], child, "order")
    )


def _sample(flows: Flows, plan: Json) -> Relation:
    return _only_child(flows, plan)


def _cross(flows: Flows, plan: Json) -> Relation:
    left, right = (flows.of(child) for child in plan["children"])
    return left.beside(right, merged((left.rows, right.rows)))


def _join(flows: Flows, plan: Json) -> Relation:
    left, right = (flows.of(child) for child in plan["children"])
    return _joined(plan, left, right)


def _correlated_join(flows: Flows, plan: Json) -> Relation:
    """The right side sees the different values that some columns of the left side have."""
    if plan["delim_flipped"]:
        raise NotUnderstood("its plan holds a join of a form that is not known")
    first, second = plan["children"]
    left = flows.of(first)
    seen = _computed(left, plan["duplicate_eliminated_columns"], -1)
    flows.around.append(seen.with_rows(*(through("group", one) for one in seen.columns)))
    right = flows.of(second)
    flows.around.pop()
    return _joined(plan, left, right)


def _joined(plan: Json, left: Relation, right: Relation) -> Relation:
    both = left.beside(right, NOTHING)
    condition = merged(
        (
            *(all_flows(one["left"], left, "join") for one in plan.get("conditions", ())),
            *(all_flows(one["right"], right, "join") for one in plan.get("conditions", ())),
            all_flows([plan.get("condition"), plan.get("predicate")], both, "join"),
        )
    )
    if plan["left_projection_map"] or plan["right_projection_map"]:
        left, right = left.kept(plan["left_projection_map"]), right.kept(plan["right_projection_map"])
    match plan["join_type"]:
        case "INNER" | "LEFT" | "RIGHT" | "FULL":
            return left.beside(right, merged((left.rows, right.rows, condition)))
        case "SEMI" | "ANTI":
            return left.with_rows(right.rows, condition)
        case "SINGLE":
            found = _folded(right.with_rows(condition))
            return left.beside(found, left.rows)
        case "MARK":
            mark = (int(plan["mark_index"]), 0)
            whether = Relation((merged((right.rows, condition)),), NOTHING, ("BOOLEAN",), (mark,))
            return left.beside(whether, left.rows)
        case other:
            raise NotUnderstood(f"its plan holds a join of a kind that is not known: {other}")


def _seen_columns(flows: Flows, plan: Json) -> Relation:
    if not flows.around:
        raise NotUnderstood("its plan holds a join of a form that is not known")
    return _renamed(flows.around[-1], plan)


def _shared(flows: Flows, plan: Json) -> Relation:
    shared = flows.shared.get(int(plan["cte_index"]))
    if shared is None:
        raise NotUnderstood("its plan reads a CTE that is not there")
    return _renamed(shared, plan)


def _renamed(relation: Relation, plan: Json) -> Relation:
    """The same columns, under another number; the plan tells their types, too."""
    types = tuple(str(one["id"]) for one in plan["chunk_types"])
    fits = len(types) == len(relation.types) and all(
        ANY_TYPE in pair or pair[0] == pair[1] for pair in zip(types, relation.types)
    )
    if not fits:
        raise NotUnderstood("its plan's columns stand in another order than expected")
    return Relation(relation.columns, relation.rows, types, _numbered(plan, len(types)))


def _numbered(plan: Json, count: int) -> tuple[tuple[int, int], ...]:
    return tuple((int(plan["table_index"]), place) for place in range(count))


def _cte(flows: Flows, plan: Json) -> Relation:
    definition, query = plan["children"]
    # A definition that is correlated reads what is seen where it stands, and so does the query.
    flows.shared[int(plan["table_index"])] = flows.of(definition)
    return flows.of(query)


def _recursive(flows: Flows, plan: Json) -> Relation:
    """What the first query yields, and what the second makes of it, until nothing is added."""
    first, again = plan["children"]
    number = int(plan["table_index"])
    known = _deduplicated(plan, flows.of(first))
    while True:
        flows.shared[number] = known
        grown = _deduplicated(plan, _either(known, flows.of(again)))
        if (grown.columns, grown.rows) == (known.columns, known.rows):
            return Relation(known.columns, known.rows, known.types, _numbered(plan, len(known.types)))
        known = grown


def _deduplicated(plan: Json, relation: Relation) -> Relation:
    # With a key, later rows take the place of earlier ones.
    if plan["union_all"] and not plan["key_targets"]:
        return relation
    return relation.with_rows(*(through("group", one) for one in relation.columns))


def _union(flows: Flows, plan: Json) -> Relation:
    first, *others = (flows.of(child) for child in plan["children"])
    for other in others:
        first = _either(first, other)
    whole = Relation(first.columns, first.rows, first.types, _numbered(plan, len(first.types)))
    # Without ALL, a DISTINCT stands above; an equal effect here costs nothing and is sure.
    return whole if plan["setop_all"] else whole.with_rows(*(through("group", one) for one in whole.columns))


def _either(one: Relation, other: Relation) -> Relation:
    if len(one.columns) != len(other.columns):
        raise NotUnderstood("its plan's columns stand in another order than expected")
    columns = tuple(merged(pair) for pair in zip(one.columns, other.columns))
    types = tuple(a if a == b else ANY_TYPE for a, b in zip(one.types, other.types))
    return Relation(columns, merged((one.rows, other.rows)), types, one.names)


def _compared(flows: Flows, plan: Json) -> Relation:
    """EXCEPT and INTERSECT: all columns of both sides decide which rows of the first are left."""
    sides = [flows.of(child) for child in plan["children"]]
    columns = [through("filter", column) for side in sides for column in side.columns]
    first = sides[0].with_rows(*(side.rows for side in sides), *columns)
    return Relation(first.columns, first.rows, first.types, _numbered(plan, len(first.types)))


def _pivot(flows: Flows, plan: Json) -> Relation:
    """Groups first; then, for each value, what aggregates of that group's lists yield."""
    child = _only_child(flows, plan)
    pivot = plan["bound_pivot"]
    count = int(pivot["group_count"])
    spread = through("aggregated", merged(child.columns[count:]))
    types = tuple(str(one["id"]) for one in pivot["types"])
    names = tuple((int(plan["pivot_index"]), place) for place in range(len(types)))
    return Relation((*child.columns[:count], *(spread,) * (len(types) - count)), child.rows, types, names)


def _values(flows: Flows, plan: Json) -> Relation:
    child = _only_child(flows, plan)
    rows = [_computed(child, row, int(plan["table_index"])) for row in plan["expressions"]]
    first = rows[0]
    for other in rows[1:]:
        first = _either(first, other)
    types = tuple(str(one["id"]) for one in plan["expr_types"])
    return Relation(first.columns, first.rows, types, first.names)


def _one_row(_flows: Flows, plan: Json) -> Relation:
    return Relation((NOTHING,), NOTHING, (ANY_TYPE,), _numbered(plan, 1))


def _constant_rows(_flows: Flows, plan: Json) -> Relation:
    types = tuple(str(one["id"]) for one in plan["collection"]["types"])
    return Relation((NOTHING,) * len(types), NOTHING, types, _numbered(plan, len(types)))


_RULES: Final[dict[str, Callable[[Flows, Json], Relation]]] = {
    "LOGICAL_GET": _get,
    "LOGICAL_PROJECTION": _projection,
    "LOGICAL_FILTER": _filter,
    "LOGICAL_AGGREGATE_AND_GROUP_BY": _aggregate,
    "LOGICAL_WINDOW": _window,
    "LOGICAL_UNNEST": _unnest,
    "LOGICAL_ORDER_BY": _order,
    "LOGICAL_LIMIT": _limit,
    "LOGICAL_DISTINCT": _distinct,
    "LOGICAL_SAMPLE": _sample,
    "LOGICAL_CROSS_PRODUCT": _cross,
    "LOGICAL_POSITIONAL_JOIN": _cross,
    "LOGICAL_ANY_JOIN": _join,
    "LOGICAL_COMPARISON_JOIN": _join,
    "LOGICAL_ASOF_JOIN": _join,
    "LOGICAL_DELIM_JOIN": _correlated_join,
    "LOGICAL_DELIM_GET": _seen_columns,
    "LOGICAL_CTE_REF": _shared,
    "LOGICAL_MATERIALIZED_CTE": _cte,
    "LOGICAL_RECURSIVE_CTE": _recursive,
    "LOGICAL_UNION": _union,
    "LOGICAL_EXCEPT": _compared,
    "LOGICAL_INTERSECT": _compared,
    "LOGICAL_PIVOT": _pivot,
    "LOGICAL_EXPRESSION_GET": _values,
    "LOGICAL_DUMMY_SCAN": _one_row,
    "LOGICAL_CHUNK_GET": _constant_rows,
}
