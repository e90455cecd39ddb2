"""Casts that are said to have a value for everything have one for the largest and the least that there are."""

from __future__ import annotations

import duckdb  # noqa: TID253 - the judge
import pytest

from trc.compiler.ir.dataset import Column
from trc.compiler.ir.types import Known
from trc.compiler.sql.bind import Binder
from trc.compiler.sql.columns import BoundPlan
from trc.compiler.sql.facts import QueryFacts
from trc.compiler.sql.parse import Parsed, parse
from trc.compiler.sql.query_facts import facts_of

EDGES = {
    "TINYINT": ["-128", "127"],
    "SMALLINT": ["-32768", "32767"],
    "INTEGER": ["-2147483648", "2147483647"],
    "BIGINT": ["-9223372036854775808", "9223372036854775807"],
    "HUGEINT": ["-170141183460469231731687303715884105728", "170141183460469231731687303715884105727"],
    "UTINYINT": ["0", "255"],
    "USMALLINT": ["65535"],
    "UINTEGER": ["4294967295"],
    "UBIGINT": ["18446744073709551615"],
    "UHUGEINT": ["340282366920938463463374607431768211455"],
    "FLOAT": ["inf", "-inf", "nan", "3.4028235e38", "-3.4028235e38", "1e-45"],
    "DOUBLE": ["inf", "-inf", "nan", "1.7976931348623157e308", "-1.7976931348623157e308", "5e-324", "-0.0"],
    "DECIMAL(4,1)": ["999.9", "-999.9"],
    "DECIMAL(10,2)": ["99999999.99", "-99999999.99"],
    "DECIMAL(18,0)": ["999999999999999999", "-999999999999999999"],
    "DECIMAL(38,5)": ["999999999999999999999999999999999.99999", "-999999999999999999999999999999999.99999"],
    "VARCHAR": ["", "x", "1e999", "9" * 50, "infinity", "5877642-06-25 (BC)", "294247-01-10 04:00:54.775807"],
    "DATE": ["infinity", "-infinity", "5877642-06-25 (BC)", "5881580-07-10"],
    "TIMESTAMP": ["infinity", "-infinity", "290309-12-22 (BC) 00:00:00", "294247-01-10 04:00:54.775806"],
    "BOOLEAN": ["true", "false"],
    "TIME": ["24:00:00", "00:00:00"],
    "UUID": ["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"],
    "BLOB": ["\\xFF\\x00"],
}


@pytest.mark.parametrize("source", EDGES)
def test_a_cast_that_does_not_fail_does_not(source: str) -> None:
    casts = [f"{word}(x AS {target})" for target in EDGES for word in ("CAST", "TRY_CAST")]
    with duckdb.connect() as judge:
        judge.execute(f"CREATE TABLE t (x {source})")
        judge.executemany(f"INSERT INTO t VALUES ($1::VARCHAR::{source})", [[value] for value in EDGES[source]])
        there_are = [cast for cast in casts if is_cast(judge, cast)]
        failing = {name for name, _ in facts_over(source, there_are).failing_columns}
        safe = [cast for place, cast in enumerate(there_are) if f"c{place}" not in failing]
        assert safe
        for cast in safe:
            judge.execute(f"CREATE OR REPLACE TEMP TABLE made AS SELECT {cast} AS a FROM t")


def is_cast(judge: duckdb.DuckDBPyConnection, cast: str) -> bool:
    """Whether DuckDB knows of such a cast."""
    try:
        judge.execute(f"DESCRIBE SELECT {cast} FROM t")
    except duckdb.Error:
        return False
    return True


def facts_over(source: str, values: list[str]) -> QueryFacts:
    listed = ", ".join(f"{value} AS c{place}" for place, value in enumerate(values))
    parsed = parse(f"SELECT {listed} FROM t")
    assert isinstance(parsed, Parsed)
    with Binder() as binder:
        bound = binder.plan(parsed, {"t": Known((Column(name="x", type=source),))}, {}, pushed=True)
    assert isinstance(bound, BoundPlan)
    facts = facts_of(parsed, bound)
    assert isinstance(facts, QueryFacts)
    assert facts.fails is None
    return facts


@pytest.mark.parametrize(
    "cast",
    [
        "INTEGER AS BIGINT",
        "BIGINT AS DOUBLE",
        "DECIMAL(10,2) AS DECIMAL(12,2)",
        "VARCHAR AS VARCHAR",
        "DATE AS VARCHAR",
    ],
)
def test_a_cast_that_widens_does_not_fail(cast: str) -> None:
    source, target = cast.split(" AS ")
    assert facts_over(source, [f"CAST(x AS {target})"]).failing_columns == ()
