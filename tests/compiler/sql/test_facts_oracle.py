"""What facts promise holds when queries are run: DuckDB is the judge, over everyday and over extreme values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st
from tests.compiler.sql.facts_expressions import selections
from tests.compiler.sql.facts_world import (
    EXTREME,
    SMALL,
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
from tests.compiler.sql.test_columns_oracle import queries

from trc.compiler.sql.facts import Condition, QueryFacts, ReadFacts, Use

EVERY: list[tuple[str, QueryFacts]] = [
    (sql, facts) for path in case_files() for _, sql in cases_of(path) if isinstance(facts := facts_in(sql), QueryFacts)
]
WAYWARD = ("it asks for what may change", "it computes how far a window's frame reaches")
STEADY = [(sql, facts) for sql, facts in EVERY if not (facts.undetermined or "").startswith(WAYWARD)]
"""Those that ask neither the clock nor for chance: with one thread the rest give one answer for rows in one order."""
ROW_WISE = [(sql, facts) for sql, facts in STEADY if facts.is_row_wise]

Case = tuple[str, QueryFacts]


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    one = Judge()
    yield one
    one.connection.close()


def rows_in(judge: Judge, sql: str, world: World) -> Rows | None:
    """The rows of a query; a world in which it fails proves nothing."""
    judge.fill(world)
    return judge.rows_or_none(sql)


def same_again(judge: Judge, case: Case, before: Rows | None) -> None:
    """A query that did not fail before yields the same rows.

    What may fail may do so now: DuckDB computes with the least and the greatest values of its tables, too.
    """
    sql, facts = case
    rows = judge.rows_or_none(sql)
    if before is None or (rows is None and (facts.fails or facts.failing_columns)):
        return
    assert rows == before, f"{sql}\n{facts}"


def check_columns(judge: Judge, case: Case, world: World, draw: Any) -> None:
    sql, facts = case
    before = rows_in(judge, sql, world)
    for other in (with_nulls(world, facts), with_other_values(world, facts, draw, extreme=False)):
        judge.fill(other)
        same_again(judge, case, before)


def check_uses(judge: Judge, case: Case, world: World) -> None:
    sql, facts = case
    before = rows_in(judge, sql, world)
    judge.keep_used(facts.reads)
    same_again(judge, case, before)


def check_both(judge: Judge, case: Case, world: World) -> None:
    """Rows that are filtered first, and then lose what is not read: as they are stored."""
    sql, facts = case
    before = rows_in(judge, sql, world)
    judge.keep_used(facts.reads)
    for read in facts.reads:
        listed = ", ".join(
            f'"{name}"' if name in read.columns else f'CAST(NULL AS {kind}) AS "{name}"'
            for name, kind in TYPES[read.name].items()
        )
        judge.held.pop(read.name, None)
        judge.connection.execute(f"CREATE OR REPLACE TABLE {read.name} AS SELECT {listed} FROM {read.name}")
    same_again(judge, case, before)


def check_order(judge: Judge, case: Case, world: World, draw: Any) -> None:
    sql, facts = case
    free = {read.name for read in facts.reads if read.sees_order is None}
    if facts.undetermined or facts.inexact:
        return
    before = rows_in(judge, sql, world)
    judge.fill({name: draw(st.permutations(rows)) if name in free else rows for name, rows in world.items()})
    same_again(judge, case, before)


def check_safety(judge: Judge, case: Case, world: World) -> None:
    """Without the columns that may fail, what is said not to fail does not."""
    judge.fill(world)
    check_safety_here(judge, case)


def check_safety_here(judge: Judge, case: Case) -> None:
    sql, facts = case
    if facts.fails is not None:
        return
    failing = {name for name, _ in facts.failing_columns}
    names = [f"c{place}" for place in range(len(facts.columns))]
    kept = [name for name, (column, _) in zip(names, facts.columns, strict=True) if column not in failing]
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
    whole = rows_in(judge, sql, world)
    apart = [rows_in(judge, sql, {**world, read.name: [row]}) for row in world[read.name]]
    if whole is None or None in apart:
        assert facts.fails or facts.failing_columns, f"{sql}\n{facts}"
        return
    assert all(one is not None and one.total() == 1 for one in apart) or not facts.keeps_rows, f"{sql}\n{facts}"
    assert sum((one for one in apart if one is not None), Rows()) == whole, f"{sql}\n{facts}"


@settings(max_examples=40)
@given(case=st.sampled_from(STEADY), world=worlds(), data=st.data())
def test_what_is_not_read_may_hold_anything(judge: Judge, case: Case, world: World, data: st.DataObject) -> None:
    check_columns(judge, case, world, data.draw)


@settings(max_examples=40)
@given(case=st.sampled_from(STEADY), world=worlds())
def test_rows_without_a_use_have_no_effect(judge: Judge, case: Case, world: World) -> None:
    check_uses(judge, case, world)
    check_both(judge, case, world)


@settings(max_examples=40)
@given(case=st.sampled_from(EVERY), world=worlds(), data=st.data())
def test_the_order_of_rows_does_not_show(judge: Judge, case: Case, world: World, data: st.DataObject) -> None:
    check_order(judge, case, world, data.draw)


@settings(max_examples=60)
@given(case=st.sampled_from(EVERY), world=worlds(extreme=True))
def test_what_does_not_fail_does_not(judge: Judge, case: Case, world: World) -> None:
    check_safety(judge, case, world)


@dataclass(frozen=True, repr=False)
class Storm:
    """Many rows of values of all kinds, thrown together; too many to be shown."""

    world: World


@pytest.fixture(scope="module")
def storm() -> Storm:
    draw = Random(7)
    kinds = {kind: ["NULL", *SMALL[kind], *EXTREME[kind]] for kind in SMALL}
    return Storm(
        {
            table: [{name: draw.choice(kinds[kind]) for name, kind in TYPES[table].items()} for _ in range(80)]
            for table in TYPES
        }
    )


@pytest.mark.parametrize("path", case_files(), ids=lambda path: path.stem)
def test_nothing_fails_in_a_storm(judge: Judge, storm: Storm, path: Path) -> None:
    judge.fill(storm.world)
    for sql in (sql for _, sql in cases_of(path)):
        facts = facts_in(sql)
        if isinstance(facts, QueryFacts):
            check_safety_here(judge, (sql, facts))


@settings(max_examples=25)
@given(case=st.sampled_from(ROW_WISE), world=worlds())
def test_rows_are_made_one_by_one(judge: Judge, case: Case, world: World) -> None:
    check_rows(judge, case, world)


def check_selection(judge: Judge, storm: Storm, sql: str, world: World, draw: Any) -> None:
    facts = facts_in(sql)
    # Of a constant that fails DuckDB makes no plan.
    assume(isinstance(facts, QueryFacts))
    assert isinstance(facts, QueryFacts)
    judge.fill(storm.world)
    check_safety_here(judge, (sql, facts))
    judge.keep_used(facts.reads)
    for check in (check_uses, check_both, check_rows):
        check(judge, (sql, facts), world)
    check_columns(judge, (sql, facts), world, draw)


@settings(max_examples=12)
@given(sql=selections(), world=worlds(extreme=True), data=st.data())
def test_expressions_are_safe_and_conditions_right(
    judge: Judge, storm: Storm, sql: str, world: World, data: st.DataObject
) -> None:
    check_selection(judge, storm, sql, world, data.draw)


@pytest.mark.long
@settings(max_examples=600)
@given(sql=selections(), world=worlds(extreme=True), data=st.data())
def test_many_expressions_are_safe_and_conditions_right(
    judge: Judge, storm: Storm, sql: str, world: World, data: st.DataObject
) -> None:
    check_selection(judge, storm, sql, world, data.draw)


REPLACED = (
    (r"FROM t\b", "FROM (SELECT i AS a, s AS b, f AS c FROM t) AS t"),
    (r"FROM u\b", "FROM (SELECT i AS a, l AS d, k AS e FROM u) AS u"),
)


def over_these_tables(sql: str) -> str:
    """A query that was made for the tables of the lineage's tests."""
    for pattern, text in REPLACED:
        sql = re.sub(pattern, text, sql)
    return sql


