"""Columns of repeated tasks and of queries that are handed results: what is inferred is what the run makes."""

from __future__ import annotations

from typing import Any

import duckdb  # noqa: TID253 - reads what the tasks have written
import pytest

HEAD = """
    pipeline "shop" {}

    source sales = csv("sales.csv")

    task regions = sql $$ select region, min(amount) as least, null::date as day from sales group by region order by region $$

    task numbers = sql $$ select * from (values (5::bigint, 1.5::decimal(9, 3)), (6, null)) as n(n, p) $$

    task look = python("look.py:look") { inputs = [] }
    """
LOOK = "def look(context):\n    return {'newest': '2026-01-02', 'limit': 2, 'some': None}\n"
KNOWN = [
    ("select region, amount, {{ item }} as it from sales", '["eu", "us"]'),
    ("select {{ item }} as n, {{ item }} + 1 as m", "[1, 2]"),
    ("select {{ item.a }} as n, {{ item.b }} as b, {{ item }} as whole", '[{ a = 1, b = "x" }, { a = 2, b = "y" }]'),
    ("select count(*) as n, {{ item }} / 2 as h, {{ item }}::date as d", "[null, null]"),
    ("select sum(amount) as n from sales where amount > {{ item }}", "[1, 2.5, 5000000000]"),
    ("select region from sales where region = {{ item.region }} and amount >= {{ item.least }}", "regions.rows"),
    (
        "select {{ item.region }} as r, {{ item.least }} + 1 as s, {{ item.day }} as d, {{ item }} as whole",
        "regions.rows",
    ),
    ("select {{ item.n }} as n, {{ item.p }} as p, {{ item.n }} * {{ item.p }} as m", "numbers.rows"),
    ("select round(1.234, {{ item }}) as r", "[1, 1]"),
    (
        "select coalesce({{ tasks.look.values.some }}::date, date '2026-01-02') as d, {{ tasks.look.values.some }}::date as e",
        "",
    ),
    (
        "select {{ tasks.look.values.some }}::date = date '2026-01-02' as d, {{ tasks.look.values.some }}::date in (date '2026-01-02', null) as e",
        "",
    ),
    ("select case when {{ tasks.look.values.some }}::boolean then {{ tasks.look.values.some }}::uuid end as d", ""),
    ("select {{ item.day }}::varchar as d, {{ item.least }}::decimal(9, 2) as l", "regions.rows"),
    ("select {{ tasks.look.values.newest }}::date as day, {{ tasks.look.values.limit }}::bigint as n", ""),
    ("select region from sales where amount < {{ tasks.look.values.limit }} limit {{ tasks.regions.rows }}", ""),
    ("select region from sales where amount > {{ tasks.look.values.some }}", ""),
]
UNKNOWN = [
    ("select {{ item }} as n", "[1, 5000000000]", "they differ from item to item"),
    ("select {{ item }} as n", '[1, "a"]', "they differ from item to item"),
    ("select {{ item }} + 1", "[1, 2]", "has no name of its own: give it one with AS"),
    ("select round(1.234, {{ item.least }}::integer) as r", "regions.rows", "may follow from the value of $item_least"),
    (
        "select round(1.234, {{ tasks.look.values.limit }}::integer) as r",
        "",
        "show the value of $tasks_look_values_limit",
    ),
    ("select {{ tasks.look.values.some }}::date + 1 as r", "", "show the value of $tasks_look_values_some"),
    ("select 10 / {{ item.least }} + 1 as r", "regions.rows", "may follow from the value of $item_least"),
    ("select {{ tasks.regions.rows }} as r", "", "show the value of $tasks_regions_rows"),
    ("select {{ tasks.look.values.newest }} as r", "", "show the value of $tasks_look_values_newest"),
]


def _write(space: Any, query: str, items: str) -> None:
    space.write("sales.csv", "region,amount\neu,1.5\nus,2.5\neu,4.0\n")
    space.write("look.py", LOOK)
    repeated = f"for_each = {items}" if items else ""
    space.write("p.trc", f"{HEAD}\n    task made = sql $$ {query} $$ {{ {repeated} }}\n")


