"""What facts promise holds when queries are run: DuckDB is the judge, over everyday and over extreme values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.compiler.sql.facts_world import (
    TYPES,
    Judge,
    Rows,
    World,
    case_files,
    cases_of,
    facts_in,
    with_nulls,
    with_other_values,
    worlds,
)

from trc.compiler.sql.facts import QueryFacts

EVERY: list[tuple[str, QueryFacts]] = [
    (sql, facts) for path in case_files() for _, sql in cases_of(path) if isinstance(facts := facts_in(sql), QueryFacts)
]
STEADY = [(sql, facts) for sql, facts in EVERY if "what may change" not in (facts.undetermined or "")]
"""Those that ask neither the clock nor for chance: with one thread the rest give one answer for rows in one order."""
ROW_WISE = [(sql, facts) for sql, facts in STEADY if facts.is_row_wise]

Case = tuple[str, QueryFacts]


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    one = Judge()
    yield one
    one.connection.close()


def steady_rows(judge: Judge, sql: str, world: World) -> Rows:
    """The rows of a query; worlds in which it fails prove nothing."""
    judge.fill(world)
    rows = judge.rows_or_none(sql)
    assume(rows is not None)
    assert rows is not None
    return rows


def check_columns(judge: Judge, case: Case, world: World, draw: Any) -> None:
    sql, facts = case
    before = steady_rows(judge, sql, world)
    for other in (with_nulls(world, facts), with_other_values(world, facts, draw, extreme=False)):
        judge.fill(other)
        assert judge.rows(sql) == before, f"{sql}\n{facts}"


def check_uses(judge: Judge, case: Case, world: World) -> None:
    sql, facts = case
    before = steady_rows(judge, sql, world)
    judge.keep_used(facts.reads)
    assert judge.rows(sql) == before, f"{sql}\n{facts}"


def check_both(judge: Judge, case: Case, world: World) -> None:
    """Rows that are filtered first, and then lose what is not read: as they are stored."""
    sql, facts = case
    before = steady_rows(judge, sql, world)
    judge.keep_used(facts.reads)
    for read in facts.reads:
        listed = ", ".join(
            f'"{name}"' if name in read.columns else f'CAST(NULL AS {kind}) AS "{name}"'
            for name, kind in TYPES[read.name].items()
        )
        judge.connection.execute(f"CREATE OR REPLACE TABLE {read.name} AS SELECT {listed} FROM {read.name}")
    assert judge.rows(sql) == before, f"{sql}\n{facts}"


def check_order(judge: Judge, case: Case, world: World, draw: Any) -> None:
    sql, facts = case
    free = {read.name for read in facts.reads if read.sees_order is None}
    if facts.undetermined or facts.inexact:
        return
    before = steady_rows(judge, sql, world)
    judge.fill({name: draw(st.permutations(rows)) if name in free else rows for name, rows in world.items()})
    assert judge.rows(sql) == before, f"{sql}\n{facts}"


def check_safety(judge: Judge, case: Case, world: World) -> None:
    """Without the columns that may fail, what is said not to fail does not."""
    sql, facts = case
    if facts.fails is not None:
        return
    failing = {name for name, _ in facts.failing_columns}
    names = [f"c{place}" for place in range(len(facts.columns))]
    kept = [name for name, (column, _) in zip(names, facts.columns, strict=True) if column not in failing]
    judge.fill(world)
    shown = f"SELECT {', '.join(kept) or 'count(*)'} FROM (\n{sql}\n) q({', '.join(names)})"
    # A table holds what Python cannot.
    error = judge.error(f"CREATE OR REPLACE TEMP TABLE made AS {shown}")
    assert error is None, f"{sql}\n{facts}\n{error}"
    judge.keep_used(facts.reads)


def check_rows(judge: Judge, case: Case, world: World) -> None:
    sql, facts = case
    if not facts.is_row_wise:
        return
    (read,) = facts.reads
    whole = steady_rows(judge, sql, world)
    apart = Rows()
    for row in world[read.name]:
        judge.fill({**world, read.name: [row]})
        one = judge.rows(sql)
        assert one.total() == 1 or not facts.keeps_rows, f"{sql}\n{facts}"
        apart += one
    assert apart == whole, f"{sql}\n{facts}"


@settings(max_examples=120)
@given(case=st.sampled_from(STEADY), world=worlds(), data=st.data())
def test_what_is_not_read_may_hold_anything(judge: Judge, case: Case, world: World, data: st.DataObject) -> None:
    check_columns(judge, case, world, data.draw)


@settings(max_examples=120)
@given(case=st.sampled_from(STEADY), world=worlds())
def test_rows_without_a_use_have_no_effect(judge: Judge, case: Case, world: World) -> None:
    check_uses(judge, case, world)
    check_both(judge, case, world)


@settings(max_examples=120)
@given(case=st.sampled_from(EVERY), world=worlds(), data=st.data())
def test_the_order_of_rows_does_not_show(judge: Judge, case: Case, world: World, data: st.DataObject) -> None:
    check_order(judge, case, world, data.draw)


@settings(max_examples=200)
@given(case=st.sampled_from(EVERY), world=worlds(extreme=True))
def test_what_does_not_fail_does_not(judge: Judge, case: Case, world: World) -> None:
    check_safety(judge, case, world)


@settings(max_examples=60)
@given(case=st.sampled_from(ROW_WISE), world=worlds())
def test_rows_are_made_one_by_one(judge: Judge, case: Case, world: World) -> None:
    check_rows(judge, case, world)


@pytest.mark.long
@settings(max_examples=40)
@given(world=worlds(), strange=worlds(extreme=True), data=st.data())
@pytest.mark.parametrize("case", EVERY, ids=[sql[:60] for sql, _ in EVERY])
def test_all_of_it_for_each_case(case: Case, judge: Judge, world: World, strange: World, data: st.DataObject) -> None:
    check_safety(judge, case, strange)
    check_order(judge, case, world, data.draw)
    if case in STEADY:
        check_rows(judge, case, world)
        check_columns(judge, case, world, data.draw)
        check_uses(judge, case, world)
        check_both(judge, case, world)
        check_uses(judge, case, strange)
