"""Rows that are made up: of every type, the same for the same seed, and such that queries find something in them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from trc.runtime.spec import CheckSpec, PipelineSpec, ReadSpec, SkipSpec, TaskSpec
from trc.verifying.made_up import MadeUp, make_up
from trc.verifying.sinks import comparing

if TYPE_CHECKING:
    import duckdb

TYPES = (
    "BOOLEAN", "TINYINT", "USMALLINT", "INTEGER", "BIGINT", "HUGEINT", "DECIMAL(4,3)", "FLOAT", "DOUBLE", "VARCHAR", "BLOB",
    "DATE", "TIME", "TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE", "INTERVAL", "UUID", "JSON", "BIT",
    "ENUM('x', 'y')", "INTEGER[]", "VARCHAR[2]", "STRUCT(a INTEGER, b VARCHAR[])", "MAP(VARCHAR, DATE)", "UNION(n INTEGER, t VARCHAR)",
)  # fmt: skip
KNOWN = {"typed": tuple((f"c{number}", kind) for number, kind in enumerate(TYPES))}
QUERY = "select * from typed where c9 = 'it''s a book' and c4 < 4711"


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with comparing() as given:
        yield given


def made(connection: duckdb.DuckDBPyConnection, folder: Path, form: str = "parquet", seed: int = 0) -> MadeUp:
    reads = (ReadSpec("typed", form, uri="/nowhere/*"), ReadSpec("other", "csv", uri="/nowhere/other.csv"))
    task = TaskSpec(
        name="a", type="duckdb_sql", runs="m:f", key_parts=(), skip=SkipSpec(True), query=QUERY, reads=reads,
        checks=(CheckSpec("not_null(x)", "not_null", {"column": "x"}),),
    )  # fmt: skip
    spec = PipelineSpec(
        "p", "p.yaml", "/p", (task, TaskSpec("b", "shell", "m:g", (), SkipSpec(True), reads=reads)), "d"
    )
    return make_up(spec, KNOWN, connection, folder, rows=400, seed=seed)


def rows(connection: duckdb.DuckDBPyConnection, of: MadeUp) -> list[tuple[Any, ...]]:
    """The rows of the source as text."""
    return connection.execute(f"SELECT CAST(COLUMNS(*) AS VARCHAR) FROM '{of.spec.tasks[0].reads[0].uri}'").fetchall()


def test_every_type_has_values_and_nulls(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    for kind, values in zip(TYPES, zip(*rows(connection, made(connection, tmp_path)), strict=True), strict=True):
        assert values.count(None) < 200, kind
        assert None in values, kind
        assert len(set(values)) > 2, kind


@pytest.mark.parametrize("form", ["parquet", "csv", "json"])
def test_a_seed_makes_the_same_rows(connection: duckdb.DuckDBPyConnection, tmp_path: Path, form: str) -> None:
    first, second, other = (
        repr(rows(connection, made(connection, tmp_path / name, form, seed)))
        for name, seed in (("first", 0), ("second", 0), ("other", 1))
    )
    assert first == second != other


def test_what_queries_name_is_among_them(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    found = rows(connection, made(connection, tmp_path))
    assert "it's a book" in {row[9] for row in found}
    assert {"4710", "4711", "4712"} <= {row[4] for row in found}


def test_a_type_that_is_not_made_up_is_read_as_it_is(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    reads = (ReadSpec("places", "parquet", uri="/nowhere/*"),)
    task = TaskSpec("a", "duckdb_sql", "m:f", (), SkipSpec(True), query="from places", reads=reads)
    known = {"places": (("at", "GEOMETRY"),)}
    found = make_up(PipelineSpec("p", "p.yaml", "/p", (task,), "d"), known, connection, tmp_path, rows=9, seed=0)
    assert (found.sources, found.as_they_are) == ((), ("places",))
    assert found.spec.tasks[0].reads == reads


def test_only_sources_with_columns_are_made_up(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    found = made(connection, tmp_path)
    assert (found.sources, found.as_they_are) == (("typed",), ("other",))
    one, another = found.spec.tasks
    assert one.reads == another.reads
    assert one.reads[1].uri == "/nowhere/other.csv"
    assert one.checks == ()
