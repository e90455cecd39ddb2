"""The database of a test: in memory, shut off from files and the network, with the settings of a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pydantic import JsonValue

from trc.compiler.ir.dataset import Column
from trc.compiler.sql.written_values import as_sql
from trc.runtime.taskside.errors import AttemptFailed, PermanentError
from trc.runtime.taskside.items import OrderItem
from trc.stdlib_tasks.duckdb_sql.run.complaint import complaint
from trc.stdlib_tasks.duckdb_sql.run.inputs import identifier
from trc.stdlib_tasks.duckdb_sql.run.items import bound, listed
from trc.stdlib_tasks.duckdb_sql.run.query import prepare
from trc.testing.compare import Row

if TYPE_CHECKING:
    import duckdb

_CONFIG: Final[dict[str, str | bool | int | float | list[str]]] = {
    "enable_external_access": False,
    "autoload_known_extensions": False,
    "autoinstall_known_extensions": False,
    "python_enable_replacements": False,
    "temp_directory": "",
    "memory_limit": "1GB",
    "threads": 1,
    "errors_as_json": True,
}
_DATA: Final = '"trc data".main'


class QueryFailed(Exception):  # noqa: N818 - what a test finds, not an error of ours
    """A query that DuckDB refuses or gives up on; `offset` is the place in the author's text, if one is told."""

    def __init__(self, message: str, offset: int | None) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Yield:
    """What a dataset holds: its columns and, up to the number that was asked for, its rows; `count` is of all."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    count: int


@contextmanager
def opened() -> Iterator[Database]:
    """An empty database."""
    import duckdb

    connection = duckdb.connect(":memory:", config=_CONFIG)
    try:
        connection.execute("SET GLOBAL TimeZone = 'UTC'; SET GLOBAL lock_configuration = true")
        # Its own catalog would hide a task that is called "memory".
        connection.execute('ATTACH \':memory:\' AS "trc data"; USE "trc data"; DETACH memory')
        yield Database(connection)
    finally:
        connection.close()


class Database:
    """Datasets by name, given or computed."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def give(self, name: str, columns: Sequence[Column], rows: Sequence[Mapping[str, JsonValue]]) -> None:
        """Makes a dataset of these rows; a column that a row leaves out is NULL in it."""
        import duckdb

        listed = ", ".join(f"{identifier(column.name)} {column.type}" for column in columns)
        try:
            self._execute(f"CREATE TABLE {_DATA}.{identifier(name)} ({listed})")
            if rows:
                values = _values(columns, rows)
                self._execute(f"INSERT INTO {_DATA}.{identifier(name)} {values}")
        except duckdb.Error as error:
            raise QueryFailed(complaint(error).failure.message.strip(), None) from error

    def compute(
        self,
        name: str,
        query: str,
        reads: Iterable[tuple[str, str]],
        items: Sequence[OrderItem | None] = (None,),
        handed: Mapping[str, Any] | None = None,
    ) -> None:
        """Makes a dataset of a query's rows; `reads` are the tables that it names, each with the dataset it means.

        Of a repeated task, those of each of its items, in order; `handed` are results of other tasks by their parameters.
        """
        import duckdb

        self._execute('ATTACH \':memory:\' AS "trc task"; USE "trc task"')
        try:
            try:
                for table, dataset in reads:
                    self._show(table, f"{_DATA}.{identifier(dataset)}")
            except duckdb.Error as error:
                # Schemas of some names cannot be made, in a run neither.
                raise complaint(error) from error
            before = f"CREATE TABLE {_DATA}.{identifier(name)} AS\n"
            prepared = prepare(self._connection, query, (), "")
            for item in items:
                asked, values = bound(self._connection, prepared, item, handed or {})
                try:
                    self._execute(before + asked.text, values)
                except duckdb.Error as error:
                    raise complaint(error, asked, len(before.encode())) from error
                before = f"INSERT INTO {_DATA}.{identifier(name)}\n"
        except AttemptFailed as failed:
            raise QueryFailed(failed.failure.message.strip(), failed.failure.query_offset) from failed
        except PermanentError as error:
            # An item has not what the query asks it for.
            raise QueryFailed(str(error), None) from error
        finally:
            self._execute('USE "trc data"; DETACH "trc task"')

    def items(self, name: str) -> tuple[OrderItem, ...]:
        """The rows of a dataset, as a run hands them to the repetitions of a task."""
        types, rows = listed(self._connection, f"{_DATA}.{identifier(name)}")
        return tuple(OrderItem(row, types, is_row=True) for row in rows)

    def count(self, name: str) -> int:
        """How many rows a dataset has."""
        counted: Any = self._execute(f"SELECT count(*) FROM {_DATA}.{identifier(name)}").fetchone()  # noqa: S608 - ours
        return int(counted[0])

    def _execute(self, sql: str, values: Mapping[str, Any] | None = None) -> duckdb.DuckDBPyConnection:
        try:
            return self._connection.execute(sql, values or None)
        except RuntimeError as error:
            # What DuckDB makes of Ctrl-C.
            if str(error) == "Query interrupted":
                raise KeyboardInterrupt from error
            raise

    def _show(self, table: str, data: str) -> None:
        schema, dot, inner = table.partition(".")
        if dot:
            self._execute(f"CREATE SCHEMA IF NOT EXISTS {identifier(schema)}")
            self._execute(f"CREATE VIEW {identifier(schema)}.{identifier(inner)} AS FROM {data}")
        # `task.output` can be written as one quoted name, too.
        self._execute(f"CREATE VIEW {identifier(table)} AS FROM {data}")

    def read(self, name: str, most: int) -> Yield:
        """What a dataset holds, with its rows in the order in which the query gave them."""
        data = f"{_DATA}.{identifier(name)}"
        columns = tuple(Column(name=row[0], type=row[1]) for row in self._execute(f"DESCRIBE {data}").fetchall())
        return Yield(columns, self._texts(columns, f"FROM {data} LIMIT {most}"), self.count(name))

    def written(self, columns: Sequence[Column], rows: Sequence[Mapping[str, JsonValue]]) -> tuple[Row, ...]:
        """Rows of an author as `read` gives those of a dataset with these columns."""
        if not rows:
            return ()
        names = ", ".join(identifier(column.name) for column in columns)
        return self._texts(columns, f"FROM ({_values(columns, rows)}) AS written({names})")

    def _texts(self, columns: Sequence[Column], source: str) -> tuple[Row, ...]:
        shown = ", ".join(_as_text(column) for column in columns)
        return tuple(tuple(row) for row in self._execute(f"SELECT {shown} {source}").fetchall())


def _as_text(column: Column) -> str:
    """An expression for a text that equal values share; within lists and structs the sign of a zero tells them apart."""
    name = identifier(column.name)
    if column.type == "JSON":
        return f"CAST(json({name}) AS VARCHAR)"
    if column.type in {"FLOAT", "DOUBLE"}:
        return f"CAST({name} + 0 AS VARCHAR)"  # zero has two signs, and one value
    return f"CAST({name} AS VARCHAR)"


def _values(columns: Sequence[Column], rows: Sequence[Mapping[str, JsonValue]]) -> str:
    listed: list[str] = []
    for row in rows:
        given = {name.casefold(): value for name, value in row.items()}
        values = [as_sql(given.get(column.name.casefold()), column.type) for column in columns]
        listed.append(f"({', '.join(values)})")
    return f"VALUES {', '.join(listed)}"
