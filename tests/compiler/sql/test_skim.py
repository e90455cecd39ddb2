"""The first look at a query tells what the whole one does, and binding over shared tables gives the same columns."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.compiler.sql.test_bind import CASES, TABLES, cases_of, known
from tests.compiler.sql.test_parse import TABLES as READS

from trc.compiler.ir.types import Known, Schema
from trc.compiler.sql.bind import Binder
from trc.compiler.sql.parse import Parsed, parse
from trc.compiler.sql.skim import Plain, skim, skim_all

TYPES = """
select null as a, null::json as b, 'x'::enum('x', 'y z') as c, {'k': [1], 'l m': map {'a': 1.5}} as d, [1, 2]::int[2] as e,
  union_value(num := 2) as f, '101'::bit as g, '12:00'::timetz as h, 1::uhugeint as i, 'a'::varchar collate nocase as j,
  interval 1 day as k, 'x'::blob as l, uuid '00000000-0000-0000-0000-000000000000' as m, 1e3 as n, 2 ** 3 as o,
  timestamp_ns '2020-01-01' as p, [] as q, {'a': null} as r, 1::decimal(38, 3) as s, 170141183460469231731687303715884105728 as t,
  current_setting as u, amount as "v w", sum(amount) over () as x, list(name) over () as y, row(1, 'a') as z
