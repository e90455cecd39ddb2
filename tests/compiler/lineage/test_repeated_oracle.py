"""What the lineage of a task that is repeated for rows leaves out has no effect: its items are run over small tables, and over such with other values."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb  # noqa: TID253 - the judge
import pytest
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

from trc import api
from trc.compiler.lineage.steps import Derived
from trc.compiler.sql.columns import QueryLineage
from trc.compiler.sql.flow import Input

TABLES = {
    "regions": {"name": "VARCHAR", "least": "INTEGER", "note": "VARCHAR"},
    "sales": {"region": "VARCHAR", "amount": "INTEGER"},
}
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "VARCHAR": st.none() | st.sampled_from(["x", "y", "1"]),
    "INTEGER": st.none() | st.integers(0, 3),
}
World = dict[str, list[dict[str, Any]]]
CASES: list[tuple[str, str | None, str]] = [
    ("select {{ item.name }} as a, amount as b from sales where region = {{ item.name }}", None, ""),
    ("select amount as a from sales", None, ""),
    ("select count(*) as a, {{ item.least }} + 1 as b from sales group by region", None, ""),
    ("select {{ item }} as a, region as b from sales order by amount, region limit {{ item.least }}", None, ""),
    ("select 1 as a where exists (select 1 from sales where amount > {{ item.least }})", None, ""),
    ("with s as (select amount + {{ item.least }} as n from sales) select sum(n) as a, min(n) as b from s", None, ""),
    ("select a from (values ({{ item.name }}), ({{ item.note }})) v(a)", None, "a: varchar"),
    ("select max({{ item.least }}) as a, count(*) as b from sales", None, "a: integer, b: bigint"),
    ("select region as a from sales except select {{ item.name }} as region", None, ""),
    ("select case when region = {{ item.note }} then amount end as a, region as b from sales", None, ""),
    ("select region as a from sales where amount between {{ item.least }} and 2", "item.note == 'x'", ""),
    ("select {{ item.note }} as a, row_number() over (order by amount) as b from sales", "item.least != 1", ""),
]


def lineage_of(sql: str, when: str | None, columns: str, folder: Path) -> QueryLineage:
    sources = "".join(
        f'source {name} = csv("{name}.csv") {{ columns {{ {", ".join(f"{one}: {kind}" for one, kind in of.items())} }} }}\n'
        for name, of in TABLES.items()
    )
    declared = f"columns {{ {columns} }}" if columns else ""
    held = f"when = {when.replace(chr(39), chr(34))}" if when else ""
    (folder / "p.trc").write_text(
        f'pipeline "p" {{ }}\n{sources}task each = sql $$ {sql} $$ {{\n  for_each = regions.rows\n  {held}\n  {declared}\n}}\n'
    )
    step = api.schema(folder / "p.trc").steps["each"]
    assert isinstance(step, Derived)
    assert isinstance(step.lineage, QueryLineage), step.lineage
    return step.lineage


def rows_of(table: str) -> st.SearchStrategy[list[dict[str, Any]]]:
    row = st.fixed_dictionaries({name: VALUES[kind] for name, kind in TABLES[table].items()})
    return st.lists(row, min_size=1, max_size=4)


def run(database: duckdb.DuckDBPyConnection, sql: str, when: str | None, world: World) -> list[tuple[str, ...]] | None:
    """What all items yield together, each value as text; None if one fails."""
    for table, rows in world.items():
        columns = ", ".join(f"{name} {kind}" for name, kind in TABLES[table].items())
        values = ", ".join(f"({', '.join(literal(row[name]) for name in TABLES[table])})" for row in rows)
        database.execute(f"CREATE OR REPLACE TABLE {table} ({columns}); INSERT INTO {table} VALUES {values}")
    found: list[tuple[str, ...]] = []
    try:
        for row in world["regions"]:
            if when is None or eval(re.sub(r"item\.(\w+)", r"item['\1']", when), {"item": row}):
                found += [tuple(map(repr, one)) for one in database.execute(put_in(sql, row)).fetchall()]
    except duckdb.Error:
        return None
    return found


def put_in(sql: str, row: dict[str, Any]) -> str:
    typed = {name: f"CAST({literal(row[name])} AS {kind})" for name, kind in TABLES["regions"].items()}
    whole = "{" + ", ".join(f"'{name}': {value}" for name, value in typed.items()) + "}"
    return re.sub(r"\{\{ item(?:\.(\w+))? \}\}", lambda one: typed[one[1]] if one[1] else whole, sql)


def literal(value: Any) -> str:
    return "NULL" if value is None else f"'{value}'" if isinstance(value, str) else str(value)


def refute(
    database: duckdb.DuckDBPyConnection,
    lineage: QueryLineage,
    sql: str,
    when: str | None,
    world: World,
    data: st.DataObject,
) -> None:
    """Tries to find an effect that the lineage does not name."""
    before = run(database, sql, when, world)
    assume(before is not None)
    assert before is not None
    for changed in [Input(table, name) for table, of in TABLES.items() for name in (*of, None)]:
        free = [place for place, (_, flow) in enumerate(lineage.columns) if changed not in flow]
        if changed in lineage.rows or not free:
            continue
        after = run(database, sql, when, world | {changed.dataset: with_other(changed, world[changed.dataset], data)})
        if after is not None:
            one, other = (Counter(tuple(row[place] for place in free) for row in rows) for rows in (before, after))
            assert one == other, f"{sql}\nhas an effect that is not told: {changed}"


def with_other(changed: Input, rows: list[dict[str, Any]], data: st.DataObject) -> list[dict[str, Any]]:
    if changed.column is None:
        return data.draw(rows_of(changed.dataset))
    values = VALUES[TABLES[changed.dataset][changed.column]]
    return [row | {changed.column: data.draw(values)} for row in rows]


@pytest.fixture(scope="module")
def database() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"threads": 1})


@pytest.fixture(scope="module")
def lineages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, QueryLineage]:
    return {sql: lineage_of(sql, when, columns, tmp_path_factory.mktemp("p")) for sql, when, columns in CASES}


@pytest.mark.parametrize(("sql", "when"), [(sql, when) for sql, when, _ in CASES])
@settings(max_examples=8, deadline=None)
@given(world=st.fixed_dictionaries({table: rows_of(table) for table in TABLES}), data=st.data())
def test_nothing_else_has_an_effect(
    sql: str,
    when: str | None,
    database: duckdb.DuckDBPyConnection,
    lineages: dict[str, QueryLineage],
    world: World,
    data: st.DataObject,
) -> None:
    refute(database, lineages[sql], sql, when, world, data)


@pytest.mark.parametrize("gone", [Input("regions", "name"), Input("regions", None)])
def test_what_is_left_out_of_a_lineage_is_found(
    gone: Input, database: duckdb.DuckDBPyConnection, lineages: dict[str, QueryLineage]
) -> None:
    """The oracle itself: without a column of the row, and without its rows, it finds what is missing."""
    sql, when, _ = CASES[0]
    whole = lineages[sql]
    assert gone in whole.rows
    columns = tuple((name, {one: how for one, how in flow.items() if one != gone}) for name, flow in whole.columns)
    less = QueryLineage(columns, {one: how for one, how in whole.rows.items() if one != gone})

    @settings(max_examples=200, deadline=None, database=None, phases=[Phase.generate])
    @given(world=st.fixed_dictionaries({table: rows_of(table) for table in TABLES}), data=st.data())
    def look(world: World, data: st.DataObject) -> None:
        refute(database, less, sql, when, world, data)

    with pytest.raises(AssertionError, match="has an effect that is not told"):
        look()
