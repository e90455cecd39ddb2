"""Whether a query's rows can be computed part by part: for each value of a column of a dataset by itself, and put together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from trc.compiler.sql.expressions import Json
from trc.compiler.sql.operators import TableKey
from trc.compiler.sql.plans import Sized, is_scan, place_of, table_of


@dataclass(frozen=True, slots=True)
class Apart:
    """An operator whose rows are those that it has for each value of any of the `columns`, put together.

    `places` tells which column of the dataset each of its own columns is, unchanged; None for one that is computed.
    """

    columns: frozenset[str]
    places: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Alike:
    """An operator that does not read the dataset: it has the same rows in each part."""


class Together(Exception):  # noqa: N818 - not an error, but an answer
    """The dataset is needed as a whole; the text goes on from "because"."""


def apart_by(plan: Json, dataset: str, sized: Sized) -> tuple[frozenset[str], str]:
    """The columns of a dataset by whose values the query can be computed part by part; none of them, with the reason.

    Proved for a query whose answer its rows alone decide: the rows for the dataset are those, as often, that it has for the
    dataset's rows of each value (NULL is one), with all else that it reads as it is. `sized` was over the plan.
    """
    look = _Look(dataset, sized)
    try:
        found = look.at(plan)
    except Together as told:
        return frozenset(), str(told)
    if isinstance(found, Alike):
        return frozenset(), "its result does not depend on it"
    return found.columns, ""


@dataclass(slots=True)
class _Look:
    dataset: str
    sized: Sized
    shared: dict[int, Apart | Alike] = field(default_factory=dict[int, "Apart | Alike"])
    """What each CTE is, by its number."""

    @property
    def tables(self) -> Mapping[TableKey, tuple[str, ...]]:
        return self.sized.tables

    def at(self, plan: Json) -> Apart | Alike:
        """An operator, after all below it."""
        kind = str(plan["type"])
        if kind == "LOGICAL_MATERIALIZED_CTE":
            definition, query = plan["children"]
            self.shared[int(plan["table_index"])] = self.at(definition)
            return self.at(query)
        if kind == "LOGICAL_CTE_REF":
            return self.shared.get(int(plan["cte_index"]), Alike())
        if is_scan(plan):
            return self._scan(plan)
        below = [self.at(child) for child in plan["children"]]
        if all(isinstance(one, Alike) for one in below):
            return Alike()
        rule = _RULES.get(kind)
        if rule is None:
            raise Together(_WHY.get(kind, f"its plan holds {kind.removeprefix('LOGICAL_').lower().replace('_', ' ')}"))
        return rule(self, plan, below)

    def width(self, plan: Json) -> int:
        return len(self.sized.relations[id(plan)].columns)

    def _scan(self, plan: Json) -> Apart | Alike:
        datasets = self.tables.get(table_of(plan), ())
        if self.dataset not in datasets:
            return Alike()
        if datasets != (self.dataset,) or (plan.get("extra_info") or {}).get("sample_options"):
            raise Together("it reads it with other files, or a sample of it")
        names = tuple(str(one) for one in plan["names"])
        numbers = [int(one["index"]) for one in plan["column_indexes"]]
        places = tuple(names[number] if number < len(names) else None for number in numbers)
        kept = plan["projection_ids"]
        return Apart(frozenset(names), _kept(places, kept))


def _kept(places: tuple[str | None, ...], kept: Sequence[int]) -> tuple[str | None, ...]:
    return tuple(places[one] for one in kept) if kept else places


def _only(below: Sequence[Apart | Alike]) -> Apart:
    (one,) = below
    assert isinstance(one, Apart)
    return one


def _named(expressions: Iterable[Json], of: Apart) -> frozenset[str]:
    """The columns of the dataset among expressions."""
    places = (place_of(one) for one in expressions)
    return frozenset(name for place in places if place is not None and (name := of.places[place]) is not None)


def _left(columns: frozenset[str], why: str) -> frozenset[str]:
    if not columns:
        raise Together(why)
    return columns


def _projection(_look: _Look, plan: Json, below: Sequence[Apart | Alike]) -> Apart:
    one = _only(below)
    places = (place_of(expression) for expression in plan["expressions"])
    return Apart(one.columns, tuple(None if place is None else one.places[place] for place in places))


def _filter(_look: _Look, plan: Json, below: Sequence[Apart | Alike]) -> Apart:
    one = _only(below)
    return Apart(one.columns, _kept(one.places, plan["projection_map"]))


def _aggregate(look: _Look, plan: Json, below: Sequence[Apart | Alike]) -> Apart:
    one = _only(below)
    groups = list(plan["groups"])
    sets = [[int(place) for place in places] for places in plan["grouping_sets"]] or [list(range(len(groups)))]
    columns = one.columns
    for places in sets:
        # A group holds rows of one value only if that value is among what it is made by.
        columns &= _named((groups[place] for place in places), one)
    _left(columns, "it takes together rows of several values of each column")
    always = [place for place in range(len(groups)) if all(place in places for places in sets)]
    own = {place: found for place in always if (found := place_of(groups[place])) is not None}
    width = look.width(plan)
    return Apart(columns, tuple(one.places[own[place]] if place in own else None for place in range(width)))


def _window(look: _Look, plan: Json, below: Sequence[Apart | Alike]) -> Apart:
    one = _only(below)
    columns = one.columns
    for expression in plan["expressions"]:
        columns &= _named(expression["partitions"], one)
    _left(columns, "it has a window over rows of several values of each column")
    return Apart(columns, (*one.places, *(None,) * (look.width(plan) - len(one.places))))


def _distinct(_look: _Look, plan: Json, below: Sequence[Apart | Alike]) -> Apart:
    one = _only(below)
    columns = one.columns & _named(plan["distinct_targets"], one)
    return Apart(_left(columns, "its DISTINCT compares rows of several values of each column"), one.places)


def _unnest(look: _Look, plan: Json, below: Sequence[Apart | Alike]) -> Apart:
    one = _only(below)
    return Apart(one.columns, (*one.places, *(None,) * (look.width(plan) - len(one.places))))


def _union(_look: _Look, plan: Json, below: Sequence[Apart | Alike]) -> Apart:
    parts = [one for one in below if isinstance(one, Apart)]
    if len(parts) < len(below):
        raise Together("it adds rows that would be added to each part")
    if not plan["setop_all"]:
        raise Together("it compares rows of several values")
    columns = _left(
        frozenset.intersection(*(one.columns for one in parts)), "no column tells the parts of a UNION apart"
    )
    alike = zip(*(one.places for one in parts), strict=True)
    return Apart(columns, tuple(names[0] if len(set(names)) == 1 else None for names in alike))


_ONCE: Final = "it reads it more than once"


def _cross(look: _Look, plan: Json, below: Sequence[Apart | Alike]) -> Apart:
    left, right = (_places(look, one, child) for one, child in zip(below, plan["children"], strict=True))
    return Apart(_side(below).columns, left + right)


def _side(below: Sequence[Apart | Alike]) -> Apart:
    """The one side of a join that reads the dataset."""
    parts = [one for one in below if isinstance(one, Apart)]
    if len(parts) != 1:
        raise Together(_ONCE)
    return parts[0]


def _places(look: _Look, one: Apart | Alike, plan: Json) -> tuple[str | None, ...]:
    return one.places if isinstance(one, Apart) else (None,) * look.width(plan)


def _join(look: _Look, plan: Json, below: Sequence[Apart | Alike]) -> Apart:
    side = _side(below)
    kind = str(plan["join_type"])
    keeps_other = kind not in ("INNER", "LEFT" if side is below[0] else "RIGHT")
    looks_at_other = kind in ("SEMI", "ANTI", "MARK", "SINGLE") and side is below[0]
    if keeps_other and not looks_at_other:
        # A row of the other side that meets none in a part may meet one in another.
        raise Together("it joins it so that rows without a match are kept, or looked for")
    left, right = (_places(look, one, child) for one, child in zip(below, plan["children"], strict=True))
    left, right = _kept(left, plan["left_projection_map"]), _kept(right, plan["right_projection_map"])
    both = {"SEMI": left, "ANTI": left, "MARK": (*left, None)}.get(kind, left + right)
    if len(both) != look.width(plan):
        raise Together("its plan holds a join of a form that is not known")
    return Apart(side.columns, both)


_RULES: Final[dict[str, Callable[[_Look, Json, Sequence[Apart | Alike]], Apart]]] = {
    "LOGICAL_PROJECTION": _projection,
    "LOGICAL_FILTER": _filter,
    "LOGICAL_AGGREGATE_AND_GROUP_BY": _aggregate,
    "LOGICAL_WINDOW": _window,
    "LOGICAL_DISTINCT": _distinct,
    "LOGICAL_UNNEST": _unnest,
    "LOGICAL_UNION": _union,
    "LOGICAL_CROSS_PRODUCT": _cross,
    "LOGICAL_ANY_JOIN": _join,
    "LOGICAL_COMPARISON_JOIN": _join,
}
"""What may stand above the scan of the dataset; nothing else may."""
_WHY: Final = {
    "LOGICAL_ORDER_BY": "it orders its rows",
    "LOGICAL_LIMIT": "a LIMIT counts rows of all parts",
    "LOGICAL_DELIM_JOIN": "it has a subquery that depends on its rows",
    "LOGICAL_EXCEPT": "it compares rows of several values",
    "LOGICAL_INTERSECT": "it compares rows of several values",
    "LOGICAL_RECURSIVE_CTE": "it is read again and again",
    "LOGICAL_PIVOT": "it pivots rows",
    "LOGICAL_POSITIONAL_JOIN": "it joins rows by their place",
    "LOGICAL_ASOF_JOIN": "it joins the nearest row",
}
