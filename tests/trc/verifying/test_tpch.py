"""The 22 queries of TPC-H, each cut into tasks: optimised they write what they write as they are, which is what one query yields."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.both_ways import BothWays
from tests.quick import few

if TYPE_CHECKING:
    import duckdb

FOLDER = Path(__file__).parents[2] / "cases/passes/tpch"
QUERIES = [path.stem for path in sorted(FOLDER.glob("*.trc"))]
TABLES = ("customer", "lineitem", "nation", "orders", "part", "partsupp", "region", "supplier")
SCALE = 0.01
"""The smallest at which each query finds something."""


@pytest.fixture(scope="module")
def tables() -> Iterator[duckdb.DuckDBPyConnection]:
    """The tables, in a database that knows the queries by their numbers."""
    import duckdb
    import duckdb_extension_tpch

    (extension,) = Path(duckdb_extension_tpch.__path__[0]).rglob("*.duckdb_extension")
    with duckdb.connect() as connection:
        connection.execute(f"LOAD '{extension}'")
        connection.execute(f"CALL dbgen(sf = {SCALE})")
        yield connection


@pytest.fixture(scope="module")
def data(tables: duckdb.DuckDBPyConnection, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tpch")
    for name in TABLES:
        tables.execute(f"COPY {name} TO '{folder}/{name}.parquet'")
    return folder


def test_there_are_all_of_them() -> None:
    assert [f"q{number:02}" for number in range(1, 23)] == QUERIES


@pytest.mark.parametrize("query", few(QUERIES, ["q02", "q09", "q13", "q18", "q21"]))
def test_a_query_in_tasks(query: str, data: Path, tables: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    pipeline = data / f"{query}.trc"
    pipeline.write_text((FOLDER / f"{query}.trc").read_text())
    found = BothWays.of(pipeline, tmp_path).together()
    ((verdict, rows),) = [(one.verdict, one.rows) for one in found.sinks]
    assert (verdict, bool(rows)) == ("equal", True)
    written = {way: answer(path) for path in tmp_path.rglob("answer.parquet") if (way := way_of(path))}
    assert written.keys() == {"written", "optimised"}
    # In its order, too: no query leaves open which of these rows comes first.
    expected = tables.execute(f"PRAGMA tpch({int(query[1:])})").fetchall()
    assert written["written"] == written["optimised"] == expected
    # Equal outputs prove something only where they are kept otherwise.
    assert len({note.task for note in found.notes if note.applied}) >= 2


def way_of(path: Path) -> str:
    return next((way for way in ("written", "optimised") if way in path.parts and "files" in path.parts), "")


def answer(path: Path) -> list[tuple[object, ...]]:
    import duckdb

    with duckdb.connect() as connection:
        return connection.execute(f"FROM '{path}'").fetchall()
