"""What an expression of a bound plan depends on: every kind that DuckDB has, and no guess at others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from trc.compiler.sql.flow import NOTHING, Flow, How, Input, merged, rows_of, through

Json = dict[str, Any]

ANY_TYPE: Final = "?"

MARK: Final = "\0mark"
"""A part that no plan of DuckDB's has. An expression with it counts as an input, too: so one finds out what it has an effect on."""


PARAMETER: Final = "\0parameter"
"""The dataset whose columns the parameters of a query are: who plans a query with some knows what they stand for."""


class NotUnderstood(Exception):  # noqa: N818 - not an error, but an answer: there is no lineage
    """The plan holds something whose meaning is not known here; the text goes on from "because"."""


@dataclass(frozen=True, slots=True)
class Relation:
    """The columns of an operator, in the order in which it hands them on, and what its rows depend on.

    A cell depends on its column's flow and on that of the rows. `types` and `names` (DuckDB's bindings) are
    there to prove that the columns are counted right.
    """

    columns: tuple[Flow, ...]
    rows: Flow
    types: tuple[str, ...]
    names: tuple[tuple[int, int], ...]

    def beside(self, other: Relation, rows: Flow) -> Relation:
        """The columns of both, as a join has them."""
        return Relation(self.columns + other.columns, rows, self.types + other.types, self.names + other.names)

    def kept(self, places: Sequence[int]) -> Relation:
        """Only these columns; all of them, where none are named."""
        if not places:
            return self
        if max(places) >= len(self.columns):
            raise NotUnderstood("its plan names a column that there is not")
        pick = tuple(places)
        return Relation(
            tuple(self.columns[place] for place in pick),
            self.rows,
            tuple(self.types[place] for place in pick),
            tuple(self.names[place] for place in pick),
        )

    def with_rows(self, *flows: Flow) -> Relation:
        """The same columns, whose rows depend on more."""
        return Relation(self.columns, merged((self.rows, *flows)), self.types, self.names)


_PARTS: Final[dict[str, tuple[tuple[str, How], ...]]] = {
    "BOUND_AGGREGATE": (("children", "aggregated"), ("filter", "filter"), ("order_bys", "order")),
    "BOUND_BETWEEN": (("input", "transformed"), ("lower", "transformed"), ("upper", "transformed")),
    "BOUND_CASE": (("case_checks", "transformed"), ("else_expr", "transformed")),
    "BOUND_CAST": (("child", "transformed"),),
    "BOUND_COMPARISON": (("left", "transformed"), ("right", "transformed")),
    "BOUND_CONJUNCTION": (("children", "transformed"),),
    "BOUND_CONSTANT": (),
    "BOUND_FUNCTION": (("children", "transformed"),),
    "BOUND_OPERATOR": (("children", "transformed"),),
    "BOUND_UNNEST": (("child", "transformed"),),
    "BOUND_WINDOW": (
        ("children", "aggregated"),
        ("offset_expr", "transformed"),
        ("default_expr", "transformed"),
        ("partitions", "group"),
        ("orders", "order"),
        ("arg_orders", "order"),
        ("start_expr", "order"),
        ("end_expr", "order"),
        ("filters", "filter"),
    ),
}
"""By kind, the parts of an expression that are expressions, and what each does to what it depends on."""

_ONE_AT_A_TIME: Final = frozenset({"lag", "lead", "first_value", "last_value", "nth_value", "first", "last"})
"""Window functions that hand on one row's value."""

_OWN_WORLD: Final = frozenset({"function_data"})
"""Parts with expressions over columns of their own: a lambda's body. What it takes from outside is among the children."""


def flow_of(expression: Json, over: Relation) -> Flow:
    """What the values of an expression over the rows of `over` depend on, apart from which rows these are."""
    kind = str(expression.get("expression_class"))
    if kind == "BOUND_REF":
        return _column(int(expression["index"]), type_of(expression), over)
    if kind == "BOUND_COLUMN_REF":
        return _named_column(expression, over)
    if kind == "BOUND_PARAMETER":
        return {Input(PARAMETER, str(expression["identifier"])): frozenset[How](("identity",))}
    parts = _PARTS.get(kind)
    if parts is None:
        raise NotUnderstood(f"its plan holds an expression of a kind that is not known: {kind}")
    flows: list[Flow] = []
    met = 0
    for part, how in parts:
        for inner in _expressions(expression.get(part)):
            met += 1
            flows.append(through(_seen(expression, part, how), flow_of(inner, over)))
    if met != _count(expression):
        raise NotUnderstood(f"its plan holds an expression with parts that are not known: {kind}")
    if kind in ("BOUND_AGGREGATE", "BOUND_WINDOW") and not expression.get("children"):
        flows.append(rows_of(over.rows, "aggregated"))
    if MARK in expression:
        flows.append({Input(MARK, str(expression[MARK])): frozenset[How](("transformed",))})
    return merged(flows)


def type_of(expression: Json) -> str:
    """The name of an expression's type, where the plan tells it."""
    told = expression.get("return_type") or (expression.get("value") or {}).get("type") or {}
    return str(told.get("id", ANY_TYPE))


def _seen(expression: Json, part: str, how: How) -> How:
    one_row = expression["expression_class"] == "BOUND_WINDOW" and part == "children"
    return "transformed" if one_row and _window_name(expression) in _ONE_AT_A_TIME else how


def _window_name(expression: Json) -> str:
    return str(expression.get("name") or expression.get("type", "").removeprefix("WINDOW_")).lower()


def _column(index: int, kind: str, over: Relation) -> Flow:
    if index >= len(over.columns):
        raise NotUnderstood("its plan names a column that there is not")
    if ANY_TYPE not in (kind, over.types[index]) and kind != over.types[index]:
        raise NotUnderstood("its plan's columns stand in another order than expected")
    return over.columns[index]


def _named_column(expression: Json, over: Relation) -> Flow:
    binding = expression["binding"]
    name = int(binding["table_index"]), int(binding["column_index"])
    if over.names.count(name) != 1 or expression.get("depth", 0):
        raise NotUnderstood("its plan names a column that there is not")
    return _column(over.names.index(name), type_of(expression), over)


def _expressions(value: Any) -> Iterator[Json]:
    """The outermost expressions in a part: the part itself, items of a list, fields of a CASE or an ORDER BY."""
    if isinstance(value, list):
        for item in value:
            yield from _expressions(item)
    elif isinstance(value, dict):
        if "expression_class" in value:
            yield value
        else:
            for key, item in value.items():
                if isinstance(item, (dict, list)) and key not in _OWN_WORLD:
                    yield from _expressions(item)


def expressions_in(value: Any) -> tuple[Json, ...]:
    """The outermost expressions in a part of an operator."""
    return tuple(_expressions(value))


def _count(expression: Json) -> int:
    """How many expressions stand directly in this one, whatever the part: none may be overlooked."""
    parts = (part for key, part in expression.items() if isinstance(part, (dict, list)) and key not in _OWN_WORLD)
    return sum(1 for part in parts for _ in _expressions(part))


def all_flows(value: Any, over: Relation, how: How) -> Flow:
    """What all expressions in a part of an operator depend on, as an influence of the kind `how`."""
    found = expressions_in(value)
    return merged(through(how, flow_of(one, over)) for one in found) if found else NOTHING
