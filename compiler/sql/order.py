"""Which columns tell the rows of a plan's operators apart: what proves that an order leaves nothing open."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from trc.compiler.sql.expressions import Json
from trc.compiler.sql.kinds import is_exact, type_info
from trc.compiler.sql.plans import parts_of, place_of

Key = frozenset[int]
"""Places of columns of which no two rows have equal values; none at all, where there is one row at most."""


@dataclass(slots=True)
class Keys:
    """What tells rows apart, operator by operator."""

    shared: dict[int, tuple[Key, ...]] = field(default_factory=dict[int, tuple[Key, ...]])
    """The keys of each CTE, by its number."""

    def of(self, plan: Json) -> tuple[Key, ...]:
        """The keys that are known of an operator's rows."""
        match plan["type"]:
            case "LOGICAL_AGGREGATE_AND_GROUP_BY":
                return self._grouped(plan)
            case "LOGICAL_DISTINCT":
                targets = tuple(map(place_of, plan["distinct_targets"]))
                own = () if None in targets else (frozenset(one for one in targets if one is not None),)
                return (*own, *self.of(plan["children"][0]))
            case "LOGICAL_PROJECTION":
                return tuple(_projected(self.of(plan["children"][0]), plan["expressions"]))
            case "LOGICAL_FILTER" | "LOGICAL_ORDER_BY":
                kept = plan.get("projection_map") or plan.get("projections") or []
                return tuple(_kept(self.of(plan["children"][0]), kept))
            case "LOGICAL_LIMIT":
                is_one = plan["limit_val"]["type"] == "CONSTANT_VALUE" and plan["limit_val"]["constant_integer"] <= 1
                return (frozenset(),) if is_one else self.of(plan["children"][0])
            case "LOGICAL_WINDOW":
                return self.of(plan["children"][0])
            case "LOGICAL_DUMMY_SCAN":
                return (frozenset(),)
            case "LOGICAL_DELIM_GET":
                return (frozenset(range(len(plan["chunk_types"]))),)
            case "LOGICAL_CTE_REF":
                return self.shared.get(int(plan["cte_index"]), ())
            case "LOGICAL_MATERIALIZED_CTE":
                definition, query = plan["children"]
                self.shared[int(plan["table_index"])] = self.of(definition)
                return self.of(query)
            case "LOGICAL_COMPARISON_JOIN" | "LOGICAL_DELIM_JOIN":
                return self._joined(plan)
            case "LOGICAL_CROSS_PRODUCT":
                left, right = plan["children"]
                return self.of(left) if frozenset[int]() in self.of(right) else ()
            case _:
                return ()

    def is_single(self, plan: Json) -> bool:
        """Whether an operator yields one row at most."""
        return frozenset[int]() in self.of(plan)

    def has_one_match(self, join: Json) -> bool:
        """Whether each row of a join's left side meets one row of the right side at most."""
        equal = {
            place_of(one["right"])
            for one in join.get("conditions", ())
            if one["comparison"] in ("COMPARE_EQUAL", "COMPARE_NOT_DISTINCT_FROM")
        }
        return any(key <= equal for key in self.of(join["children"][1]))

    def settles(self, order: Iterable[Json], plan: Json, width: int) -> bool:
        """Whether rows of `plan`, of `width` columns, that are equal in the expressions of `order` are equal altogether."""
        keys = list(order)
        if not all(is_exact(type_info(one)) for one in keys):
            return False
        known = {place for one in keys if (place := place_of(one)) is not None}
        if self.is_single(plan) or len(known) == width:
            return True
        if any(key <= known for key in self.of(plan)):
            return True
        if plan["type"] != "LOGICAL_PROJECTION":
            return False
        expressions = plan["expressions"]
        below = {place for one in known if (place := place_of(expressions[one])) is not None}
        if any(key <= below for key in self.of(plan["children"][0])):
            return True
        return all(place in known or _is_made_of(expression, below) for place, expression in enumerate(expressions))

    def _grouped(self, plan: Json) -> tuple[Key, ...]:
        count = len(plan["groups"])
        if not count and len(plan["grouping_sets"]) <= 1:
            return (frozenset(),)
        return (frozenset(range(count)),) if plan["grouping_sets"] in ([], [list(range(count))]) else ()

    def _joined(self, plan: Json) -> tuple[Key, ...]:
        if plan["left_projection_map"] or plan["right_projection_map"] or plan.get("delim_flipped"):
            return ()
        if plan["join_type"] in ("SINGLE", "MARK", "SEMI", "ANTI"):
            return self.of(plan["children"][0])
        if plan["join_type"] in ("INNER", "LEFT") and self.has_one_match(plan):
            return self.of(plan["children"][0])
        return ()


def _projected(keys: Iterable[Key], expressions: list[Json]) -> Iterator[Key]:
    places = {place: new for new, one in enumerate(expressions) if (place := place_of(one)) is not None}
    for key in keys:
        if key <= places.keys():
            yield frozenset(places[one] for one in key)


def _kept(keys: Iterable[Key], kept: list[int]) -> Iterator[Key]:
    for key in keys:
        if not kept:
            yield key
        elif key <= set(kept):
            yield frozenset(kept.index(one) for one in key)


def _is_made_of(expression: Json, places: set[int]) -> bool:
    """Whether an expression looks at nothing but these columns."""
    match expression.get("expression_class"):
        case "BOUND_REF":
            return place_of(expression) in places
        case "BOUND_COLUMN_REF" | "BOUND_UNNEST":
            return False
        case _:
            return all(_is_made_of(part, places) for part in parts_of(expression))
