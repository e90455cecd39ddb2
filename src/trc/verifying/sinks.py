"""Whether two files hold the same: names, types and order of columns, and rows as often as they stand there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from trc.stdlib_tasks.duckdb_sql.run.inputs import identifier, relation

if TYPE_CHECKING:
    import duckdb

TOLERANCE: Final = 1e-9
"""By how much floating-point numbers may differ, relative to the larger one, where the order of adding may."""
_FLOATS: Final = ("FLOAT", "DOUBLE")
_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class SinkFile:
    """A file of rows; `columns` are names and types, where its format does not keep them."""

    format: str
    path: str
    columns: tuple[tuple[str, str], ...] | None = None
    written: bool = False


@dataclass(frozen=True, slots=True)
class Difference:
    """In what two files differ, with some of the rows that only one of them has."""

    text: str
    missing: tuple[tuple[Any, ...], ...] = ()
    added: tuple[tuple[Any, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Compared:
    """`rows` are those of the first file; `tied` says that equal rows stand in another order."""

    rows: int
    difference: Difference | None = None
    tied: bool = False


def compare(first: SinkFile, second: SinkFile, *, tolerant: bool, ordered: bool) -> Compared:
    """Compares two files of one format; with `tolerant`, floating-point numbers may differ in their last digits."""
    import duckdb

    with duckdb.connect(":memory:") as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for name, one in (("first", first), ("second", second)):
            read = relation(one.format, (one.path,), one.columns, written=one.written)
            connection.execute(f"CREATE VIEW {name} AS FROM {read}")
        return _compared(connection, tolerant=tolerant, ordered=ordered)


def _compared(connection: duckdb.DuckDBPyConnection, *, tolerant: bool, ordered: bool) -> Compared:
    columns = _columns(connection, "first")
    rows = _count(connection, "first")
    others = _columns(connection, "second")
    if others != columns:
        return Compared(rows, Difference(f"its columns are {_listed(others)} and not {_listed(columns)}"))
    missing, added = (_only_in(connection, *pair) for pair in (("first", "second"), ("second", "first")))
    if not missing and not added:
        return Compared(rows, tied=ordered and not _same_order(connection))
    other_rows = _count(connection, "second")
    if other_rows != rows:
        return Compared(rows, Difference(f"it has {other_rows:,} rows and not {rows:,}", missing, added))
    if tolerant and _nearly_equal(connection, columns):
        return Compared(rows)
    return Compared(rows, Difference("it has other rows", missing, added))


def _columns(connection: duckdb.DuckDBPyConnection, name: str) -> list[tuple[str, str]]:
    return [(row[0], row[1]) for row in connection.execute(f"DESCRIBE {name}").fetchall()]


def _count(connection: duckdb.DuckDBPyConnection, name: str) -> int:
    row = connection.table(name).count("*").fetchone()
    assert row is not None
    return int(row[0])


def _only_in(connection: duckdb.DuckDBPyConnection, one: str, other: str) -> tuple[tuple[Any, ...], ...]:
    return tuple(connection.execute(f"FROM {one} EXCEPT ALL FROM {other} LIMIT {_SHOWN}").fetchall())


def _same_order(connection: duckdb.DuckDBPyConnection) -> bool:
    numbered = "(SELECT row_number() OVER () AS trc_place, * FROM {})"
    first, second = numbered.format("first"), numbered.format("second")
    return connection.execute(f"FROM {first} EXCEPT ALL FROM {second} LIMIT 1").fetchone() is None


def _nearly_equal(connection: duckdb.DuckDBPyConnection, columns: Sequence[tuple[str, str]]) -> bool:
    """Whether the rows pair up, once sorted, with equal values beside nearly equal numbers."""
    exact = [identifier(name) for name, kind in columns if kind not in _FLOATS]
    floats = [identifier(name) for name, kind in columns if kind in _FLOATS]
    if not floats:
        return False
    order = ", ".join([*exact, *floats])
    numbered = f"(SELECT row_number() OVER (ORDER BY {order}) AS trc_place, * FROM {{}})"  # noqa: S608 - names are quoted
    unequal = [f"a.{name} IS DISTINCT FROM b.{name}" for name in exact]
    unequal += [
        f"(a.{name} IS DISTINCT FROM b.{name} AND NOT coalesce("
        f"abs(a.{name} - b.{name}) <= {TOLERANCE} * greatest(abs(a.{name}), abs(b.{name})), false))"
        for name in floats
    ]
    pairs = f"{numbered.format('first')} AS a JOIN {numbered.format('second')} AS b USING (trc_place)"
    return connection.execute(f"FROM {pairs} WHERE {' OR '.join(unequal)} LIMIT 1").fetchone() is None


def _listed(columns: Sequence[tuple[str, str]]) -> str:
    return ", ".join(f"{name} {kind}" for name, kind in columns)
