"""The compiler's databases: each is used by one at a time, is empty in between, and is opened only for SQL."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from trc.compiler.ir.dataset import Column
from trc.compiler.ir.types import Known
from trc.compiler.sql.bind import Binder
from trc.compiler.sql.engine import give_back, lend, query
from trc.compiler.sql.parse import Parsed, parse

if TYPE_CHECKING:
    import duckdb

CHECK = """
import sys
from pathlib import Path
from trc import api
assert not api.check([Path(sys.argv[1])]).diagnostics
print("duckdb" in sys.modules)
"""
SHELL = "name: p\nnodes:\n  - {id: a, type: shell, params: {command: 'true'}}\n"
SQL = "name: p\nnodes:\n  - {id: a, type: duckdb_sql, params: {sql: select 1 as a}}\n"


@pytest.fixture
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = lend()
    yield connection
    give_back(connection)


def test_what_is_lent_is_not_lent_again(database: duckdb.DuckDBPyConnection) -> None:
    database.execute("create temp table mine as select 1 as a")
    try:
        ((found,),) = query("select count(*) from duckdb_tables()")
    finally:
        database.execute("drop table mine")
    assert found == 0


def test_what_was_given_back_is_lent_again(database: duckdb.DuckDBPyConnection) -> None:
    give_back(database)
    assert lend() is database


def test_a_query_that_failed_does_not_give_its_database_back(database: duckdb.DuckDBPyConnection) -> None:
    import duckdb

    give_back(database)
    with pytest.raises(duckdb.Error):
        query("select nothing")
    assert lend() is not database


def test_a_binder_gives_its_database_back_empty() -> None:
    parsed = parse('select a from x union all select b from "t.out"')
    assert isinstance(parsed, Parsed)
    tables = {
        "x": Known((Column(name="a", type="INTEGER"),)),
        "t.out": Known((Column(name="b", type="INTEGER"),)),
    }
    with Binder() as binder:
        assert isinstance(binder.bind(parsed, tables, {}).schema, Known)
    ((left,),) = query("select count(*) from duckdb_tables()")
    ((schemas,),) = query("select count(*) from duckdb_schemas() where not internal and schema_name <> 'main'")
    assert (left, schemas) == (0, 0)


@pytest.mark.parametrize(("text", "loaded"), [(SHELL, "False"), (SQL, "True")], ids=["shell", "sql"])
def test_duckdb_is_loaded_for_sql_only(tmp_path: Path, text: str, loaded: str) -> None:
    file = tmp_path / "pipeline.yaml"
    file.write_text(text)
    done = subprocess.run(
        [sys.executable, "-c", CHECK, str(file)], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.stderr, done.stdout.strip()) == ("", loaded)