def check_made(judge: Judge, sql: str, world: World, strange: World, draw: Any) -> None:
    facts = facts_in(sql)
    assume(isinstance(facts, QueryFacts))
    assert isinstance(facts, QueryFacts)
    check_safety(judge, (sql, facts), strange)
    check_order(judge, (sql, facts), world, draw)
    # What is undetermined may change with what DuckDB knows of its tables.
    if facts.undetermined is None:
        check_columns(judge, (sql, facts), world, draw)
        check_uses(judge, (sql, facts), world)
        check_both(judge, (sql, facts), world)
        check_rows(judge, (sql, facts), world)


@settings(max_examples=20)
@given(query=queries(), world=worlds(), strange=worlds(extreme=True), data=st.data())
def test_all_of_it_for_queries_made_of_others(
    query: tuple[str, Any], judge: Judge, world: World, strange: World, data: st.DataObject
) -> None:
    check_made(judge, over_these_tables(query[0]), world, strange, data.draw)


@pytest.mark.long
@settings(max_examples=1500)
@given(query=queries(), world=worlds(), strange=worlds(extreme=True), data=st.data())
def test_all_of_it_for_many_queries_made_of_others(
    query: tuple[str, Any], judge: Judge, world: World, strange: World, data: st.DataObject
) -> None:
    check_made(judge, over_these_tables(query[0]), world, strange, data.draw)


