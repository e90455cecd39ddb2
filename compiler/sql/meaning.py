"""What a query means, whatever it calls things: queries of equal meaning over equal inputs have equal rows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from trc.compiler.sql.expressions import Json, NotUnderstood, Relation
from trc.compiler.sql.operators import TableKey
from trc.compiler.sql.plans import every_expression, is_scan, operators_of, table_of
from trc.compiler.sql.tokens import Token

_LABELS: Final = frozenset({"alias", "query_location"})
"""Parts of expressions that change no value. What fields of structs are called stands in the types."""
_BESIDE: Final = frozenset({"INNER", "LEFT", "RIGHT", "FULL"})
"""The joins that hand on the columns of both sides."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """A digest that equal queries share, and what they read, each in the place that the digest counts it by."""

    digest: str
    reads: tuple[str, ...]


def meaning_of(
    plan: Json,
    tokens: Sequence[Token],
    tables: Mapping[TableKey, tuple[str, ...]],
    relations: Mapping[int, Relation],
    *,
    can_fail: bool,
) -> Meaning | None:
    """The meaning of a bound plan; None where the plan may not tell all of it.

    In a plan names are resolved: aliases, names of CTEs and of tables have no part in it. Conditions joined by AND or
    OR are the same in any order, unless one of them `can_fail`: then it matters which is asked first. Constants are also counted
    in the text: a plan that told too little of a function could not make queries with other ones equal.
    """
    if any(_hides_arguments(one) for operator in operators_of(plan) for one in every_expression(_own(operator))):
        return None
    telling = _Telling(tables, relations, is_ordered=can_fail)
    try:
        told = telling.of(plan)
    except NotUnderstood:
        return None
    constants = [token.text for token in tokens if token.kind in ("string", "number", "parameter")]
    text = _text([told.text, told.columns, constants if can_fail else sorted(constants)])
    return Meaning(sha256(text.encode("utf-8", "surrogatepass")).hexdigest(), tuple(telling.reads))


def _own(operator: Json) -> Json:
    return {key: part for key, part in operator.items() if key != "children"}


def _hides_arguments(expression: Json) -> bool:
    """Whether an expression is given something that its plan does not show."""
    if expression["expression_class"] == "BOUND_COLUMN_REF":
        return True
    given = expression.get("original_arguments") or ()
    return bool(given) and len(given) != len(expression["arguments"]) and not expression["has_serialize"]


@dataclass(frozen=True, slots=True)
class _Told:
    """An operator as values of JSON, and by what its columns are called above it."""

    text: Any
    columns: tuple[str, ...]


@dataclass(slots=True)
class _Telling:
    """One pass over a plan. A scan's columns are called by their numbers, for their order follows from the conditions'."""

    tables: Mapping[TableKey, tuple[str, ...]]
    relations: Mapping[int, Relation]
    is_ordered: bool
    reads: dict[str, int] = field(default_factory=dict[str, int])

    def of(self, plan: Json) -> _Told:
        match plan["type"]:
            case "LOGICAL_GET" if is_scan(plan) and not plan["children"]:
                return self._scan(plan)
            case "LOGICAL_FILTER":
                return self._filter(plan)
            case "LOGICAL_ORDER_BY" if not plan["projections"]:
                child = self.of(plan["children"][0])
                return _Told(self._around(plan, child), child.columns)
            case "LOGICAL_PROJECTION" | "LOGICAL_AGGREGATE_AND_GROUP_BY":
                return _Told(self._around(plan, self.of(plan["children"][0])), self._numbered(plan))
            case "LOGICAL_CROSS_PRODUCT":
                return self._beside(plan)
            case "LOGICAL_COMPARISON_JOIN" if plan["join_type"] in _BESIDE and _keeps_all(plan):
                return self._beside(plan)
            case _:
                return self._other(plan)

    def _scan(self, plan: Json) -> _Told:
        datasets = self.tables.get(table_of(plan), ())
        numbers = [int(one["index"]) for one in plan["column_indexes"]]
        if len(datasets) != 1 or any(one["child_indexes"] for one in plan["column_indexes"]):
            raise NotUnderstood("its plan reads a table that is not one of its own")
        place = self.reads.setdefault(datasets[0], len(self.reads))
        known = [[str(name), kind] for name, kind in zip(plan["names"], plan["returned_types"])]
        rest = {key: plan[key] for key in ("table_filters", "extra_info", "projected_input") if plan.get(key)}
        columns = tuple(f"c{number}" for number in numbers)
        shown = tuple(columns[int(one)] for one in plan["projection_ids"]) or columns
        return _Told(["scan", place, known, rest], shown)

    def _filter(self, plan: Json) -> _Told:
        child = self.of(plan["children"][0])
        conditions = [self._value(one, child.columns) for one in plan["expressions"]]
        kept = tuple(child.columns[int(one)] for one in plan["projection_map"]) or child.columns
        return _Told(["filter", self._any_order(conditions), child.text], kept)

    def _around(self, plan: Json, child: _Told) -> Any:
        own = {key: self._value(part, child.columns) for key, part in _own(plan).items()}
        return [own, child.text]

    def _beside(self, plan: Json) -> _Told:
        """Two sides, each with names of its own for its columns."""
        left, right = (self.of(child) for child in plan["children"])
        columns = (*(f"l.{one}" for one in left.columns), *(f"r.{one}" for one in right.columns))
        own = _own(plan)
        conditions = [
            {
                key: self._value(part, left.columns if key == "left" else right.columns if key == "right" else columns)
                for key, part in one.items()
            }
            for one in own.pop("conditions", ())
        ]
        told = {key: self._value(part, columns) for key, part in own.items()}
        return _Told([told, self._any_order(conditions), left.text, right.text], columns)

    def _other(self, plan: Json) -> _Told:
        """Any other operator counts columns by their places: so these are told, too."""
        below = [(child.text, child.columns) for child in map(self.of, plan["children"])]
        own = {key: self._value(part, None) for key, part in _own(plan).items() if key != "ctename"}
        return _Told([own, below], self._numbered(plan))

    def _numbered(self, plan: Json) -> tuple[str, ...]:
        return tuple(str(place) for place in range(len(self.relations[id(plan)].columns)))

    def _value(self, value: Any, columns: tuple[str, ...] | None) -> Any:
        """A part of an operator without labels; its columns are called as below it, or by their places."""
        if isinstance(value, list):
            return [self._value(item, columns) for item in value]
        if not isinstance(value, dict):
            return value
        if "expression_class" not in value:
            return {key: self._value(part, columns) for key, part in value.items()}
        if value["expression_class"] == "BOUND_REF" and columns is not None:
            return ["column", columns[int(value["index"])], value["return_type"]]
        told = {
            # A lambda's body has columns of its own.
            key: self._value(part, None if key == "function_data" else columns)
            for key, part in value.items()
            if key not in _LABELS
        }
        if value["expression_class"] == "BOUND_CONJUNCTION":
            told["children"] = self._any_order(told["children"])
        return told

    def _any_order(self, told: list[Any]) -> list[Any]:
        return told if self.is_ordered else sorted(told, key=_text)


def _keeps_all(plan: Json) -> bool:
    return not (plan["left_projection_map"] or plan["right_projection_map"])


def _text(told: Any) -> str:
    return json.dumps(told, sort_keys=True, separators=(",", ":"))