from orders, customers, (select 1 as current_setting)
"""
QUERIES = [
    *(query for path in sorted(CASES.glob("*.sql")) for _, query in cases_of(path)),
    *(query for query, _ in READS),
    TYPES,
    "select order_id from orders;",
    "select 'é' as é from orders -- ü; ?",
    "select * from orders; select 2",
    "select * from orders where order_id = ?",
    "select * from orders where order_id = $day",
    "select * from e'data/events.csv'",
    "select * from $$data/events.csv$$",
    'select * from "it\'s"',
    "select age(ordered_at) from orders",
    "select current_date from orders",
    "select current_date from (select 1 as current_date)",
    "select order_id, customer_id as order_id from orders",
    "select rowid, order_id from Orders as o join orders using (order_id)",
    "select * from (with orders as (select 1 as one) select * from orders), orders",
    "with customers as (select 1 as customer_id) select * from orders join customers using (customer_id)",
    "select * from recurring.orders",
    "with recursive orders as (select 1 as n union all select n + 1 from orders) select * from recurring.orders",
    "select * from main.orders",
    "select random() from orders",
    "select * from orders tablesample 10%",
    "select * from orders using sample 2 rows",
    "select * from query('from orders')",
    "",
    ";",
    "-- nothing",
    "create table x (a int)",
    "select \x00",
    "select \ud800",
]


@pytest.mark.parametrize("sql", QUERIES)
def test_a_skimmed_query_is_told_as_a_parsed_one(sql: str) -> None:
    compare(sql)


def compare(sql: str) -> None:
    skimmed, parsed = skim(sql), parse(sql)
    if not isinstance(skimmed, Plain):
        assert skimmed == parsed
        return
    assert isinstance(parsed, Parsed)
    assert skimmed.tables == parsed.table_names
    assert sorted(skimmed.ctes) == sorted(use.name for use in parsed.ctes)
    assert parsed.volatile is None
    assert (parsed.files, parsed.computed, parsed.parameters) == ((), (), ())
    assert (parsed.dynamic, parsed.unread) == (False, False)


PIECES = [
    *(
        "",
        " ",
        "(",
        ")",
        "'",
        '"',
        "$$",
        ";",
        ",",
        ".",
        "-- ",
        "/*",
        "?",
        "$a",
        "é",
        "*",
        "::",
        "{",
        "}",
        "[",
        "]",
        ":",
    ),
    *(
        " from orders ",
        " join 'a.csv' on true ",
        " with a as (from b) ",
        " union all from e ",
        " as x ",
        " now() ",
        " age(d) ",
    ),
    *(
        '"type":"BASE_TABLE"',
        "'\"sample\":{'",
        '"x""y"',
        "'\\'",
        " current_date ",
        " range(3) ",
        " tablesample 1% ",
        " X ",
    ),
]


@settings(max_examples=400)
@given(data=st.data())
def test_changed_queries_are_told_as_parsed_ones(data: st.DataObject) -> None:
    sql = data.draw(st.sampled_from(QUERIES))
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(sql)))
        end = min(len(sql), start + data.draw(st.integers(0, 4)))
        sql = sql[:start] + data.draw(st.sampled_from(PIECES)) + sql[end:]
    compare(sql)


def test_shared_tables_give_the_columns_of_own_ones() -> None:
    compared = 0
    with Binder() as shared, Binder() as alone:
        for sql in QUERIES:
            skimmed, parsed = skim(sql), parse(sql)
            if isinstance(skimmed, Plain) and isinstance(parsed, Parsed):
                bound = alone.bind(parsed, TABLES, {})
                fine = bound.schema if isinstance(bound.schema, Known) and not bound.problems else None
                assert shared.bind_plain(skimmed, TABLES) == fine, sql
                compared += fine is not None
    assert compared > 20


def test_most_queries_are_plain() -> None:
    plain = [sql for sql in QUERIES if isinstance(skim(sql), Plain)]
    assert TYPES in plain
    assert len(plain) > 60


@pytest.mark.parametrize(
    ("sql", "columns"),
    [
        ("select a from x", known(a="INTEGER")),
        ("select b from x", None),
        ("select * from (with x as (select 1 as c) from x)", known(c="INTEGER")),
    ],
)
def test_a_table_is_seen_by_those_that_read_it(sql: str, columns: Known | None) -> None:
    tables: dict[str, Schema] = {"x": known(a="INTEGER")}
    with Binder() as binder:
        binder.bind_plain(Plain("from x", ("x",), ()), tables)
        skimmed = skim(sql)
        assert isinstance(skimmed, Plain)
        assert binder.bind_plain(skimmed, tables) == columns


def test_a_table_that_only_a_cte_names_is_not_there() -> None:
    tables: dict[str, Schema] = {"x": known(a="INTEGER")}
    with Binder() as binder:
        assert binder.bind_plain(Plain("from x", ("x",), ()), tables) is not None
        assert binder.bind_plain(Plain("from (with x as (select 1) from x), x", (), ("x",)), tables) is None


def test_a_pipeline_has_the_tables_of_its_own_columns() -> None:
    for schema in (known(a="INTEGER"), known(a="INTEGER"), known(b="DATE"), known(a="INTEGER")):
        with Binder() as binder:
            assert binder.bind_plain(Plain("from x", ("X",), ()), {"X": schema}) == schema


def test_a_table_that_cannot_be_made_harms_no_later_query() -> None:
    with Binder() as binder:
        query = Plain("from x", ("x",), ())
        assert binder.bind_plain(query, {"x": known(a="INTEGER", A="DATE")}) is None
        assert binder.bind_plain(query, {"x": known(a="INTEGER")}) == known(a="INTEGER")
    with Binder() as binder:
        assert binder.bind_plain(query, {"x": known(a="DATE")}) == known(a="DATE")


def test_many_tables_are_left_behind() -> None:
    for number in range(300):
        with Binder() as binder:
            assert binder.bind_plain(Plain(f"from t{number}", (f"t{number}",), ()), {f"t{number}": TABLES["customers"]})
    with Binder() as binder:
        assert binder.bind_plain(Plain("from t1", ("t1",), ()), {"t1": known(b="DATE")}) == known(b="DATE")


def test_queries_are_skimmed_together_as_one_by_one() -> None:
    layout = "\n-- together"
    skim_all(sql + layout for sql in QUERIES)
    for sql in QUERIES:
        together, alone = skim(sql + layout), skim(sql)
        assert type(together) is type(alone)
        if isinstance(together, Plain) and isinstance(alone, Plain):
            assert (together.tables, together.ctes) == (alone.tables, alone.ctes)
