"""Whether two files hold the same: names, types and order of columns, and rows as often as they stand there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from trc.stdlib_tasks.duckdb_sql.run.inputs import identifier, relation

if TYPE_CHECKING:
    import duckdb

TOLERANCE: Final = 1e-9
"""By how much floating-point numbers may differ, relative to the larger one, where the order of adding may."""
_FLOATS: Final = ("FLOAT", "DOUBLE")
_INEXACT: Final = re.compile("INTERVAL|TIME WITH TIME ZONE")
"""Types with values that are equal and not the same: a month and 30 days, one moment in two zones.

Zeros of either sign are not told apart: of those that stand in a column of Parquet, DuckDB keeps the sign of the first.
"""
_SHOWN: Final = 5
_NONE: Final[tuple[tuple[Any, ...], ...]] = ()


@dataclass(frozen=True, slots=True)
class SinkFile:
    """Files of rows, as a rule one; `columns` are names and types, where their format does not keep them."""

    format: str
    paths: tuple[str, ...]
    columns: tuple[tuple[str, str], ...] | None = None
    written: bool = False


@dataclass(frozen=True, slots=True)
class Difference:
    """In what two files differ, with some of the rows that only one of them has."""

    text: str
    missing: tuple[tuple[Any, ...], ...] = ()
    added: tuple[tuple[Any, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Order:
    """The order that rows have to stand in: by these columns; `is_total` says that it leaves nothing open."""

    columns: tuple[str, ...] = ()
    is_total: bool = False


@dataclass(frozen=True, slots=True)
class Compared:
    """`rows` are those of the first file; `tied` says that rows which the order holds for equal stand in another one."""

    rows: int
    difference: Difference | None = None
    tied: bool = False


@contextmanager
def comparing() -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in which files are compared."""
    import duckdb

    with duckdb.connect(":memory:") as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


def compare(
    connection: duckdb.DuckDBPyConnection, first: SinkFile, second: SinkFile, *, tolerant: bool, order: Order | None
) -> Compared:
    """Compares two files of one format; with `tolerant`, floating-point numbers may differ in their last digits."""
    for name, one in (("first", first), ("second", second)):
        read = relation(one.format, one.paths, one.columns, written=one.written)
        connection.execute(f"CREATE OR REPLACE VIEW {name} AS FROM {read}")
    columns, rows = _columns(connection, "first"), _count(connection, "first")
    others, other_rows = _columns(connection, "second"), _count(connection, "second")
    if others != columns:
        return Compared(rows, Difference(f"its columns are {_listed(others)} and not {_listed(columns)}"))
    missing, added = _NONE, _NONE
    if _more(connection, columns, "<> 0", 1):
        missing, added = (_more(connection, columns, sign, _SHOWN) for sign in ("> 0", "< 0"))
    if other_rows != rows:
        return Compared(rows, Difference(f"it has {other_rows:,} rows and not {rows:,}", missing, added))
    if (missing or added) and not (tolerant and _nearly_equal(connection, columns)):
        return Compared(rows, Difference("it has other rows", missing, added))
    if order is None or _same_order(connection, columns, tolerant=tolerant):
        return Compared(rows)
    kept = [one for one in columns if one[0] in order.columns]
    if order.is_total or not _same_order(connection, kept, tolerant=tolerant):
        return Compared(rows, Difference("its rows stand in another order"))
    return Compared(rows, tied=True)


def _columns(connection: duckdb.DuckDBPyConnection, name: str) -> list[tuple[str, str]]:
    return [(row[0], row[1]) for row in connection.execute(f"DESCRIBE {name}").fetchall()]


def _count(connection: duckdb.DuckDBPyConnection, name: str) -> int:
    row = connection.table(name).count("*").fetchone()
    assert row is not None
    return int(row[0])


def _more(
    connection: duckdb.DuckDBPyConnection, columns: Sequence[tuple[str, str]], sign: str, most: int
) -> tuple[tuple[Any, ...], ...]:
    """Rows by how often they stand in the first file more than in the second.

    Values that are equal and not the same are told apart by what is written for them.
    """
    names = [identifier(name) for name, _ in columns]
    told = [f"CAST({identifier(name)} AS VARCHAR)" for name, kind in columns if _INEXACT.search(kind)]
    both = 'SELECT *, 1 AS "trc more" FROM first UNION ALL SELECT *, -1 FROM second'
    rows = f"SELECT {', '.join(names)} FROM ({both}) GROUP BY {', '.join(names + told)}"  # noqa: S608 - names are quoted
    found = connection.execute(f'{rows} HAVING sum("trc more") {sign} LIMIT {most}').fetchall()
    return tuple(found)


def _same_order(connection: duckdb.DuckDBPyConnection, columns: Sequence[tuple[str, str]], *, tolerant: bool) -> bool:
    """Whether the values of these columns are the same, row by row as they stand."""
    return _pairs_up(connection, columns, "", tolerant=tolerant)


def _nearly_equal(connection: duckdb.DuckDBPyConnection, columns: Sequence[tuple[str, str]]) -> bool:
    """Whether the rows pair up, once sorted, with equal values beside nearly equal numbers."""
    floats = [identifier(name) for name, kind in columns if kind in _FLOATS]
    order = ", ".join([*(identifier(name) for name, kind in columns if kind not in _FLOATS), *floats])
    return bool(floats) and _pairs_up(connection, columns, f"ORDER BY {order}", tolerant=True)


def _pairs_up(
    connection: duckdb.DuckDBPyConnection, columns: Sequence[tuple[str, str]], order: str, *, tolerant: bool
) -> bool:
    unequal = [_unequal(identifier(name), tolerant=tolerant and kind in _FLOATS) for name, kind in columns]
    if not unequal:
        return True
    numbered = f"(SELECT row_number() OVER ({order}) AS trc_place, * FROM {{}})"  # noqa: S608 - names are quoted
    pairs = f"{numbered.format('first')} AS a JOIN {numbered.format('second')} AS b USING (trc_place)"
    return connection.execute(f"FROM {pairs} WHERE {' OR '.join(unequal)} LIMIT 1").fetchone() is None


def _unequal(name: str, *, tolerant: bool) -> str:
    differs = f"a.{name} IS DISTINCT FROM b.{name}"
    if not tolerant:
        return differs
    size = f"greatest(abs(a.{name}), abs(b.{name}))"
    return f"({differs} AND NOT coalesce(abs(a.{name} - b.{name}) <= {TOLERANCE} * {size}, false))"


def _listed(columns: Sequence[tuple[str, str]]) -> str:
    return ", ".join(f"{name} {kind}" for name, kind in columns)
