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

if TYPE_CHECKING:
    import duckdb

MOST_ITEMS = 100_000
LONGEST_ITEM = 256 * 1024
_AS_JSON = frozenset(
    {"BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "VARCHAR"}
)
"""The types whose values JSON has, too; those of others are written as DuckDB's texts of them."""


def run(order: TaskOrder, context: TaskContext) -> TaskResult:
    """Writes the rows of the only input, in their order: a line with the types that JSON does not have, then one a row."""
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
    """The rows of a table in their order, as JSON has them, with the types of those columns that it has none for.

    They are at most one more than there can be items.
    """
    columns = connection.execute(f"DESCRIBE FROM {table}").fetchall()
    types = tuple((str(name), str(kind)) for name, kind, *_ in columns if str(kind) not in _AS_JSON)
    other = {name for name, _ in types}
    shown = ", ".join(
        f"CAST({identifier(name)} AS VARCHAR)" if name in other else identifier(name) for name, *_ in columns
    )
    names = [str(name) for name, *_ in columns]
    rows = connection.execute(f"SELECT {shown} FROM {table} LIMIT {MOST_ITEMS + 1}").fetchall()
    return types, tuple(dict(zip(names, row)) for row in rows)


def _line(row: dict[str, Any]) -> str:
    text = json.dumps(row, ensure_ascii=False)
    if len(text) > LONGEST_ITEM:
        raise PermanentError("a row takes more than 256 KiB, and no item may")
    return text


def parameters(connection: duckdb.DuckDBPyConnection, query: str, order: TaskOrder) -> dict[str, Any]:
    """The values that a query asks for: of results of other tasks as they are, of `$item` with the types that they had as rows."""
    return values_of(connection, query, order.item, order.handed)


def values_of(
    connection: duckdb.DuckDBPyConnection, query: str, item: OrderItem | None, handed: Mapping[str, Any]
) -> dict[str, Any]:
    """As `parameters`, of an item, if it is one's, and of results that are `handed`, by their parameters in one case."""
    if item is None and not handed:
        return {}
    wanted = {name for one in connection.extract_statements(query) for name in one.named_parameters}
    found = {name: handed[name.casefold()] for name in wanted if name.casefold() in handed}
    if item is not None:
        found.update((name, _value(connection, name, item)) for name in wanted.difference(found))
    return found


def _value(connection: duckdb.DuckDBPyConnection, name: str, item: OrderItem) -> Any:
    types = dict(item.types)
    if name.casefold() == "item":
        if not item.is_row:
            return item.value
        row = {field: _typed(connection, value, types.get(field)) for field, value in item.value.items()}
        return next(iter(row.values())) if len(row) == 1 else row
    field = item.field_called(name[len("item_") :])
    if field is None:
        told = f"it has: {', '.join(item.value)}" if isinstance(item.value, dict) else f"it is {json.dumps(item.value)}"
        raise PermanentError(f'the item has no field for "${name}"; {told}')
    return _typed(connection, item.value[field], types.get(field))


def _typed(connection: duckdb.DuckDBPyConnection, value: Any, kind: str | None) -> Any:
    if kind is None or value is None:
        return value
    found = connection.execute(f"SELECT CAST(? AS {kind})", [value]).fetchone()
    return None if found is None else found[0]
