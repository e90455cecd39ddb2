"""The database of a test: what it keeps out, and how its queries end."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from types import FrameType

import pytest

from trc.compiler.ir.dataset import Column
from trc.testing.database import Database, QueryFailed, opened

COLUMNS = (Column(name="i", type="INTEGER"), Column(name="Name", type="VARCHAR"))


@pytest.fixture
def database() -> Iterator[Database]:
    with opened() as database:
        yield database


def test_a_query_sees_what_it_reads_and_nothing_else(database: Database) -> None:
    database.give(".orders", COLUMNS, [{"I": 1, "name": "a"}, {}])
    database.give(".other", COLUMNS, [])
    database.compute("big.output", "select name from orders", [("orders", ".orders")])
    assert database.read("big.output", 10).rows == (("a",), (None,))
    with pytest.raises(QueryFailed, match="other does not exist"):
        database.compute("wrong.output", "select * from orders, other", [("orders", ".orders")])


def test_rows_are_read_up_to_a_number_and_counted_beyond(database: Database) -> None:
    database.compute("many.output", "select i from range(100) as numbers(i) order by i desc", ())
    found = database.read("many.output", 2)
    assert (found.rows, found.count) == ((("99",), ("98",)), 100)


@pytest.mark.parametrize(
    "query",
    [
        "select * from read_csv('/etc/passwd')",
        "select * from '/etc/passwd'",
        "select * from glob('*')",
        "select * from read_text('https://example.org/')",
        "copy (select 1) to 'written.csv'",
        "set enable_external_access = true",
        "attach 'attached.db'",
        "install httpfs",
        "select 1; select 2",
    ],
)
def test_it_reads_and_writes_nothing_outside(database: Database, query: str) -> None:
    with pytest.raises(QueryFailed):
        database.compute("x.output", query, ())


def test_a_query_that_fails_tells_its_place_in_the_text(database: Database) -> None:
    with pytest.raises(QueryFailed) as failed:
        database.compute("x.output", "select 'é' as e,\n  'x'::integer as i", ())
    assert failed.value.offset is not None
    assert "select 'é' as e,\n  'x'::integer as i"[failed.value.offset :].startswith("::")
    # What comes after is not hurt.
    database.compute("x.output", "select 1 as i", ())


def test_ctrl_c_ends_a_query(database: Database) -> None:
    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        with pytest.raises(KeyboardInterrupt):
            database.compute("x.output", "select count(*) from range(1000000000000)", ())
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("name", ["memory", "main", "Temp-2"])
def test_tasks_may_be_called_like_what_the_database_has(database: Database, name: str) -> None:
    database.compute(f"{name}.output", "select 1 as i", ())
    read = [(f"{name}.output", f"{name}.output"), (name, f"{name}.output")]
    database.compute("x.output", f'select * from "{name}".output, "{name}"', read)
    assert database.read("x.output", 1).rows == (("1", "1"),)


@pytest.mark.parametrize("name", ["temp", "system", "pg_catalog"])
def test_a_name_that_no_schema_can_have_fails_the_query(database: Database, name: str) -> None:
    """As it does in a run."""
    database.compute(f"{name}.output", "select 1 as i", ())
    with pytest.raises(QueryFailed):
        database.compute("x.output", f"select * from {name}.output", [(f"{name}.output", f"{name}.output")])
    database.compute("x.output", f'select * from "{name}"', [(name, f"{name}.output")])
