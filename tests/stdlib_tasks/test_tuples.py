"""Digests of tuples: equal for the same rows in any order, and for nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb  # noqa: TID253 - what these tests are about
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trc.runtime.taskside.digest import digest_of
from trc.runtime.taskside.order import OrderOutput
from trc.runtime.taskside.tuples import Before, Columns, OrderTuples, Tuples, name_of
from trc.stdlib_tasks.duckdb_sql.run.tuples import tuples_of

ALL: Columns = (("a", "INTEGER"), ("b", "VARCHAR"), ("c", "DOUBLE"))
ROWS: list[tuple[Any, ...]] = [(1, "x", 0.5), (2, "y", 0.0), (2, "y", 0.0), (None, "", None)]


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        opened.execute("SET TimeZone = 'UTC'")
        yield opened


def write(connection: duckdb.DuckDBPyConnection, path: Path, columns: Columns, rows: list[tuple[Any, ...]]) -> None:
    declared = ", ".join(f'"{name}" {kind}' for name, kind in columns)
    connection.execute(f"CREATE OR REPLACE TABLE written ({declared})")
    if rows:
        connection.executemany(f"INSERT INTO written VALUES ({', '.join('?' * len(columns))})", rows)
    connection.execute(f"COPY written TO '{path}' (FORMAT parquet)")


def told(path: Path, connection: duckdb.DuckDBPyConnection, asked: OrderTuples, **shape: Any) -> Tuples | None:
    return tuples_of(connection, OrderOutput("output", "parquet", str(path), None, **shape), asked)


def digest(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    rows: list[tuple[Any, ...]],
    columns: Columns = ALL,
    read: Columns | None = None,
) -> str:
    write(connection, path, columns, rows)
    found = told(path, connection, OrderTuples(columns, (columns if read is None else read,)))
    assert found is not None
    ((_, one),) = found.digests
    return one


values = st.tuples(
    st.one_of(st.none(), st.integers(-2, 2)),
    st.one_of(st.none(), st.sampled_from(["", "x", "X", "x.", ".", "é", "x\0"])),
    st.one_of(st.none(), st.sampled_from([0.0, -0.0, 1.0, float("inf"), -1.5])),
)


def as_seen(row: tuple[Any, ...]) -> tuple[str, ...]:
    """What tells values apart, which equality does not do with zeros."""
    return tuple(map(repr, row))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(one=st.lists(values, max_size=5), other=st.lists(values, max_size=5), data=st.data())
def test_it_is_equal_for_the_same_rows_alone(
    connection: duckdb.DuckDBPyConnection,
    tmp_path: Path,
    one: list[tuple[Any, ...]],
    other: list[tuple[Any, ...]],
    data: st.DataObject,
) -> None:
    path = tmp_path / "rows.parquet"
    first = digest(connection, path, one)
    assert digest(connection, path, data.draw(st.permutations(one))) == first
    same = Counter(map(as_seen, one)) == Counter(map(as_seen, other))
    assert (digest(connection, path, other) == first) is same


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("INTEGER", None, 0),
        # Of all numbers, the one that DuckDB hashes as it hashes what is absent.
        ("BIGINT", None, -2930909409056394622),
        ("VARCHAR", None, ""),
        ("VARCHAR", None, "NULL"),
        ("VARCHAR", "a", "A"),
        ("VARCHAR", "a", "a "),
        ("DOUBLE", 0.0, -0.0),
        ("FLOAT", 0.0, -0.0),
        ("DOUBLE", float("nan"), float("inf")),
        ("BOOLEAN", False, None),
        ("BLOB", b"a", b"a\0"),
        ("UUID", UUID(int=1), UUID(int=1 << 64)),
        ("DECIMAL(38,0)", Decimal(1), Decimal(1 << 64)),
        ("DECIMAL(9,2)", Decimal("1.10"), Decimal("1.11")),
        ("DATE", date(2026, 1, 1), date(2026, 1, 2)),
        ("TIME", time(1, 2, 3), time(1, 2, 3, 1)),
        ("TIMESTAMP", datetime(2026, 1, 1), datetime(2026, 1, 1, 0, 0, 0, 1)),  # noqa: DTZ001
        ("TIMESTAMP WITH TIME ZONE", datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 1, tzinfo=UTC)),
    ],
)
def test_values_are_told_apart(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, kind: str, one: Any, other: Any
) -> None:
    columns: Columns = (("v", kind),)
    path = tmp_path / "rows.parquet"
    assert digest(connection, path, [(one,)], columns) != digest(connection, path, [(other,)], columns)
    assert digest(connection, path, [(one,), (other,)], columns) != digest(connection, path, [(one,)] * 2, columns)


def test_values_that_change_partners_are_seen(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """Digests of single columns would miss it."""
    columns: Columns = (("a", "INTEGER"), ("b", "INTEGER"))
    path = tmp_path / "rows.parquet"
    paired = digest(connection, path, [(1, 10), (2, 20)], columns)
    assert digest(connection, path, [(1, 20), (2, 10)], columns) != paired
    assert digest(connection, path, [(10, 1), (20, 2)], columns) != paired


def test_columns_that_are_not_read_do_not_count(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    path, read = tmp_path / "rows.parquet", ALL[:1]
    before = digest(connection, path, ROWS, read=read)
    assert digest(connection, path, [(a, "other", 7.0) for a, _b, _c in ROWS], read=read) == before
    assert digest(connection, path, ROWS[:-1], read=read) != before
    moved: Columns = (("new", "DATE"), *reversed(ALL))
    assert digest(connection, path, [(None, c, b, a) for a, b, c in ROWS], moved, read) == before


def test_of_no_column_the_number_of_rows_is_left(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    assert digest(connection, path, ROWS, read=()) == digest(connection, path, [(0, "", 0.0)] * 4, read=())
    assert digest(connection, path, ROWS, read=()) != digest(connection, path, ROWS[:-1], read=())


def test_names_and_types_are_part_of_it(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    path, rows = tmp_path / "rows.parquet", [(1,)]
    seen = {digest(connection, path, rows, ((name, kind),)) for name in "ab" for kind in ("INTEGER", "BIGINT")}
    assert len(seen) == 4


def test_a_file_with_other_columns_has_none(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    write(connection, path, ALL, ROWS)
    for known in (ALL[:2], (*ALL, ("d", "DATE")), (("a", "BIGINT"), *ALL[1:]), (ALL[1], ALL[0], ALL[2])):
        assert told(path, connection, OrderTuples(known, (ALL[:1],))) is None


def test_of_rows_and_columns_that_were_left_out_there_is_none(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    path = tmp_path / "rows.parquet"
    whole = digest(connection, path, ROWS, read=ALL[:1])
    asked = OrderTuples(ALL, (ALL[:1], ALL[:2]))
    write(connection, path, ALL[:1], [row[:1] for row in ROWS])
    some = told(path, connection, asked, columns=("A",), known=ALL)
    assert some == Tuples(name_of(ALL), ((name_of(ALL[:1]), whole),))
    write(connection, path, ALL, ROWS)
    assert told(path, connection, asked, where="a > 0", known=ALL) == Tuples(name_of(ALL))


def replaced(
    connection: duckdb.DuckDBPyConnection, folder: Path, now: list[tuple[Any, ...]], before: Before
) -> list[tuple[str, str]]:
    """By columns, a or all, the bytes that are alike after a file was replaced by one with the rows `now`."""
    path = folder / "now.parquet"
    write(connection, path, ALL, now)
    found = told(path, connection, OrderTuples(ALL, (ALL[:1], ALL), before))
    assert found is not None
    names = {name_of(ALL[:1]): "a", name_of(ALL): "all"}
    return [(names[columns], digest) for columns, digest in found.alike]


@pytest.fixture
def before(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> Before:
    """A file that nobody has taken digests of: known by its bytes."""
    path = tmp_path / "before.parquet"
    write(connection, path, ALL, ROWS)
    return Before(str(path), digest_of(str(path))[1], Tuples(name_of(ALL)))


def test_readers_of_what_is_as_before_are_told_so(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, before: Before
) -> None:
    old = before.digest
    assert replaced(connection, tmp_path, ROWS[::-1], before) == [("a", old), ("all", old)]
    assert replaced(connection, tmp_path, [(a, b, 7.0) for a, b, _c in ROWS], before) == [("a", old)]
    assert replaced(connection, tmp_path, ROWS[:-1], before) == []


@pytest.mark.parametrize("what", ["gone", "written over", "damaged", "another file"])
def test_a_file_that_is_not_what_was_written_tells_nothing(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, before: Before, what: str
) -> None:
    path = Path(before.path)
    match what:
        case "gone":
            path.unlink()
        case "written over":
            write(connection, path, ALL, ROWS[::-1])
        case "damaged":
            path.write_bytes(b"PAR1" + path.read_bytes()[4:-4])
            before = Before(before.path, digest_of(before.path)[1], before.tuples)
        case _:
            write(connection, path, ALL[:2], [row[:2] for row in ROWS])
            before = Before(before.path, digest_of(before.path)[1], before.tuples)
            assert replaced(connection, tmp_path, ROWS, before) == [("a", before.digest)]
            return
    assert replaced(connection, tmp_path, ROWS, before) == []


def test_what_was_alike_before_still_is_while_the_tuples_are(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, before: Before
) -> None:
    path = Path(before.path)
    ours = told(path, connection, OrderTuples(ALL, (ALL[:1],)))
    assert ours is not None
    path.unlink()  # what is known is not looked up again
    earlier = tuple((name_of(ALL[:1]), f"sha256:{number}") for number in range(9))
    known = Before(before.path, before.digest, Tuples(name_of(ALL), ours.digests, earlier))
    told_of = replaced(connection, tmp_path, ROWS[::-1], known)
    assert told_of == [("a", before.digest), *(("a", f"sha256:{number}") for number in range(3))]
    assert replaced(connection, tmp_path, ROWS[:-1], known) == []
