"""What each column of a query depends on; see tests/cases/lineage, and test_columns_oracle for the proof."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from trc.compiler.ir.dataset import Column
from trc.compiler.ir.types import Known, Schema, Unknown
from trc.compiler.sql.bind import Binder
from trc.compiler.sql.columns import BoundPlan, QueryLineage, trace
from trc.compiler.sql.flow import HOWS, Flow, Input
from trc.compiler.sql.parse import Parsed, parse

CASES = Path(__file__).parents[2] / "cases" / "lineage"


def known(**types: str) -> Known:
    return Known(tuple(Column(name=name, type=kind) for name, kind in types.items()))


TABLES: dict[str, Schema] = {
    "t": known(a="INTEGER", b="VARCHAR", c="DOUBLE"),
    "u": known(a="INTEGER", d="INTEGER[]", e="STRUCT(x INTEGER, y VARCHAR)"),
    "clean.output": known(id="INTEGER"),
    "secret": Unknown("nobody can reach it now"),
}
FILES: dict[str, Schema] = {
    "data/events.csv": known(seen="TIMESTAMP", customer_id="BIGINT"),
    "data/more.csv": known(seen="TIMESTAMP", customer_id="BIGINT"),
    "data/other.csv": known(b="BIGINT"),
}


@pytest.fixture(scope="module")
def binder() -> Iterator[Binder]:
    with Binder() as one:
        yield one


def lineage_of(binder: Binder, sql: str) -> QueryLineage | Unknown:
    parsed = parse(sql)
    assert isinstance(parsed, Parsed), sql
    bound = binder.plan(parsed, TABLES, FILES)
    return bound if isinstance(bound, Unknown) else trace(bound)


def cases_of(path: Path) -> list[tuple[str, str]]:
    parts = path.read_text().split("-- case: ")[1:]
    return [(part.partition("\n")[0], part.partition("\n")[2].strip()) for part in parts]


def shown(lineage: QueryLineage | Unknown) -> str:
    if isinstance(lineage, Unknown):
        return f"unknown: {lineage.reason}\n"
    lines = [f"{name} <- {flow_shown(flow)}\n" for name, flow in lineage.columns]
    return "".join(lines) + f"rows <- {flow_shown(lineage.rows)}\n"


def flow_shown(flow: Flow) -> str:
    told = (f"{key.dataset}.{key.column or '*'} {'/'.join(sorted(hows, key=HOWS.index))}" for key, hows in flow.items())
    return ", ".join(told) or "nothing"


@pytest.mark.parametrize("path", sorted(CASES.glob("*.sql")), ids=lambda path: path.stem)
def test_lineage_of_a_query(path: Path, binder: Binder, snapshot: Callable[[Path, str], None]) -> None:
    told = (f"-- case: {name}\n{shown(lineage_of(binder, sql))}" for name, sql in cases_of(path))
    snapshot(path.with_suffix(".expected"), "\n".join(told))


@pytest.mark.parametrize("path", sorted(CASES.glob("*.sql")), ids=lambda path: path.stem)
def test_columns_of_the_lineage_are_those_that_duckdb_tells(path: Path, binder: Binder) -> None:
    for _, sql in cases_of(path):
        lineage, parsed = lineage_of(binder, sql), parse(sql)
        assert isinstance(parsed, Parsed)
        bound = binder.bind(parsed, TABLES, FILES).schema
        if isinstance(lineage, QueryLineage):
            assert isinstance(bound, Known)
            assert [name for name, _ in lineage.columns] == [column.name for column in bound.columns]
        else:
            assert path.stem == "unknown" or isinstance(bound, Unknown), sql


DEEP = {
    "a sum of many": "select " + "+".join(["a"] * 3000) + " as x from t",
    "brackets in brackets": f"select {'(' * 900}a{')' * 900} as x from t",
    "calls in calls": f"select {'abs(' * 400}a{')' * 400} as x from t",
    "subqueries in subqueries": f"select a from {'(select * from ' * 150}t{')' * 150}",
    "a long condition": f"select a as x from t where {' and '.join(['a > 1'] * 2000)}",
}


@pytest.mark.parametrize("sql", DEEP.values(), ids=DEEP.keys())
def test_deep_queries_are_traced_or_unknown(sql: str, binder: Binder) -> None:
    parsed = parse(sql)
    if isinstance(parsed, Parsed):
        lineage = lineage_of(binder, sql)
        assert isinstance(lineage, Unknown) or Input("t", "a") in lineage.read


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"type": "LOGICAL_NEWS"}, "an operator that is not known: LOGICAL_NEWS"),
        ({"expressions": [{"expression_class": "BOUND_NEWS"}]}, "a kind that is not known: BOUND_NEWS"),
        ({"expressions": [{"expression_class": "BOUND_REF", "index": 7}]}, "a column that there is not"),
        (
            {"expressions": [{"expression_class": "BOUND_REF", "index": 0, "return_type": {"id": "DATE"}}]},
            "in another order",
        ),
        (
            {
                "expressions": [
                    {
                        "expression_class": "BOUND_CAST",
                        "child": {"expression_class": "BOUND_REF", "index": 0},
                        "news": {"expression_class": "BOUND_REF", "index": 0},
                    }
                ]
            },
            "parts that are not known",
        ),
        ({"expressions": []}, "other columns than its result"),
    ],
)
def test_a_plan_that_is_not_understood_gives_no_lineage(change: dict[str, Any], reason: str, binder: Binder) -> None:
    parsed = parse("select a from t")
    assert isinstance(parsed, Parsed)
    bound = binder.plan(parsed, TABLES, FILES)
    assert isinstance(bound, BoundPlan)
    lineage = trace(BoundPlan(bound.columns, bound.tables, bound.plan | change))
    assert isinstance(lineage, Unknown)
    assert reason in lineage.reason
