"""Empty tables that a pipeline's queries share, each made when the first query reads it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from trc.compiler.ir.dataset import Column
from trc.compiler.ir.types import Known
from trc.compiler.sql.engine import complaint, give_back, lend
from trc.compiler.sql.skim import Plain

if TYPE_CHECKING:
    import duckdb


class SharedTables:
    """A database whose tables stay from one query to the next."""

    def __init__(self) -> None:
        self._database: duckdb.DuckDBPyConnection | None = None
        self._made: dict[str, Known] = {}
        """By name, case folded, what each table was made of."""

    def columns(self, query: Plain, read: Mapping[str, Known]) -> tuple[Column, ...] | None:
        """The columns of a query over tables of these schemas (by names, case folded); None where DuckDB objects."""
        import duckdb

        if self._database is None:
            self._database = lend()
        stale = [name for name, schema in self._made.items() if name in read and read[name] is not schema]
        # A CTE hides the table of its name, but only within its scope: outside of it there must be no such table.
        stale += [name for name in map(str.casefold, query.ctes) if name in self._made and name not in read]
        missing = [name for name in read if name not in self._made or name in stale]
        statements = [f"DROP TABLE {_quoted(name)}" for name in stale]
        statements += [f"CREATE TABLE {_quoted(name)} ({_listed(read[name])})" for name in missing]
        try:
            for name in stale:
                self._made.pop(name, None)
            if statements:
                self._database.execute(";".join(statements))
            self._made |= {name: read[name] for name in missing}
            # A relation is bound as it is made, and runs only when it is asked for its rows.
            relation = self._database.sql(query.text)
        except duckdb.Error as error:
            self._forget(is_harmed=complaint(error).kind in ("INTERNAL", "FATAL"))
            return None
        return tuple(
            Column(name=name, type=str(kind)) for name, kind in zip(relation.columns, relation.types, strict=True)
        )

    def close(self) -> None:
        """Drops the tables and ends the use of the database."""
        self._forget(is_harmed=False)

    def _forget(self, *, is_harmed: bool) -> None:
        if self._database is not None and not is_harmed:
            names = [name for (name,) in self._database.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
            self._database.execute(";".join(f"DROP TABLE {_quoted(name)}" for name in names))
            give_back(self._database)
        self._database = None
        self._made = {}


def _listed(schema: Known) -> str:
    return ", ".join(f"{_quoted(column.name)} {column.type}" for column in schema.columns)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