@pytest.mark.long
@settings(max_examples=15)
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


def told(sql: str) -> QueryFacts:
    facts = facts_in(sql)
    assert isinstance(facts, QueryFacts)
    return facts


def lies() -> list[tuple[str, str, QueryFacts]]:
    """Facts that are wrong, and the check that finds it out."""
    filtered, summed, first = (
        "select i from t where s = 'x'",
        "select sum(f) as a from t",
        "select first(i) as a from t",
    )
    cast, kept = "select s::integer as a from t", "select i, s from t"
    wrong_use = Use((Condition("(\"i\" = CAST('1' AS INTEGER))", ("i",)),))
    return [
        ("columns", filtered, replace(told(filtered), reads=(ReadFacts("t", ("i",), (Use(),)),))),
        ("uses", filtered, replace(told(filtered), reads=(ReadFacts("t", ("i", "s"), (wrong_use,)),))),
        ("uses", kept, replace(told(kept), reads=(ReadFacts("t", ("i", "s"), ()),))),
        ("both", kept, replace(told(kept), reads=(ReadFacts("t", ("i",), (Use(),)),))),
        ("order", first, replace(told(first), undetermined=None, reads=(ReadFacts("t", ("i",), (Use(),)),))),
        ("safety", cast, replace(told(cast), failing_columns=())),
        ("rows", filtered, replace(told(filtered), keeps_rows=True)),
        ("rows", summed, replace(told(summed), is_row_wise=True)),
    ]


@pytest.mark.parametrize(("check", "sql", "facts"), lies(), ids=[f"{check}: {sql}" for check, sql, _ in lies()])
def test_a_lie_is_found_out(check: str, sql: str, facts: QueryFacts, judge: Judge) -> None:
    # The first that is found is enough.
    @settings(max_examples=300, derandomize=True, phases=[Phase.generate])
    @given(world=worlds(), strange=worlds(extreme=True), data=st.data())
    def refuted(world: World, strange: World, data: st.DataObject) -> None:
        match check:
            case "columns":
                check_columns(judge, (sql, facts), world, data.draw)
            case "uses":
                check_uses(judge, (sql, facts), world)
            case "both":
                check_both(judge, (sql, facts), world)
            case "order":
                check_order(judge, (sql, facts), world, data.draw)
            case "safety":
                check_safety(judge, (sql, facts), strange)
            case _:
                check_rows(judge, (sql, facts), world)

    with pytest.raises(AssertionError):
        refuted()
