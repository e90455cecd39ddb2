"""Digests of the tuples that were written: the same for the same rows in any order, and for nothing else."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from trc.runtime.taskside.order import OrderOutput
from trc.runtime.taskside.tuples import Columns, OrderTuples, Tuples, name_of
from trc.stdlib_tasks.duckdb_sql.run.inputs import identifier, relation

if TYPE_CHECKING:
    import duckdb

_FLOATS = ("FLOAT", "DOUBLE")
_LONG = re.compile(r"VARCHAR|BLOB|UUID|DECIMAL\((19|[23]\d),")
"""Types with more values than there are hashes of one. A decimal of up to 18 digits is hashed as a whole number of 64 bits
is, and written out it would cost several times as much as all else."""


def tuples_of(connection: duckdb.DuckDBPyConnection, output: OrderOutput, asked: OrderTuples) -> Tuples | None:
    """The digests of a staged file; None where it has other columns than those that its readers were looked at with.

    Each is made of the number of rows and of two sums over them, exact ones, of hashes of 64 bits that DuckDB computes in
    different ways: so it stands for DuckDB's version, too.
    """
    import duckdb

    rows = relation(output.format, (output.path,))
    held = None if output.columns is None else {name.casefold() for name in output.columns}
    expected = [one for one in asked.known if held is None or one[0].casefold() in held]
    found = connection.execute(f"DESCRIBE FROM {rows}").fetchall()
    if [(row[0], row[1]) for row in found] != expected:
        return None
    # Of rows that were left out there is no digest; a reader whose columns were left out has none either.
    whole = output.where is None
    sets = [one for one in asked.sets if whole and set(one) <= set(expected)]
    if not sets:
        return Tuples(name_of(asked.known))
    sums = [f"sum({hashed})" for one in sets for hashed in (_one_way(one), _another_way(one))]
    (count, *answers), *_ = connection.execute(f"SELECT count(*), {', '.join(sums)} FROM {rows}").fetchall()
    digests = []
    for index, columns in enumerate(sets):
        told = (duckdb.__version__, columns, count, answers[2 * index], answers[2 * index + 1])
        digests.append((name_of(columns), hashlib.sha256(repr(told).encode("utf-8", "backslashreplace")).hexdigest()))
    return Tuples(name_of(asked.known), tuple(digests))


def _one_way(columns: Columns) -> str:
    values = [identifier(name) for name, _kind in columns]
    # Hashes are those of equality, by which zero is zero whatever its sign, and an absent value is hashed as a number is.
    signs = [f"signbit({identifier(name)})" for name, kind in columns if kind in _FLOATS]
    absent = [f"{identifier(name)} IS NULL" for name, _kind in columns]
    return f"hash({', '.join(['1', *values, *signs, *absent])})"


def _another_way(columns: Columns) -> str:
    return f"hash({', '.join(['2', *_salted(columns)])})"


def _salted(columns: Columns) -> Iterator[str]:
    """The values from the last to the first, long ones otherwise: else two that hash alike would do so both times."""
    for name, kind in reversed(columns):
        column = identifier(name)
        yield f"CAST({column} AS VARCHAR) || '.'" if _LONG.match(kind) else column
