"""Loads a dataset into a table of a database: in one transaction, and once however often it is attempted."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from trc.runtime.taskside.errors import AttemptFailed
from trc.runtime.taskside.order import TaskOrder
from trc.runtime.taskside.result import Failure
from trc.runtime.taskside.task import TaskContext, TaskResult
from trc.stdlib_tasks.duckdb_sql.run.complaint import complaint
from trc.stdlib_tasks.duckdb_sql.run.engine import connected
from trc.stdlib_tasks.duckdb_sql.run.inputs import identifier, rows_of, text
from trc.stdlib_tasks.sql_load.run.attached import Attached, attached, qualified
from trc.stdlib_tasks.sql_load.run.statements import Statements

if TYPE_CHECKING:
    import duckdb

_SOURCE = "trc_source"


def run(order: TaskOrder, context: TaskContext) -> TaskResult:
    """Changes the table as `params.mode` says; answers how many rows were loaded."""
    del context
    with connected(order, os.path.dirname(order.log)) as connection:
        columns = _read(connection, order)
        with attached(connection, order, is_read=False) as told:
            load = _Load(connection, order, told, columns)
            with told.errors():
                return TaskResult(values=load.carried_out())


def _read(connection: duckdb.DuckDBPyConnection, order: TaskOrder) -> list[str]:
    """Makes a view of what is loaded; answers its columns."""
    import duckdb

    try:
        connection.execute(f"CREATE VIEW {_SOURCE} AS {rows_of(order.inputs[0])}")
        described = connection.execute(f"DESCRIBE {_SOURCE}").fetchall()
    except duckdb.Error as error:
        raise complaint(error) from error
    return [str(line[0]) for line in described]


class _Load:
    """One load of the rows of the view `trc_source`."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, order: TaskOrder, told: Attached, columns: list[str]
    ) -> None:
        self._connection = connection
        self._order = order
        self._params = order.params
        self._told = told
        self._statements = Statements(connection, self._params)
        self._target = qualified(self._params, self._params["table"])
        self._columns = columns

    def carried_out(self) -> dict[str, Any]:
        # Statements that make tables end a transaction of MySQL: there they come first.
        is_early = self._params["engine"] == "mysql"
        if is_early:
            self._make_tables()
        self._connection.execute("BEGIN")
        try:
            if not is_early:
                self._make_tables()
            done = self._change()
        except BaseException:
            self._connection.execute("ROLLBACK")
            self._statements.tidy()
            raise
        self._connection.execute("COMMIT")
        self._statements.tidy()
        return done

    def _make_tables(self) -> None:
        mode = self._params["mode"]
        if self._params["create"]:
            self._connection.execute(f"CREATE TABLE IF NOT EXISTS {self._target} AS FROM {_SOURCE} LIMIT 0")
        self._take_names()
        if mode == "append":
            self._statements.make_notes()
        if mode == "upsert" and self._params["engine"] != "sqlite":
            self._statements.make_stage(self._stage_rows())

    def _take_names(self) -> None:
        """Spells columns as the table does; raises AttemptFailed for one that it has not."""
        found = [str(line[0]) for line in self._connection.execute(f"DESCRIBE {self._target}").fetchall()]
        known = {name.casefold(): name for name in found}
        missing = [name for name in (*self._columns, *self._params["key"]) if name.casefold() not in known]
        if missing:
            raise _refused(
                f'the table "{self._params["table"]}" has no column "{missing[0]}"; it has: {", ".join(found)}'
            )
        have = {name.casefold() for name in self._columns}
        lacking = next((name for name in self._params["key"] if name.casefold() not in have), None)
        if lacking is not None:
            raise _refused(f'what is loaded has no column "{lacking}", which is of the key')
        self._spelled = [known[name.casefold()] for name in self._columns]
        self._key = [known[name.casefold()] for name in self._params["key"]]

    def _stage_rows(self) -> str:
        shown = ", ".join(
            f"{identifier(name)} AS {identifier(known)}" for name, known in zip(self._columns, self._spelled)
        )
        return f"SELECT {shown} FROM {_SOURCE}"

    def _change(self) -> dict[str, Any]:
        mode = self._params["mode"]
        if mode == "append" and not self._statements.note(self._order.idempotency_key):
            # The attempt before this one has come to its end, and nobody heard of it.
            print("this load of the run is noted in the database already: nothing was added")  # noqa: T201 - for the attempt's log
            return {"rows": 0, "repeated": True}
        if mode == "replace":
            self._statements.empty(self._params["table"])
        if mode == "upsert":
            self._require_one_row_a_key()
            self._statements.upsert(self._target, self._stage_rows(), self._spelled, self._key)
            return {"rows": self._count()}
        names = ", ".join(map(identifier, self._spelled))
        self._connection.execute(f"INSERT INTO {self._target} ({names}) {self._stage_rows()}")
        return {"rows": self._count()}

    def _count(self) -> int:
        counted = self._connection.execute(f"SELECT count(*) FROM {_SOURCE}").fetchone()
        return int(counted[0]) if counted else 0

    def _require_one_row_a_key(self) -> None:
        names = ", ".join(map(identifier, self._params["key"]))
        is_null = " OR ".join(f"{identifier(name)} IS NULL" for name in self._params["key"])
        shown = ", ".join(f"{identifier(name)}::VARCHAR" for name in self._params["key"])
        found = self._connection.execute(
            f"SELECT concat_ws(', ', {shown}), count(*) FROM {_SOURCE} GROUP BY {names} HAVING count(*) > 1 OR {is_null} LIMIT 1"
        ).fetchone()
        if found is None:
            return
        if not found[0]:
            raise _refused("a row that is loaded has no value in its key")
        raise _refused(f"{found[1]} rows that are loaded have one key, {text(str(found[0]))}")


def _refused(message: str) -> AttemptFailed:
    return AttemptFailed(Failure(message, "permanent", "database_refused"))
