"""Digests of the tuples that were written: the same for the same rows in any order, and for nothing else."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from trc.runtime.taskside.digest import digest_of
from trc.runtime.taskside.order import OrderOutput
from trc.runtime.taskside.tuples import Before, Columns, OrderTuples, Tuples, name_of
from trc.stdlib_tasks.duckdb_sql.run.inputs import identifier, relation, text

if TYPE_CHECKING:
    import duckdb

_MOST = 4
"""How many earlier digests of bytes are remembered, of those that stand for the same tuples."""
_FLOATS = ("FLOAT", "DOUBLE")
_LONG = re.compile(r"VARCHAR|BLOB|UUID|DECIMAL\((19|[23]\d),")
"""Types with more values than there are hashes of one. A decimal of up to 18 digits is hashed as a whole number of 64 bits
is, and written out it would cost several times as much as all else."""


def tuples_of(connection: duckdb.DuckDBPyConnection, output: OrderOutput, asked: OrderTuples) -> Tuples | None:
    """The digests of a staged file; None where it has other columns than those that its readers were looked at with.

    Each is made of the number of rows and of two sums over them, exact ones, of hashes of 64 bits that DuckDB computes in
    different ways: so it stands for DuckDB's version, too.
    """
    held = None if output.columns is None else {name.casefold() for name in output.columns}
    expected = [one for one in asked.known if held is None or one[0].casefold() in held]
    if _columns(connection, output.path) != expected:
        return None
    # Of rows that were left out there is no digest; a reader whose columns were left out has none either.
    whole = output.where is None
    sets = [one for one in asked.sets if whole and set(one) <= set(expected)]
    now = Tuples(name_of(asked.known), _digests(connection, output.path, sets))
    return now if asked.before is None else replace(now, alike=_alike(connection, asked.before, now, sets))


def _columns(connection: duckdb.DuckDBPyConnection, path: str) -> list[tuple[str, str]]:
    described = connection.execute(f"DESCRIBE FROM {relation('parquet', (path,))}")
    return [(row[0], row[1]) for row in described.fetchall()]


def _digests(connection: duckdb.DuckDBPyConnection, path: str, sets: Sequence[Columns]) -> tuple[tuple[str, str], ...]:
    import duckdb

    if not sets:
        return ()
    full = _full_columns(connection, path)
    lacking = [tuple(name for name, _kind in one if name not in full) for one in sets]
    sums = [
        f"sum({hashed})" for one, absent in zip(sets, lacking) for hashed in (_one_way(one, absent), _another_way(one))
    ]
    counted = connection.execute(f"SELECT count(*), {', '.join(sums)} FROM {relation('parquet', (path,))}")
    (count, *answers), *_ = counted.fetchall()
    digests = []
    for index, columns in enumerate(sets):
        told = (duckdb.__version__, columns, lacking[index], count, answers[2 * index], answers[2 * index + 1])
        digests.append((name_of(columns), hashlib.sha256(repr(told).encode("utf-8", "backslashreplace")).hexdigest()))
    return tuple(digests)


def _alike(
    connection: duckdb.DuckDBPyConnection, before: Before, now: Tuples, sets: Sequence[Columns]
) -> tuple[tuple[str, str], ...]:
    """The digests of bytes by which readers may know the output, though it now has others: latest first."""
    known = dict(before.tuples.digests)
    known.update(_before(connection, before, [one for one in sets if name_of(one) not in known]))
    found = [(columns, before.digest) for columns, digest in now.digests if known.get(columns) == digest]
    for columns in dict(found):
        earlier = [one for one in before.tuples.alike if one[0] == columns and one[1] != before.digest]
        found += earlier[: _MOST - 1]
    return tuple(found)


def _before(
    connection: duckdb.DuckDBPyConnection, before: Before, sets: Sequence[Columns]
) -> tuple[tuple[str, str], ...]:
    """The digests of a file that is to be replaced, of those columns that it has; none unless it is what was written."""
    if not sets:
        return ()
    import duckdb

    try:
        seen = _identity(before.path)
        if digest_of(before.path)[1] != before.digest:
            return ()
        has = set(_columns(connection, before.path))
        digests = _digests(connection, before.path, [one for one in sets if set(one) <= has])
        return digests if _identity(before.path) == seen else ()
    except (OSError, duckdb.Error):  # it is gone, or damaged: then nobody knows it
        return ()


def _identity(path: str) -> tuple[int, int, int, int]:
    facts = os.stat(path)
    return facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_ino


def _full_columns(connection: duckdb.DuckDBPyConnection, path: str) -> frozenset[str]:
    """The columns of a Parquet file with a value in each row, as far as it tells: of those nothing is to be marked as absent."""
    counted = connection.execute(
        f"SELECT path_in_schema FROM parquet_metadata({text(path)})"
        " GROUP BY ALL HAVING bool_and(coalesce(stats_null_count = 0, false))"
    )
    return frozenset(name for (name,) in counted.fetchall())


def _one_way(columns: Columns, lacking: Sequence[str]) -> str:
    values = [identifier(name) for name, _kind in columns]
    # Hashes are those of equality, by which zero is zero whatever its sign, and an absent value is hashed as a number is.
    signs = [f"signbit({identifier(name)})" for name, kind in columns if kind in _FLOATS]
    absent = [f"{identifier(name)} IS NULL" for name in lacking]
    return f"hash({', '.join(['1', *values, *signs, *absent])})"


def _another_way(columns: Columns) -> str:
    return f"hash({', '.join(['2', *_salted(columns)])})"


def _salted(columns: Columns) -> Iterator[str]:
    """The values from the last to the first, long ones otherwise: else two that hash alike would do so both times."""
    for name, kind in reversed(columns):
        column = identifier(name)
        yield f"CAST({column} AS VARCHAR) || '.'" if _LONG.match(kind) else column
