"""What each database has to be told in its own words: emptying a table, putting rows in the places of others, notes of loads."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from trc.stdlib_tasks.duckdb_sql.run.inputs import identifier, text
from trc.stdlib_tasks.sql_load.run.attached import NAME, qualified

if TYPE_CHECKING:
    import duckdb

NOTES = "trc_loads"
"""A table of the database that tells which appends have been made: one that is attempted again makes none."""


class Statements:
    """Statements to the attached database, within its transaction."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, params: Mapping[str, Any]) -> None:
        self._connection = connection
        self._params = params
        self._engine = params["engine"]
        self._schema = params["table"].rpartition(".")[0]
        self._stage = ""

    def make_notes(self) -> None:
        self._connection.execute(
            f"CREATE TABLE IF NOT EXISTS {self._here(NOTES)} (load_key VARCHAR, loaded_at TIMESTAMP)"
        )

    def note(self, key: str) -> bool:
        """Notes a load; False where it is noted already."""
        digest = hashlib.sha256(key.encode()).hexdigest()
        found = self._connection.execute(
            f"SELECT count(*) FROM {self._here(NOTES)} WHERE load_key = {text(digest)}"
        ).fetchone()
        if found != (0,):
            return False
        self._connection.execute(
            f"INSERT INTO {self._here(NOTES)} VALUES ({text(digest)}, current_timestamp::TIMESTAMP)"
        )
        return True

    def empty(self, table: str) -> None:
        """Removes all rows; the table stays, with its constraints and grants."""
        if self._engine == "sqlite":
            self._connection.execute(f"DELETE FROM {qualified(self._params, table)}")
        else:
            self._execute(f"DELETE FROM {self._own(table)}")

    def make_stage(self, rows: str) -> None:
        """Brings the rows of an upsert into a table of the database, beside the one that they are for."""
        name = "trc_stage_" + hashlib.sha256(self._params["table"].encode()).hexdigest()[:16]
        self._connection.execute(f"DROP TABLE IF EXISTS {self._here(name)}")
        self._connection.execute(f"CREATE TABLE {self._here(name)} AS {rows}")
        self._stage = name

    def upsert(self, target: str, rows: str, columns: Sequence[str], key: Sequence[str]) -> None:
        """Gives rows of a known key the values that are loaded, and adds the others. Columns that are not loaded stay as they are."""
        others = [name for name in columns if name not in key]
        if self._engine == "sqlite":
            self._upsert_here(target, rows, columns, key, others)
            return
        quote = self._quoted
        stage, into = self._own(self._named(self._stage)), self._own(self._params["table"])
        same = " AND ".join(f"t.{quote(name)} = s.{quote(name)}" for name in key)
        if others and self._engine == "postgres":
            values = ", ".join(f"{quote(name)} = s.{quote(name)}" for name in others)
            self._execute(f"UPDATE {into} AS t SET {values} FROM {stage} AS s WHERE {same}")
        elif others:
            values = ", ".join(f"t.{quote(name)} = s.{quote(name)}" for name in others)
            self._execute(f"UPDATE {into} AS t JOIN {stage} AS s ON {same} SET {values}")
        names = ", ".join(map(quote, columns))
        new = ", ".join(f"s.{quote(name)}" for name in columns)
        self._execute(
            f"INSERT INTO {into} ({names}) SELECT {new} FROM {stage} AS s"
            f" WHERE NOT EXISTS (SELECT 1 FROM {into} AS t WHERE {same})"
        )
        if self._engine == "postgres":
            self._execute(f"DROP TABLE {stage}")
            self._stage = ""

    def _upsert_here(
        self, target: str, rows: str, columns: Sequence[str], key: Sequence[str], others: Sequence[str]
    ) -> None:
        same = " AND ".join(f"t.{identifier(name)} = s.{identifier(name)}" for name in key)
        if others:
            values = ", ".join(f"{identifier(name)} = s.{identifier(name)}" for name in others)
            self._connection.execute(f"UPDATE {target} AS t SET {values} FROM ({rows}) AS s WHERE {same}")
        names = ", ".join(map(identifier, columns))
        self._connection.execute(
            f"INSERT INTO {target} ({names}) SELECT {names} FROM ({rows}) AS s"
            f" WHERE NOT EXISTS (SELECT 1 FROM {target} AS t WHERE {same})"
        )

    def tidy(self) -> None:
        """Removes what a transaction does not undo."""
        import duckdb

        if self._stage and self._engine == "mysql":
            # Nobody reads it, and the next upsert removes it first.
            with contextlib.suppress(duckdb.Error):
                self._connection.execute(f"DROP TABLE IF EXISTS {self._here(self._stage)}")

    def _execute(self, statement: str) -> None:
        self._connection.execute(f"CALL {self._engine}_execute('{NAME}', {text(statement)})")

    def _here(self, name: str) -> str:
        return qualified(self._params, self._named(name))

    def _named(self, name: str) -> str:
        return f"{self._schema}.{name}" if self._schema else name

    def _own(self, table: str) -> str:
        """A table's name in the database's own spelling."""
        schema, _, name = table.rpartition(".")
        if self._engine == "postgres":
            schema = schema or "public"
        return ".".join(self._quoted(one) for one in (schema, name) if one)

    def _quoted(self, name: str) -> str:
        return "`" + name.replace("`", "``") + "`" if self._engine == "mysql" else identifier(name)
