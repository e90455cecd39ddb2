"""Which rows of what it reads a query has a use for: the filters that DuckDB itself moved down to its scans."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from trc.compiler.sql.expressions import Json, NotUnderstood
from trc.compiler.sql.facts import Condition, Use
from trc.compiler.sql.functions import volatile_names
from trc.compiler.sql.operators import FIRST_VIRTUAL, TableKey
from trc.compiler.sql.plans import every_expression, is_scan, place_of, table_of
from trc.compiler.sql.spelling import (
    COMPARISONS,
    CannotSpell,
    Names,
    quoted,
    spell,
    spell_comparison,
    spell_joined,
    spell_value,
)
from trc.compiler.sql.total import why_any_fails


def uses_of(pushed: Json, tables: Mapping[TableKey, tuple[str, ...]]) -> dict[str, tuple[Use, ...]]:
    """By dataset, the places where a plan scans it; a dataset that is not in it is not scanned at all.

    From a plan in which no filters were moved come those conditions that stand directly above a scan.
    """
    found: dict[str, list[Use]] = {}
    for scan, filters in _scans(pushed, ()):
        datasets = tables.get(table_of(scan))
        if datasets is None:
            raise NotUnderstood("its plan reads a table that is not one of its own")
        use = Use(tuple(dict.fromkeys(_conditions(scan, filters))))
        for dataset in datasets:
            found.setdefault(dataset, []).append(use)
    return {dataset: tuple(uses) for dataset, uses in found.items()}


def _scans(plan: Json, filters: tuple[Json, ...]) -> Iterator[tuple[Json, tuple[Json, ...]]]:
    """Each scan with the filters that stand directly above it."""
    if is_scan(plan):
        yield plan, filters
        return
    above = filters + tuple(plan["expressions"]) if plan["type"] == "LOGICAL_FILTER" else ()
    # What a filter hands on may be fewer columns; the filters above it would count those.
    for child in plan["children"]:
        yield from _scans(child, () if child["type"] == "LOGICAL_FILTER" else above)


def _conditions(scan: Json, filters: tuple[Json, ...]) -> Iterator[Condition]:
    names = [str(name) for name in scan["names"]]
    numbers = [int(one["index"]) for one in scan["column_indexes"]]
    shown = [numbers[place] for place in scan["projection_ids"]] if scan["projection_ids"] else numbers

    def by_place(place: int) -> str:
        if place >= len(shown) or shown[place] >= FIRST_VIRTUAL:
            raise CannotSpell
        return quoted(names[shown[place]])

    for entry in scan["table_filters"].get("filters", ()):
        number = int(entry["key"])
        if number >= len(names) or number not in numbers:
            raise NotUnderstood("its plan filters a column that there is not")
        for one in _all_of(entry["value"]):
            sql = _filter_or_nothing(one, names[number], scan["returned_types"][number])
            if sql is not None:
                yield Condition(sql, (names[number],))
    for expression in _each_of(filters):
        sql = spelt(expression, by_place)
        if sql is not None:
            read = dict.fromkeys(
                names[shown[place]] for place in sorted(set(_places(expression)), key=shown.__getitem__)
            )
            yield Condition(sql, tuple(read))


def _all_of(table_filter: Json) -> Iterator[Json]:
    if table_filter["filter_type"] == "CONJUNCTION_AND":
        for one in table_filter["child_filters"]:
            yield from _all_of(one)
    else:
        yield table_filter


def _each_of(filters: tuple[Json, ...]) -> Iterator[Json]:
    for one in filters:
        if one.get("type") == "CONJUNCTION_AND":
            yield from _each_of(tuple(one["children"]))
        else:
            yield one


def _filter_or_nothing(table_filter: Json, name: str, kind: Json) -> str | None:
    try:
        return _table_filter(table_filter, name, kind)
    except CannotSpell:
        return None


def _table_filter(table_filter: Json, name: str, kind: Json) -> str:
    """A filter of a scan as SQL. `kind` is the column's type, which shows that the column is counted right."""
    match table_filter["filter_type"]:
        case "CONSTANT_COMPARISON" if table_filter["constant"]["type"] == kind:
            # DuckDB has these only where a comparison with NULL is false.
            if table_filter["constant"]["is_null"] or table_filter["comparison_type"] not in _PLAIN_COMPARISONS:
                raise CannotSpell
            return spell_comparison(
                str(table_filter["comparison_type"]), quoted(name), spell_value(table_filter["constant"])
            )
        case "IS_NULL":
            return f"({quoted(name)} IS NULL)"
        case "IS_NOT_NULL":
            return f"({quoted(name)} IS NOT NULL)"
        case "CONJUNCTION_AND" | "CONJUNCTION_OR" as joined:
            return spell_joined(joined, [_table_filter(one, name, kind) for one in table_filter["child_filters"]])
        case "EXPRESSION_FILTER":
            sql = spelt(table_filter["expr"], lambda place: _only(place, name))
            if sql is None or not all(one == kind for one in _types(table_filter["expr"])):
                raise CannotSpell
            return sql
        case _:
            raise CannotSpell


_PLAIN_COMPARISONS: Final = COMPARISONS.keys() - {"COMPARE_DISTINCT_FROM", "COMPARE_NOT_DISTINCT_FROM"}


def _only(place: int, name: str) -> str:
    if place != 0:
        raise CannotSpell
    return quoted(name)


def spelt(expression: Json, names: Names) -> str | None:
    """A condition as SQL, where it surely has one value for every row, and the same each time and everywhere."""
    called = {str(one.get("name")) for one in every_expression(expression)}
    if why_any_fails(expression) is not None or not volatile_names().isdisjoint(called):
        return None
    try:
        return spell(expression, names)
    except CannotSpell:
        return None


def _places(expression: Json) -> Iterator[int]:
    return (place for one in every_expression(expression) if (place := place_of(one)) is not None)


def _types(expression: Json) -> Iterator[Json]:
    """The types that an expression expects of the columns that it names."""
    return (one["return_type"] for one in every_expression(expression) if place_of(one) is not None)
