"""A constant is one in every row, and settles no condition that it does not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from trc.compiler.ir.dataset import Column
from trc.compiler.ir.types import Known, Unknown
from trc.compiler.sql.bind import Binder
from trc.compiler.sql.facts import Condition, QueryFacts
from trc.compiler.sql.fixed import settled
from trc.compiler.sql.parse import Parsed, parse
from trc.compiler.sql.query_facts import facts_of

TABLE = Known(
    tuple(Column(name=name, type=kind) for name, kind in (("id", "BIGINT"), ("day", "DATE"), ("c", "VARCHAR")))
)


@pytest.fixture(scope="module")
def binder() -> Iterator[Binder]:
    with Binder() as one:
        yield one


def facts(binder: Binder, sql: str) -> QueryFacts:
    parsed = parse(sql)
    assert isinstance(parsed, Parsed)
    bound = binder.plan(parsed, {"t": TABLE}, {}, pushed=True)
    assert not isinstance(bound, Unknown), bound
    found = facts_of(parsed, bound)
    assert not isinstance(found, Unknown), found
    return found


@pytest.mark.parametrize(
    ("sql", "columns"),
    [
        ("select 1 as a, id from t", "a"),
        ("select date '2026-01-01' as a, 'x' || 'y' as b, null::integer as n, c from t", "a b"),  # a NULL is not spelt
        ("select a from (select 1 as a, id from t where id > 3) order by id limit 5", "a"),
        ("with one as (select true as a, * from t) select a, id from one", ""),  # a CTE is not looked through
        ("select 1 as a, id from t union all select 2, id from t", ""),
        ("select coalesce(a.one, 0) as a from t left join (select 1 as one, id from t) a using (id)", ""),
        ("select a.one as a from t left join (select 1 as one, id from t where id > 3) a using (id)", ""),
        ("select random() as a, now() as b, current_date as d from t", ""),
        ("select cast('x' as integer) as a from t", ""),
        ("select count(*) as a from t", ""),
        ("select a from (values (1), (2)) v(a)", ""),
    ],
)
def test_constants_are_found(binder: Binder, sql: str, columns: str) -> None:
    assert [name for name, _ in facts(binder, sql).fixed] == columns.split()


VALUES = {
    "day": "CAST('2026-01-01' AS DATE)",
    "full": "CAST('true' AS BOOLEAN)",
    "part": "CAST('false' AS BOOLEAN)",
    "none": "CAST(NULL AS BIGINT)",
    'day"': "1",
}
ROWS = Known(
    tuple(
        Column(name=name, type=kind)
        for name, kind in (
            ("day", "DATE"), ("full", "BOOLEAN"), ("part", "BOOLEAN"), ("none", "BIGINT"), ("n", "BIGINT"), ('day"', "INTEGER"), ("c", "VARCHAR")
        )
    )
)  # fmt: skip


@pytest.mark.parametrize(
    ("sql", "columns", "holds"),
    [
        ("(\"day\" = CAST('2026-01-01' AS DATE))", ("day",), True),
        ("(\"day\" < CAST('2026-01-01' AS DATE))", ("day",), False),
        ('("full" OR ("n" > 3))', ("full", "n"), True),
        ('("part" OR ("n" > 3))', ("part", "n"), None),
        ('("part" AND ("n" > 3))', ("part", "n"), False),
        ('("none" > 3)', ("none",), False),
        ('("none" IS NULL)', ("none",), True),
        ('(("none" > 3) OR ("n" > 3))', ("none", "n"), None),
        ('("n" > 3)', ("n",), None),
        ('(("n" > 3) OR ("n" <= 3))', ("n",), None),
        ('("day""" = 1)', ('day"',), True),
        ('("c" = \'"full"\')', ("c", "full"), None),
    ],
)
def test_conditions_are_settled(binder: Binder, sql: str, columns: tuple[str, ...], *, holds: bool | None) -> None:
    assert settled(Condition(sql, columns), ROWS, VALUES, binder) is holds


def test_of_unknown_columns_nothing_is_settled(binder: Binder) -> None:
    assert settled(Condition('("full")', ("full",)), Unknown("nobody knows"), VALUES, binder) is None
