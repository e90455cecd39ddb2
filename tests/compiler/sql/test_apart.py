"""What can be computed part by part gives the same rows so: DuckDB is the judge, and what is refused says why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st
from tests.compiler.sql.facts_world import TYPES, Judge, Rows, World, facts_in, worlds
from tests.compiler.sql.test_columns_oracle import queries
from tests.compiler.sql.test_facts_oracle import STEADY, Case, over_these_tables, rows_in

from trc.compiler.sql.facts import QueryFacts

EXACT = ("INTEGER", "BIGINT", "VARCHAR", "DATE", "TIMESTAMP", "DECIMAL(10,2)", "BOOLEAN")
APART = [
    (sql, facts) for sql, facts in STEADY if facts.undetermined is None and any(one.apart_by for one in facts.reads)
]


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    one = Judge()
    yield one
    one.connection.close()


def check_parts(judge: Judge, case: Case, world: World) -> None:
    """For each column: the rows of the query for each of its values, put together, are those of the query."""
    sql, facts = case
    whole = rows_in(judge, sql, world)
    for read in facts.reads:
        for column in read.apart_by:
            if TYPES[read.name][column] not in EXACT:
                continue
            rows = world[read.name]
            values = dict.fromkeys(row[column] for row in rows)
            parts = [
                rows_in(judge, sql, {**world, read.name: [row for row in rows if row[column] == value]})
                for value in values
            ]
            if whole is None or None in parts:
                assert facts.fails or facts.failing_columns, f"{sql}\n{facts}"
                continue
            assert sum((one for one in parts if one is not None), Rows()) == whole, f"{sql}\n{read.name}.{column}"


@settings(max_examples=40)
@given(case=st.sampled_from(APART), world=worlds())
def test_parts_are_the_whole(judge: Judge, case: Case, world: World) -> None:
    check_parts(judge, case, world)


def check_made(judge: Judge, query: str, world: World) -> None:
    sql = over_these_tables(query)
    facts = facts_in(sql)
    assume(isinstance(facts, QueryFacts))
    assert isinstance(facts, QueryFacts)
    if facts.undetermined is None:
        check_parts(judge, (sql, facts), world)


@settings(max_examples=30)
@given(query=queries(), world=worlds())
def test_parts_are_the_whole_of_queries_made_of_others(judge: Judge, query: tuple[str, Any], world: World) -> None:
    check_made(judge, query[0], world)


@pytest.mark.long
@settings(max_examples=3000)
@given(query=queries(), world=worlds())
def test_parts_are_the_whole_of_many_queries(judge: Judge, query: tuple[str, Any], world: World) -> None:
    check_made(judge, query[0], world)


@pytest.mark.long
@settings(max_examples=15)
@given(world=worlds())
@pytest.mark.parametrize("case", APART, ids=[sql[:60] for sql, _ in APART])
def test_parts_are_the_whole_of_each_case(case: Case, judge: Judge, world: World) -> None:
    check_parts(judge, case, world)


ALL = "i n s f d m e o"
BY = {
    "select * from t": ALL,
    "select n from t where i > 1": ALL,
    "select i, sum(n) from t group by i": "i",
    "select i as j, s, count(*) from t group by all": "i s",
    "select i from (select i, s, count(*) as n from t group by all) where n > 1": "i s",
    "select i + 1, sum(n) from t group by 1, s": "s",
    "select i, s, count(*) from t group by grouping sets ((i, s), (i))": "i",
    "select distinct i, s from t": "i s",
    "select distinct on (i) i, s from t order by i, s": "",
    "select *, row_number() over (partition by i, s order by n, f, d, m, e, o) as r from t": "i s",
    "select sum(n) over (partition by i), sum(n) over (partition by i, s) from t": "i",
    "with a as (select i, s, sum(n) as n from t group by all) select i, max(n) from a group by i": "i",
    "select i from t union all select i + 1 from t": ALL,
    "select i, n from t union all select n, i from t": ALL,
    "select t.i, count(*) from t join u using (i) group by t.i": "i",
    "select t.i from t left join u using (i)": ALL,
    "select t.i from u right join t using (i)": ALL,
    "select i from t where i in (select i from u)": ALL,
    "select i, (select max(i) from u) from t": ALL,
    "select t.i from t, u": ALL,
    "select s, unnest([i, n]) from t": ALL,
}


@pytest.mark.parametrize("sql", BY)
def test_columns_by_which_a_query_goes_apart(sql: str) -> None:
    facts = facts_in(sql)
    assert isinstance(facts, QueryFacts)
    read = facts.read("t")
    assert read is not None
    assert set(read.apart_by) == set(BY[sql].split())
    assert bool(read.together) == (not read.apart_by)


TOGETHER = {
    "select sum(n) from t": "it takes together rows of several values of each column",
    "select i + 1, count(*) from t group by 1": "it takes together rows of several values of each column",
    "select i, count(*) from t group by rollup (i)": "it takes together rows of several values of each column",
    "select row_number() over (order by i) from t": "it has a window over rows of several values of each column",
    "select distinct i + 1 from t": "its DISTINCT compares rows of several values of each column",
    "select i from t order by i": "it orders its rows",
    "select i from t limit 3": "a LIMIT counts rows of all parts",
    "select i, count(*) from (select i, s from t group by all) group by s, n": None,
    "select i from t union select i from t": None,
    "select i from t union all select i from u": "it adds rows that would be added to each part",
    "select i from t except select i from u": "it compares rows of several values",
    "select u.i from u left join t using (i)": "it joins it so that rows without a match are kept, or looked for",
    "select u.i from t full join u using (i)": "it joins it so that rows without a match are kept, or looked for",
    "select i from u where i not in (select i from t)": "it joins it so that rows without a match are kept, or looked for",
    "select a.i from t a join t b using (i)": "it reads it more than once",
    "select i from t where n > (select avg(n) from t)": None,
    "select i, (select max(l[1]) from u where u.i = t.i) from t": "it has a subquery that depends on its rows",
    "select i from u where exists (from t where t.s = u.s)": None,
}


@pytest.mark.parametrize("sql", TOGETHER)
def test_what_needs_all_of_it_says_why(sql: str) -> None:
    facts = facts_in(sql)
    if not isinstance(facts, QueryFacts):
        return
    read = facts.read("t")
    assert read is not None
    assert read.apart_by == ()
    assert read.together
    assert read.together == (TOGETHER[sql] or read.together)


LIES = (
    "select sum(n) as n from t",
    "select n, row_number() over (order by n, s) as r from t",
    "select distinct n from t",
    "select u.i from u left join t using (i)",
    "select u.i from u where i not in (select i from t where i is not null)",
    "select i from t union all select i from u",
)


@pytest.mark.parametrize("sql", LIES)
def test_a_lie_is_found_out(sql: str, judge: Judge) -> None:
    told = facts_in(sql)
    assert isinstance(told, QueryFacts)
    lie = replace(told, reads=tuple(replace(one, apart_by=("i", "s") if one.name == "t" else ()) for one in told.reads))

    @settings(max_examples=300, derandomize=True, phases=[Phase.generate])
    @given(world=worlds())
    def refuted(world: World) -> None:
        check_parts(judge, (sql, lie), world)

    with pytest.raises(AssertionError):
        refuted()
