"""Queries of equal meaning have equal rows, whatever they call things; all others are told apart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from trc.compiler.ir.dataset import Column
from trc.compiler.ir.types import Known, Unknown
from trc.compiler.sql.bind import Binder
from trc.compiler.sql.facts import QueryFacts
from trc.compiler.sql.parse import Parsed, parse
from trc.compiler.sql.query_facts import facts_of

TABLE = Known(
    tuple(
        Column(name=name, type=kind)
        for name, kind in (("id", "BIGINT"), ("n", "BIGINT"), ("day", "DATE"), ("c", "VARCHAR"))
    )
)
ROWS = "SELECT i AS id, i * 7 % 11 AS n, DATE '2026-01-01' + (i % 5)::INTEGER AS day, 'c' || (i % 3) AS c FROM range(60) t(i)"

EQUAL = {
    "case and layout": ("select id from a where n > 3", "SELECT  ID AS id\nFROM A WHERE N>3 -- all"),
    "aliases of tables": ("select a.id from a where a.n > 3", "select x.id from a as x where x.n > 3"),
    "order of AND": (
        "select id from a where n > 3 and id < 50 and c = 'c1'",
        "select id from a where c = 'c1' and n > 3 and id < 50",
    ),
    "order of OR": ("select id from a where n > 3 or id < 50", "select id from a where id < 50 or n > 3"),
    "AND within OR": (
        "select id from a where (n > 3 and id < 9) or c = 'c1'",
        "select id from a where c = 'c1' or (id < 9 and n > 3)",
    ),
    "names of CTEs": (
        "with big as (select * from a where n > 3 and id > 2) select c, count(*) as k from big group by c",
        "with large as (select * from a where id > 2 and n > 3) select c, count(*) as k from large group by c",
    ),
    "subquery or its alias": (
        "select k from (select count(*) as k, c from a group by c) where k > 2",
        "select z.k from (select count(*) as k, c from a group by c) z where z.k > 2",
    ),
    "conditions of a join": (
        "select x.id, y.n from a x join b y on x.id = y.id and x.day = y.day",
        "select p.id, q.n from a p join b q on p.day = q.day and p.id = q.id",
    ),
    "places of groups": (
        "select c, max(n) as top from a group by c having max(n) > 3",
        "select c, max(n) as top from a group by all having max(n) > 3",
    ),
    "names in a lambda": (
        "select list_transform([id, n], x -> x + 1) as l from a",
        "select list_transform([id, n], y -> y + 1) as l from a",
    ),
    "a correlated subquery": (
        "select id, (select max(n) from b where b.id = a.id) as top from a",
        "select x.id, (select max(y.n) from b y where y.id = x.id) as top from a x",
    ),
    "a union": ("select id from a union all select id from b", "select p.id from a p union all select q.id from b q"),
    "a window": (
        "select id, sum(n) over (partition by c order by id) as s from a",
        "select x.id, sum(x.n) over (partition by x.c order by x.id) as s from a x",
    ),
}
OTHER = {
    "another constant": ("select id from a where n > 3", "select id from a where n > 4"),
    "another operator": ("select id from a where n > 3", "select id from a where n >= 3"),
    "another column": ("select id from a where n > 3", "select n as id from a where n > 3"),
    "another column in a condition": (
        "select id from a where n > 3 and id < 9",
        "select id from a where id > 3 and n < 9",
    ),
    "OR for AND": ("select id from a where n > 3 and id < 9", "select id from a where n > 3 or id < 9"),
    "another name": ("select id as x from a", "select id as y from a"),
    "another case of a name": ("select id as x from a", "select id as X from a"),
    "another order of columns": ("select id, n from a", "select n, id from a"),
    "another order of rows": ("select id from a order by id", "select id from a order by id desc"),
    "another place of nulls": ("select id from a order by id nulls first", "select id from a order by id nulls last"),
    "another limit": ("select id from a order by id limit 3", "select id from a order by id limit 4"),
    "another type": ("select n + 1 as n from a", "select n + 1.0 as n from a"),
    "distinct or not": ("select c from a", "select distinct c from a"),
    "a distinct aggregate": ("select count(n) as k from a", "select count(distinct n) as k from a"),
    "a filtered aggregate": (
        "select count(*) filter (where n > 3) as k from a",
        "select count(*) filter (where id > 3) as k from a",
    ),
    "constants of functions that swap": (
        "select quantile_disc(n, 0.2) as p, quantile_disc(n, 0.8) as q from a",
        "select quantile_disc(n, 0.8) as p, quantile_disc(n, 0.2) as q from a",
    ),
    "separators that swap": (
        "select string_agg(c, ',' order by id) as p, string_agg(c, ';' order by id) as q from a",
        "select string_agg(c, ';' order by id) as p, string_agg(c, ',' order by id) as q from a",
    ),
    "names in a struct": ("select {'p': id} as s from a", "select {'q': id} as s from a"),
    "what a lambda takes from outside": (
        "select list_transform([1], x -> x + id) as l from a",
        "select list_transform([1], x -> x + n) as l from a",
    ),
    "another frame": (
        "select sum(n) over (order by id rows 1 preceding) as s from a",
        "select sum(n) over (order by id rows 2 preceding) as s from a",
    ),
    "another kind of join": ("select a.id from a join b using (id)", "select a.id from a left join b using (id)"),
    "sides of a join": ("select a.id from a left join b using (id)", "select b.id from a left join b using (id)"),
    "sides of a difference": (
        "select id from a except select n from a",
        "select n as id from a except select id from a",
    ),
    "union or union all": ("select id from a union select n from a", "select id from a union all select n from a"),
    "order where a condition can fail": (
        "select id from a where n > 3 and cast(c as integer) > 1",
        "select id from a where cast(c as integer) > 1 and n > 3",
    ),
    "order where a column can fail": (
        "select cast(c as integer) as k from a where n > 3 and id > 1",
        "select cast(c as integer) as k from a where id > 1 and n > 3",
    ),
}


@pytest.fixture(scope="module")
def binder() -> Iterator[Binder]:
    with Binder() as one:
        yield one


def facts(binder: Binder, sql: str) -> QueryFacts:
    parsed = parse(sql)
    assert isinstance(parsed, Parsed)
    bound = binder.plan(parsed, {"a": TABLE, "b": TABLE}, {}, pushed=True)
    assert not isinstance(bound, Unknown), bound
    found = facts_of(parsed, bound)
    assert not isinstance(found, Unknown), found
    return found


def told(found: QueryFacts) -> tuple[Any, ...]:
    return found.meaning, found.meaning_reads, found.columns


@pytest.mark.parametrize("pair", EQUAL.values(), ids=EQUAL)
def test_equal_queries_are_found(binder: Binder, pair: tuple[str, str]) -> None:
    import duckdb

    first, second = (facts(binder, sql) for sql in pair)
    assert first.meaning
    assert told(first) == told(second)
    with duckdb.connect() as connection:
        for table in ("a", "b"):
            connection.execute(f"CREATE TABLE {table} AS {ROWS}")
        rows = [sorted(connection.execute(sql).fetchall(), key=repr) for sql in pair]
    assert rows[0] == rows[1]
    assert rows[0]


@pytest.mark.parametrize("pair", OTHER.values(), ids=OTHER)
def test_other_queries_are_told_apart(binder: Binder, pair: tuple[str, str]) -> None:
    first, second = (facts(binder, sql) for sql in pair)
    assert told(first) != told(second)


def test_what_is_read_is_left_open(binder: Binder) -> None:
    """Which datasets are the same is for others to say: here they have places alone."""
    first, second = (
        facts(binder, "select x.id from a x join b y using (id)"),
        facts(binder, "select x.id from b x join a y using (id)"),
    )
    assert first.meaning == second.meaning
    assert (first.meaning_reads, second.meaning_reads) == (("a", "b"), ("b", "a"))
    assert facts(binder, "select x.id from a x join a y using (id)").meaning != first.meaning
