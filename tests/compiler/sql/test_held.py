"""Queries that are planned in one database, one after the other, are planned as each would be by itself."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from trc.compiler.ir.dataset import Column
from trc.compiler.ir.types import Known, Schema, Unknown
from trc.compiler.sql import held
from trc.compiler.sql.bind import Binder
from trc.compiler.sql.columns import BoundPlan
from trc.compiler.sql.engine import PROVING
from trc.compiler.sql.parse import Parsed, parse
from trc.compiler.sql.problem import SqlProblem


def known(**columns: str) -> Known:
    return Known(tuple(Column(name=name, type=kind) for name, kind in columns.items()))


ONE, OTHER = known(a="INTEGER", b="VARCHAR"), known(a="BIGINT")
QUERIES: list[tuple[str, Mapping[str, Schema], Mapping[str, Schema]]] = [
    ("select * from x", {"x": ONE}, {}),
    ("select * from X", {"X": OTHER}, {}),
    ("with x as (select 1 as c) select * from x, y", {"y": ONE}, {}),
    ("select x from y as x", {"y": ONE}, {}),
    ("select * from x.y", {"x.y": ONE}, {}),
    ('select * from "x.y"', {"x.y": OTHER}, {}),
    ("select x.y from z as x, y", {"z": known(y="INTEGER"), "y": ONE}, {}),
    ("select * from x, y", {"x": OTHER, "y": ONE}, {}),
    ('select * from "a""b"', {'a"b': ONE}, {}),
    ("select * from 'x.parquet' as x", {}, {"x.parquet": ONE}),
    ("select * from 'x.parquet' join 'y.parquet' using (a)", {}, {"x.parquet": ONE, "y.parquet": OTHER}),
    ("select * from 'y.parquet' join x using (a)", {"x": ONE}, {"y.parquet": OTHER}),
    ("from query_table('x')", {}, {}),
    ("select * from é", {"É": ONE}, {}),
]


def parsed(sql: str) -> Parsed:
    found = parse(sql)
    assert not isinstance(found, SqlProblem)
    return found


def told(planned: BoundPlan | Unknown) -> object:
    # Tables are numbered as they are made.
    return planned if isinstance(planned, Unknown) else (planned.columns, planned.types, planned.tables)


@pytest.mark.parametrize("queries", [QUERIES, QUERIES[::-1], QUERIES * 2], ids=["down", "up", "twice"])
def test_what_others_have_left_is_of_no_account(
    queries: list[tuple[str, Mapping[str, Schema], Mapping[str, Schema]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Binder() as shared:
        for sql, tables, files in queries:
            monkeypatch.setattr(held, "_idle", {})
            with Binder() as own:
                alone = own.plan(parsed(sql), tables, files, pushed=True)
                assert told(shared.plan(parsed(sql), tables, files, pushed=True)) == told(alone), sql


def test_a_table_that_cannot_be_made_harms_no_later_query() -> None:
    with Binder() as binder:
        fine = binder.plan(parsed("from x"), {"x": ONE}, {})
        assert isinstance(binder.plan(parsed("from x"), {"x": known(a="NO_TYPE")}, {}), Unknown)
        assert told(binder.plan(parsed("from x"), {"x": ONE}, {})) == told(fine)


def test_there_is_no_end_of_tables() -> None:
    with Binder() as binder:
        for number in range(600):
            assert isinstance(binder.plan(parsed(f"from t{number}"), {f"t{number}": ONE}, {}), BoundPlan)


def test_a_database_goes_from_one_pipeline_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held, "_idle", {})
    seen: list[object] = []
    for sql, tables, files in (QUERIES[0], QUERIES[1]):
        with Binder() as binder:
            planned = binder.plan(parsed(sql), tables, files)
            assert isinstance(planned, BoundPlan)
            seen.append(planned.types)
            used = binder._holding()
        assert held._idle == {PROVING: [used]}
    assert seen == [("INTEGER", "VARCHAR"), ("BIGINT",)]


def test_a_database_in_which_something_failed_is_used_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held, "_idle", {})
    with Binder() as binder:
        assert isinstance(binder.plan(parsed("select * from x"), {"x": known(a="NO_TYPE")}, {}), Unknown)

    def ended_by_an_error() -> None:
        with Binder() as binder:
            binder.plan(parsed("select * from x"), {"x": ONE}, {})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        ended_by_an_error()
    assert held._idle == {}
