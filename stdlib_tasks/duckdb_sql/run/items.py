"""Writes down the rows that a task is repeated for, and reads one as the parameters of a query."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from trc.runtime.taskside.errors import PermanentError
from trc.runtime.taskside.items import OrderItem
from trc.runtime.taskside.order import TaskOrder
from trc.runtime.taskside.task import TaskContext, TaskResult
from trc.stdlib_tasks.duckdb_sql.run.complaint import complaint
from trc.stdlib_tasks.duckdb_sql.run.engine import connected
from trc.stdlib_tasks.duckdb_sql.run.inputs import create_inputs, identifier
from trc.stdlib_tasks.duckdb_sql.run.prepared import Prepared, with_casts

if TYPE_CHECKING:
    import duckdb

MOST_ITEMS = 100_000
LONGEST_ITEM = 256 * 1024
_AS_JSON = frozenset(
    {"BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "VARCHAR"}
)
"""The types whose values JSON has, too; those of others are written as DuckDB's texts of them."""


def run(order: TaskOrder, context: TaskContext) -> TaskResult:
    """Writes the rows of the only input, in their order: a line with the types of the columns, then one a row."""
    del context
    import duckdb

    (read,), (output,) = order.inputs, order.outputs
    with connected(order, output.path.rpartition("/")[0]) as connection:
        try:
            create_inputs(connection, order.inputs)
            types, rows = listed(connection, identifier(read.name))
        except duckdb.Error as error:
            raise complaint(error) from error
    if len(rows) > MOST_ITEMS:
        raise PermanentError(f'"{read.name}" has more than {MOST_ITEMS:,} rows, and that many items are the most')
    lines = [json.dumps({"types": types}), *map(_line, rows)]
    with open(output.path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    return TaskResult(rows={output.name: len(rows)})


def listed(
    connection: duckdb.DuckDBPyConnection, table: str
) -> tuple[tuple[tuple[str, str], ...], tuple[dict[str, Any], ...]]:
    """The rows of a table in their order, as JSON has them, with the types of the columns.

    They are at most one more than there can be items.
    """
    columns = connection.execute(f"DESCRIBE FROM {table}").fetchall()
    types = tuple((str(name), str(kind)) for name, kind, *_ in columns)
    shown = ", ".join(
        identifier(name) if kind in _AS_JSON else f"CAST({identifier(name)} AS VARCHAR)" for name, kind in types
    )
    names = [str(name) for name, *_ in columns]
    rows = connection.execute(f"SELECT {shown} FROM {table} LIMIT {MOST_ITEMS + 1}").fetchall()
    return types, tuple(dict(zip(names, row)) for row in rows)


def _line(row: dict[str, Any]) -> str:
    text = json.dumps(row, ensure_ascii=False)
    if len(text) > LONGEST_ITEM:
        raise PermanentError("a row takes more than 256 KiB, and no item may")
    return text


def bound(
    connection: duckdb.DuckDBPyConnection, prepared: Prepared, item: OrderItem | None, handed: Mapping[str, Any]
) -> tuple[Prepared, dict[str, Any]]:
    """The query with the values that it asks for: of its item, if it has one, and of results that are `handed`, by parameters in one case.

    What it asks of a row has the type of the row's column there, whatever the value: the query says so.
    """
    if item is None and not handed:
        return prepared, {}
    wanted = {name for one in connection.extract_statements(prepared.text) for name in one.named_parameters}
    values = {name: handed[name.casefold()] for name in wanted if name.casefold() in handed}
    if item is None:
        return prepared, values
    kinds: dict[str, str] = {}
    for name in wanted.difference(values):
        values[name], kind = _asked(name, item)
        if kind is not None:
            kinds[name] = kind
    nulls = {name for name, value in values.items() if value is None}
    return (with_casts(prepared, kinds, nulls) if kinds else prepared), values


def _asked(name: str, item: OrderItem) -> tuple[Any, str | None]:
    """What a parameter stands for, and its type, if that is known."""
    types = dict(item.types)
    if name.casefold() == "item":
        if not item.is_row:
            return item.value, None
        fields = [(field, types.get(field)) for field in item.value]
        if len(fields) == 1:
            return item.value[fields[0][0]], fields[0][1]
        row = ", ".join(f"{identifier(field)} {kind}" for field, kind in fields)
        return item.value, None if any(kind is None for _, kind in fields) else f"STRUCT({row})"
    field = item.field_called(name[len("item_") :])
    if field is None:
        told = f"it has: {', '.join(item.value)}" if isinstance(item.value, dict) else f"it is {json.dumps(item.value)}"
        raise PermanentError(f'the item has no field for "${name}"; {told}')
    return item.value[field], types.get(field)
