"""Whether two queries are proved to have the same rows, as far as some columns go."""

from __future__ import annotations

import random

import duckdb  # noqa: TID253 - what runs the queries
import pytest

from trc.compiler.ir.dataset import Column
from trc.compiler.ir.types import Known, Schema
from trc.compiler.sql.bind import Binder
from trc.compiler.sql.engine import TRIMMING
from trc.compiler.sql.parse import Parsed, parse

RAW: Schema = Known((Column(name="a", type="INTEGER"), Column(name="b", type="VARCHAR"), Column(name="c", type="DATE")))
TABLES: dict[str, Schema] = {
    "raw": RAW,
    "o": Known((Column(name="a", type="INTEGER"), Column(name="z", type="INTEGER"))),
}
SAME = [
    ("select a from raw", "select a, b from raw", "a"),
    ("select a, b from raw", "select c, a, b from raw", "a b"),
    ("select a from raw", "select a + 0 as a from raw", "a"),
    ("select a, b from raw", "select a, upper(b) as b from raw", "a"),
    ("select a from raw where b = 'x'", "select a, c from raw where b = 'x'", "a"),
    ("select b, sum(a) as t from raw group by b", "select b, sum(a) as t, max(c) as late from raw group by b", "b t"),
    ("select raw.a, z from raw join o using (a)", "select raw.a, z, c from raw join o using (a)", "a z"),
    ("with w as (from raw) select a from w", "with w as (from raw) select a, b from w", "a"),
    ("select count(*) as n from raw", "select count(*) as n, min(a) as low from raw", "n"),
    ("select a, c from raw", "select a, b from raw", ""),
    ("select distinct a, b from raw", "select distinct a, b from raw", "a"),
]
OTHER = [
    ("select a from raw", "select a + 1 as a from raw", "a"),
    ("select a from raw", "select a::bigint as a from raw", "a"),
    ("select a from raw", "select a from o", "a"),
    ("select a from raw", "select a from raw where true and a = 1", "a"),
    ("select a from raw", "select a from raw where c is not null", "a"),
    ("select a from raw where b = 'x'", "select a from raw where b = 'y'", "a"),
    ("select a from raw where a < 2", "select a from raw where a <= 2", "a"),
    ("select a from raw", "select distinct a from raw", "a"),
    ("select distinct a from raw", "select distinct a, b from raw", "a"),
    ("select a from raw", "select a, unnest([1, 2]) as n from raw", "a"),
    ("select a from raw", "select a from raw union all select a from raw", "a"),
    ("select a from raw join o using (a)", "select a from raw left join o using (a)", "a"),
    ("select raw.a from raw join o using (a)", "select raw.a from raw, o", "a"),
    ("select b, sum(a) as t from raw group by b", "select b, sum(a) as t from raw group by b, c", "b t"),
    ("select b, sum(a) as t from raw group by b", "select b, max(a) as t from raw group by b", "b t"),
    ("select b, sum(a) as t from raw group by b", "select b, sum(a) filter (where a > 0) as t from raw group by b", "b t"),
    ("select b from raw group by b having count(*) > 1", "select b from raw group by b having count(*) > 2", "b"),
    ("select a from raw order by a limit 3", "select a from raw order by a limit 4", "a"),
    ("select a from raw order by a limit 3", "select a from raw order by a desc limit 3", "a"),
    ("select a from raw order by a limit 3", "select a from raw order by a limit 3 offset 1", "a"),
    ("select a from raw order by a nulls first limit 1", "select a from raw order by a nulls last limit 1", "a"),
    ("select rank() over (order by a) as r from raw", "select rank() over (order by b) as r from raw", "r"),
    (
        "select sum(a) over (order by a rows 1 preceding) as s from raw",
        "select sum(a) over (order by a rows 2 preceding) as s from raw",
        "s",
    ),
    ("select a from raw", "select a from raw qualify row_number() over (order by a) = 1", "a"),
    ("select a from raw", "select a from raw tablesample reservoir(1)", "a"),
    ("select a from raw where a in (1, 2)", "select a from raw where a in (1, 3)", "a"),
    ("select a from raw where exists (from o where o.a = raw.a)", "select a from raw where exists (from o where o.z = raw.a)", "a"),
    ("select case when b = 'x' then a end as a from raw", "select case when b = 'y' then a end as a from raw", "a"),
    ("select a from raw", "select b as a from raw", "a"),
    ("select 0.0::double as z from raw", "select -0.0::double as z from raw", "z"),
    ("select a from raw", "select missing as a from raw", "a"),
    ("select a from raw", "this is no query", "a"),
]  # fmt: skip


def is_same(one: str, other: str, columns: str) -> bool:
    parsed = [parse(one), parse(other)]
    if not all(isinstance(found, Parsed) for found in parsed):
        return False
    with Binder(passes=TRIMMING) as binder:
        return binder.is_same(parsed[0], parsed[1], columns.split(), TABLES, {})  # type: ignore[arg-type]


@pytest.mark.parametrize(("one", "other", "columns"), SAME)
def test_same_rows_are_proved(one: str, other: str, columns: str) -> None:
    assert is_same(one, other, columns)
    assert is_same(other, one, columns)


@pytest.mark.parametrize(("one", "other", "columns"), OTHER)
def test_what_may_differ_is_not_called_the_same(one: str, other: str, columns: str) -> None:
    assert not is_same(one, other, columns)
    assert not is_same(other, one, columns)


@pytest.mark.parametrize("seed", range(2))
def test_what_is_called_the_same_is_so(seed: int) -> None:
    """Of every two queries of all these, over data of which each value matters."""
    chance = random.Random(seed)
    with duckdb.connect() as database:
        database.execute("create table raw (a integer, b varchar, c date); create table o (a integer, z integer)")
        for _ in range(12):
            a, b = chance.choice((1, 2, 3, None)), chance.choice(("x", "y", None))
            c = chance.choice(("2026-01-01", "2026-01-02", None))
            database.execute("insert into raw values (?, ?, ?)", [a, b, c])
            database.execute("insert into o values (?, ?)", [chance.choice((1, 2, 3)), chance.choice((1, 2))])
        odd = ("no query", "missing", "sample")
        every = dict.fromkeys(query for one in (*SAME, *OTHER) for query in one[:2])
        queries = [query for query in every if not any(word in query for word in odd)]
        found = {query: _rows(database, query) for query in queries}
    proved = 0
    for one, (names, rows) in found.items():
        for other, (others, more) in found.items():
            for column in set(names) & set(others):
                if one < other and chance.random() < 0.2 and is_same(one, other, column):
                    proved += 1
                    assert sorted(row[names.index(column)] for row in rows) == sorted(
                        row[others.index(column)] for row in more
                    ), (one, other)
    assert proved


def _rows(database: duckdb.DuckDBPyConnection, query: str) -> tuple[list[str], list[tuple[str, ...]]]:
    rows = database.execute(query).fetchall()
    return [column[0] for column in database.description or ()], [tuple(map(repr, row)) for row in rows]