@pytest.mark.parametrize(("query", "items"), KNOWN, ids=[query for query, _ in KNOWN])
def test_columns_that_are_inferred_are_those_that_are_made(space: Any, query: str, items: str) -> None:
    _write(space, query, items)
    (dataset,) = [one for one in space.trc("schema", "p.trc", "--json").json["datasets"] if one["dataset"] == "made"]
    inferred = [(one["name"], one["type"]) for one in dataset["columns"]]
    space.trc("run", "p.trc")
    files = sorted((space.root / ".trc/data/shop").glob("made*/*/output.parquet"))
    assert len(files) == (1 if not items else 3 if "5000" in items else 2)
    for file in files:
        with duckdb.connect() as connection:
            connection.read_parquet(str(file)).create("made")
            assert inferred == [
                (str(name), str(kind)) for name, kind, *_ in connection.execute("DESCRIBE made").fetchall()
            ]


@pytest.mark.parametrize(("query", "items", "why"), UNKNOWN, ids=[f"{query} {items}" for query, items, _ in UNKNOWN])
def test_columns_that_only_a_run_can_tell_are_unknown(space: Any, query: str, items: str, why: str) -> None:
    _write(space, query, items)
    assert why in space.trc("check", "p.trc").err
    (dataset,) = [one for one in space.trc("schema", "p.trc", "--json").json["datasets"] if one["dataset"] == "made"]
    assert not dataset.get("columns")


def test_readers_are_told_what_is_not_there(space: Any) -> None:
    _write(space, "select region, amount from sales where region = {{ item }}", '["eu", "us"]')
    space.write("p.trc", space.read("p.trc") + "task read = sql $$ select amuont from made $$\n")
    done = space.trc("check", "p.trc", code=2)
    assert 'column "amuont" is not in "made"' in done.err
    assert 'did you mean "amount"?' in done.err


@pytest.mark.parametrize(
    ("query", "items", "told"),
    [
        ("select reigon from sales where region = {{ item }}", '["eu", "us"]', 'column "reigon" is not in "sales"'),
        ("select {{ item }} + date '2026-01-01' + timestamp '2026-01-01' as x", '["eu", "us"]', "error[TRC4"),
    ],
    ids=["name", "type"],
)
def test_mistakes_of_all_items_are_told_before_a_run(space: Any, query: str, items: str, told: str) -> None:
    _write(space, query, items)
    assert told in space.trc("check", "p.trc", code=2).err


def test_expectations_of_columns_that_are_not_there_are_told(space: Any) -> None:
    _write(space, "select region from sales where region = {{ item }}", '["eu", "us"]')
    space.write("p.trc", space.read("p.trc").replace('["eu", "us"] }', '["eu", "us"], expect { not_null(reigon) } }'))
    assert '"made" yields no column "reigon"' in space.trc("check", "p.trc", code=2).err


def test_lineage_of_what_is_repeated_for_a_list_leads_to_the_sources(space: Any) -> None:
    _write(space, "select sum(amount) as total from sales where region = {{ item }}", '["eu", "us"]')
    told = space.trc("lineage", "column", "p.trc", "made.total").out
    assert "aggregated: sales.amount" in told
    assert "filter: sales.region" in told
    _write(space, "select sum(amount) as total from sales where region = {{ item.region }}", "regions.rows")
    assert "filter: regions.region" in space.trc("lineage", "column", "p.trc", "made.total").out


def test_a_csv_of_a_repeated_task_is_read_with_its_types(space: Any) -> None:
    space.write("sales.csv", "region,amount\n")
    space.write(
        "p.trc",
        """
        pipeline "p" {}
        task each = sql $$ select '007' as code, {{ item }} as n $$ { for_each = [1, 2], output = "out/{{ item }}.csv" }
        task all = sql $$ select code, n, typeof(n) as kind from each order by n $$ { output = "all.csv" }
        """,
    )
    space.trc("run", "p.trc")
    assert space.read("all.csv") == "code,n,kind\n007,1,INTEGER\n007,2,INTEGER\n"
