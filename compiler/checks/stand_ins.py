"""What stands for the parameters of a query while it is bound: the items of a list, or the types of what a run will know."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from trc.compiler.checks.graph import Graph
from trc.compiler.ir.dataset import Column
from trc.compiler.ir.task import Task
from trc.compiler.ir.types import Known, Schema, Unknown
from trc.compiler.sql.parameters import as_sql, reached, shown, unnamed
from trc.compiler.sql.parse import Parsed

StandIns = tuple[Mapping[str, str], ...]
"""By parameter, in one case and without its `$`, an expression of SQL: the query has the columns that it has with each of them."""

_ANY_VALUE: Final = ("VARCHAR", "BIGINT", "DOUBLE", "BOOLEAN")
"""Types of JSON that are tried for a value that a task returns: where it is not shown, one that fits is as good as any."""
_MOST: Final = 1000


def stand_ins(
    task: Task, parsed: Parsed, graph: Graph, schemas: Mapping[tuple[str, str], Schema]
) -> tuple[StandIns, bool] | Unknown:
    """What to bind a query with, and whether with all of them, or with the first that DuckDB takes; else why its columns are not known."""
    assert task.query is not None
    bare = unnamed(task.query.text)
    if bare:
        return Unknown(f"a column that shows {bare} has no name of its own: give it one with AS")
    seen = shown(task.query.text)
    asked = {use.name[1:].casefold(): use.name for use in parsed.parameters}
    results = {one.parameter: one for one in graph.results.get(task.name, ()) if one.parameter in asked}
    of_items = asked.keys() - results.keys()
    reach = reached(task.query.text)
    for name, written in asked.items():
        if name in results and (name in seen or "*" in seen or name in reach):
            return Unknown(f"its columns show the value of {written}, whose type is known when it runs")
        if name in of_items and task.name in graph.items and (reach.get(name) == "looked_into" or "*" in reach):
            return Unknown(f"its columns may follow from the value of {written}")
    handed = {name: "BIGINT" for name, one in results.items() if one.path[0] == "rows"}
    returned = [name for name in results if name not in handed]
    if task.for_each is not None and task.for_each.items is not None and of_items:
        if returned:
            # Which of their types fits could be another one for each item.
            return Unknown("it takes items and values that a task returns when it runs")
        exact = frozenset(name for name in of_items if "*" in reach or reach.get(name) == "looked_into")
        return _of_items(task.for_each.items, of_items, exact, _typed(handed))
    if of_items:
        found = types_of_row(of_items, schemas.get(_rows_of(task, graph), Unknown("")))
        if isinstance(found, Unknown):
            return found
        handed |= found
    if not returned:
        return (_typed(handed, seen),), True
    return tuple(_typed({**handed, **dict.fromkeys(returned, kind)}, seen) for kind in _ANY_VALUE), False


def _typed(types: Mapping[str, str], seen: frozenset[str] = frozenset()) -> dict[str, str]:
    """Expressions of these types; those that are `seen` are no constants, which DuckDB would make a NULL without a type of."""
    casts = {name: f"CAST(NULL AS {kind})" for name, kind in types.items()}
    return {name: f"(SELECT {cast})" if name in seen else cast for name, cast in casts.items()}


def _rows_of(task: Task, graph: Graph) -> tuple[str, str]:
    rows = graph.items[task.name]
    return rows.producer or ("", rows.source.name if rows.source else "")


def types_of_row(asked: Iterable[str], schema: Schema) -> dict[str, str] | Unknown:
    """The types of the fields of a row that parameters ask for: a run casts its values to them."""
    if not isinstance(schema, Known):
        return Unknown("the columns of what it is repeated for are not known")
    types: dict[str, str] = {}
    for name in asked:
        columns = columns_of_row(name, schema)
        if not columns:
            return Unknown(f"a row has no field for ${name}")
        if name == "item" and len(columns) > 1:
            row = ", ".join(f'"{one.name.replace(chr(34), chr(34) * 2)}" {one.type}' for one in columns)
            types[name] = f"STRUCT({row})"
        else:
            types[name] = [one.type for one in columns][-1]
    return types


def columns_of_row(parameter: str, schema: Known) -> tuple[Column, ...]:
    """The columns of a row that a parameter may hold the value of: `item` that of all, `item_a_b` that of `a b` or `a_b`."""
    if parameter == "item":
        return schema.columns
    field = parameter[len("item_") :]
    return tuple(one for one in schema.columns if re.sub(r"\W", "_", one.name).casefold() == field)


def _of_items(
    items: tuple[Any, ...], asked: Iterable[str], seen: frozenset[str], others: Mapping[str, str]
) -> tuple[StandIns, bool] | Unknown:
    """One item of each type, and where the columns may follow from the values of those that are `seen`, of each of these."""
    wanted = sorted(asked)
    found: dict[tuple[str, ...], dict[str, str]] = {}
    for item in items:
        values: dict[str, str] = {}
        for name in wanted:
            fits, value = (True, item) if name == "item" else _field(item, name[len("item_") :])
            written = as_sql(value) if fits else None
            if written is None:
                return Unknown("it takes the value of an item when it runs")
            values[name] = written
        kinds = tuple(one if name in seen else one.rpartition(" AS ")[2] for name, one in values.items())
        found.setdefault(kinds, {**others, **values})
        if len(found) > _MOST:
            return Unknown(f"its columns show the values of more than {_MOST:,} items")
    return (tuple(found.values()), True) if found else Unknown("there are no items that would tell them")


def _field(item: Any, name: str) -> tuple[bool, Any]:
    if isinstance(item, Mapping):
        for field, value in item.items():
            if re.sub(r"\W", "_", str(field)).casefold() == name:
                return True, value
    return False, None
