"""Empty tables that queries share, each made when the first query reads it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from trc.compiler.ir.dataset import Column, column
from trc.compiler.ir.types import Known
from trc.compiler.sql.engine import complaint, lend
from trc.compiler.sql.skim import Plain

if TYPE_CHECKING:
    import duckdb

_MOST: Final = 512
"""How many tables a database holds before a new one takes its place: that costs less than dropping so many."""


class SharedTables:
    """A database whose tables stay from one query to the next, and from one pipeline to the next.

    Tables that a query does not read are of no account to it: a plain query names nothing that it does not read, except
    for its own CTEs, and a table of their name is dropped before.
    """

    def __init__(self, database: duckdb.DuckDBPyConnection) -> None:
        self._database = database
        self._made: dict[str, tuple[Known, str]] = {}
        """By name, case folded: what each table was made of, and how that is written."""
        self.is_fit = True
        """Whether it can be used again; an error of DuckDB's own may have harmed it."""

    def columns(self, query: Plain, read: Mapping[str, Known]) -> tuple[Column, ...] | None:
        """The columns of a query over tables of these schemas (by names, case folded); None where DuckDB objects."""
        import duckdb

        statements: list[str] = []
        hidden = [name for name in map(str.casefold, query.ctes) if name in self._made and name not in read]
        for name in hidden:
            del self._made[name]
            statements.append(f"DROP TABLE {_quoted(name)}")
        for name, schema in read.items():
            before = self._made.get(name)
            if before is not None and before[0] is schema:
                continue
            written = _written(schema)
            if before is None or before[1] != written:
                statements.append(f"CREATE OR REPLACE TABLE {_quoted(name)} ({written})")
            self._made[name] = schema, written
        try:
            if statements:
                self._database.execute(";".join(statements))
        except duckdb.Error:
            # Nobody knows which of the tables there are now.
            self.is_fit = False
            return None
        try:
            # A relation is bound as it is made, and runs only when it is asked for its rows.
            relation = self._database.sql(query.text)
        except duckdb.Error as error:
            self.is_fit = complaint(error).kind not in ("INTERNAL", "FATAL")
            return None
        pairs = zip(relation.columns, relation.types, strict=True)
        return tuple([column(name, str(kind)) for name, kind in pairs])

    @property
    def is_full(self) -> bool:
        return len(self._made) >= _MOST


_idle: Final[list[SharedTables]] = []


def lend_tables() -> SharedTables:
    """A database of tables that nobody else uses until it is given back."""
    return _idle.pop() if _idle else SharedTables(lend())


def give_back_tables(tables: SharedTables) -> None:
    """Ends the use of a database of tables."""
    if tables.is_fit and not tables.is_full:
        _idle.append(tables)


def _written(schema: Known) -> str:
    return ", ".join([f"{_quoted(column.name)} {column.type}" for column in schema.columns])


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
