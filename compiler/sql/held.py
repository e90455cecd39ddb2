"""Empty tables that queries are planned over, kept from one query to the next: most are read by several."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from trc.compiler.sql.engine import complaint, lend

if TYPE_CHECKING:
    import duckdb

_MOST: Final = 256
"""How many tables a database holds before a new one takes its place."""


@dataclass(slots=True)
class HeldTables:
    """A database for one query after the other. What is left in it from others is of no account to a query.

    For that, a table that the query does not read goes away before if the query so much as mentions its name.
    """

    database: duckdb.DuckDBPyConnection
    _made: dict[str, tuple[str, ...]] = field(default_factory=dict[str, "tuple[str, ...]"])
    """By name, case folded, the statements that made the table."""

    @property
    def is_full(self) -> bool:
        return len(self._made) >= _MOST

    def hold(self, tables: Mapping[str, str], query: str) -> str | None:
        """Sees that there are these tables, by name with their columns as SQL; answers why that cannot be, if so."""
        import duckdb

        wanted = {name.casefold(): tuple(_made_of(name, columns)) for name, columns in tables.items()}
        statements: list[str] = []
        folded = query.casefold()
        for name in [name for name in self._made if name not in wanted and _may_name(folded, name)]:
            del self._made[name]
            statements += _dropping(name)
        for name, making in wanted.items():
            if self._made.get(name) != making:
                statements += making
                self._made[name] = making
        try:
            if statements:
                self.database.execute(";".join(statements))
        except duckdb.Error as error:
            return f"DuckDB cannot make a table of the columns it reads: {complaint(error).message}"
        return None


_idle: Final[dict[frozenset[str], list[HeldTables]]] = {}


def lend_held(passes: frozenset[str]) -> HeldTables:
    """A database, with these passes of DuckDB's optimiser, that nobody else uses until it is given back."""
    idle = _idle.get(passes)
    return idle.pop() if idle else HeldTables(lend(passes))


def give_back_held(held: HeldTables, passes: frozenset[str]) -> None:
    """Ends the use of a database; one that an error may have harmed is not given back."""
    if not held.is_full:
        _idle.setdefault(passes, []).append(held)


def _made_of(name: str, columns: str) -> Iterator[str]:
    """That of `task.output` is both a table in a schema and a name of its own."""
    schema, dot, table = name.partition(".")
    if dot:
        yield f"CREATE SCHEMA IF NOT EXISTS {_quoted(schema)}"
        yield f"CREATE OR REPLACE TABLE {_quoted(schema)}.{_quoted(table)} ({columns})"
    yield f"CREATE OR REPLACE TABLE {_quoted(name)} ({columns})"


def _dropping(name: str) -> Iterator[str]:
    schema, dot, table = name.partition(".")
    if dot:
        yield f"DROP TABLE {_quoted(schema)}.{_quoted(table)}"
    yield f"DROP TABLE {_quoted(name)}"


def _may_name(query: str, name: str) -> bool:
    """Whether a text could call a table by that name, or by a part of it; within a quoted name a quote is written twice."""
    return any(part in query or '"' in part for part in {name, *name.split(".", 1)} if part)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
