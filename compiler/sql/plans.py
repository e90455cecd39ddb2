"""A walk over a bound plan: its operators, the expressions that each holds, and what each hands on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from trc.compiler.sql.expressions import Json, Relation, expressions_in
from trc.compiler.sql.flow import How, Input
from trc.compiler.sql.operators import FIRST_VIRTUAL, Flows, TableKey

Above = tuple[Json, ...]
"""The operators that one stands under, the nearest last."""

PLACE: Final = Input("\0place", None)
"""What stands for a row's place in its table, which nothing but DuckDB's own tables has."""

_PLAIN: Final = frozenset(
    {
        "arguments",
        "chunk_types",
        "column_indexes",
        "extra_info",
        "names",
        "original_arguments",
        "projection_ids",
        "return_type",
        "returned_types",
        "table_filters",
        "value",
    }
)
"""Parts of operators and expressions that hold no expressions, and are large."""


@dataclass(slots=True)
class Sized(Flows):
    """Flows that remember what each operator hands on."""

    relations: dict[int, Relation] = field(default_factory=dict[int, Relation])

    def of(self, plan: Json) -> Relation:
        relation = Flows.of(self, plan)
        if plan["type"] == "LOGICAL_GET":
            relation = _with_places(plan, relation)
        self.relations[id(plan)] = relation
        return relation


def operators_of(plan: Json) -> Iterator[Json]:
    """An operator and all below it."""
    yield plan
    for child in plan["children"]:
        yield from operators_of(child)


def expressions_of(operator: Json) -> Iterator[Json]:
    """All expressions that an operator holds, those in others too; lambdas' bodies as well."""
    for key, part in operator.items():
        if key != "children" and key not in _PLAIN:
            yield from every_expression(part)


def every_expression(value: Any) -> Iterator[Json]:
    """All expressions in a part of an operator, those in others too."""
    if isinstance(value, list):
        for item in value:
            yield from every_expression(item)
    elif isinstance(value, dict):
        if "expression_class" in value:
            yield value
        for key, item in value.items():
            if key not in _PLAIN and isinstance(item, (dict, list)):
                yield from every_expression(item)


def outside_lambdas(operator: Json) -> Iterator[Json]:
    """An operator's expressions without lambdas' bodies, which have columns of their own."""
    waiting = [
        one for key, part in operator.items() if key != "children" and key not in _PLAIN for one in expressions_in(part)
    ]
    while waiting:
        expression = waiting.pop()
        yield expression
        waiting += parts_of(expression)


def parts_of(expression: Json) -> tuple[Json, ...]:
    """The expressions that one is directly made of."""
    return tuple(
        inner
        for key, part in expression.items()
        if key != "function_data" and key not in _PLAIN and isinstance(part, (dict, list))
        for inner in expressions_in(part)
    )


def place_of(expression: Json) -> int | None:
    """The place of the column that an expression is; None for one that computes something."""
    return int(expression["index"]) if expression.get("expression_class") == "BOUND_REF" else None


def ordered_by(orders: Any) -> list[Json]:
    """The expressions of an ORDER BY."""
    held = orders["orders"] if isinstance(orders, dict) else orders
    return [one["expression"] for one in held or ()]


def is_scan(operator: Json) -> bool:
    """Whether an operator reads a table, which is a dataset."""
    return bool(operator["type"] == "LOGICAL_GET" and operator["name"] == "seq_scan")


def table_of(scan: Json) -> TableKey:
    table = scan["function_data"]
    return str(table["schema"]), str(table["table"])


def datasets_of(plan: Json, tables: Mapping[TableKey, tuple[str, ...]]) -> frozenset[str]:
    """The datasets that stand below an operator; all of them, where it may read what stands elsewhere."""
    below = list(operators_of(plan))
    if any(one["type"] in ("LOGICAL_CTE_REF", "LOGICAL_DELIM_GET") for one in below):
        return frozenset(name for names in tables.values() for name in names)
    return frozenset(name for one in below if is_scan(one) for name in tables.get(table_of(one), ()))


def _with_places(scan: Json, relation: Relation) -> Relation:
    is_virtual = [int(one["index"]) >= FIRST_VIRTUAL for one in scan["column_indexes"]]
    if len(is_virtual) != len(relation.columns) or not any(is_virtual):
        return relation
    place = {PLACE: frozenset[How](("transformed",))}
    columns = tuple(place if virtual else flow for virtual, flow in zip(is_virtual, relation.columns))
    return Relation(columns, relation.rows, relation.types, relation.names)
