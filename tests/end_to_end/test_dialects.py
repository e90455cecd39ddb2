"""Pipelines whose queries are in other dialects: from the text to the rows, and what is skipped the next time."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.end_to_end.conftest import Space

ORDERS = "id,customer,amount,at\n1,ada,120,2024-01-31\n2,grace,,2024-02-29\n3,o'hara,7,2024-02-29\n"
PIPELINE = """
    name: shop
    params:
      who: {type: string, default: "o'hara"}
      since: {type: date, default: "2024-02-01"}
      least: {type: number, default: 3.5}
    sources:
      orders: {csv: orders.csv, columns: {id: integer, customer: varchar, amount: integer, at: date}}
    nodes:
      - id: named
        type: duckdb_sql
        params:
          dialect: snowflake
          sql: |
            select id, iff(customer = {{ who }}, 'it is {{ who }}', customer) as who, zeroifnull(amount) as amount
            from orders -- a note
      - id: late
        type: duckdb_sql
        params:
          dialect: tsql
          sql: "select top 2 [id], [amount] + {{ least }} as more from [orders] where [at] >= {{ since }} order by [amount] desc"
      - id: report
        type: duckdb_sql
        params:
          dialect: bigquery
          output_uri: out.json
          sql: "select `id`, who, more from named left join late using (id) order by `more` desc, id"
"""


def rows(space: Space) -> list[dict[str, Any]]:
    return [json.loads(line) for line in space.read("out.json").splitlines()]


@pytest.fixture
def shop(space: Space) -> Space:
    space.write("orders.csv", ORDERS)
    space.write("p.yaml", PIPELINE)
    space.age()
    return space


def test_a_pipeline_of_three_dialects(shop: Space) -> None:
    assert shop.states() == dict.fromkeys(("named", "late", "report"), "success")
    assert rows(shop) == [
        {"id": 3, "who": "it is o'hara", "more": 10.5},
        {"id": 1, "who": "ada", "more": None},
        {"id": 2, "who": "grace", "more": None},
    ]


def test_what_a_query_says_counts_and_not_its_layout(shop: Space) -> None:
    shop.states()
    shop.write("p.yaml", PIPELINE.replace("-- a note", "/* another */").replace("select top 2", "SELECT   top 2"))
    shop.age()
    assert set(shop.states().values()) == {"skipped"}
    shop.write("p.yaml", PIPELINE.replace("zeroifnull(amount)", "nvl(amount, 0)"))
    shop.age()
    assert shop.states() == {"named": "success", "late": "skipped", "report": "skipped"}
    assert [change["field"] for change in shop.why("named")["changes"]] == ["query.written", "sql"]


def test_another_dialect_is_another_query(shop: Space) -> None:
    """Even where both come to one translation: what was meant is something else."""
    shop.states()
    shop.write("p.yaml", PIPELINE.replace("dialect: bigquery", "dialect: spark"))
    shop.age()
    assert shop.states() == {"named": "skipped", "late": "skipped", "report": "success"}
    assert [change["field"] for change in shop.why("report")["changes"]] == ["params.dialect"]


def test_a_mistake_that_only_the_data_show_is_told_in_the_authors_text(shop: Space) -> None:
    shop.write("p.yaml", PIPELINE.replace("zeroifnull(amount) as", "to_number(customer) as"))
    told = shop.trc("run", "p.yaml", code=1).err
    line, column = next(
        (number, text.index("to_number") + 1)
        for number, text in enumerate(shop.read("p.yaml").splitlines(), 1)
        if "to_number" in text
    )
    assert f"--> p.yaml:{line}:{column}\n" in told


def test_the_command_shows_the_translation_and_formats_nothing(shop: Space) -> None:
    told = shop.trc("compile", "p.yaml", "--emit", "sql").out
    assert "CASE WHEN customer = 'o''hara' THEN 'it is o''hara' ELSE customer END" in told
    before = shop.read("p.yaml")
    shop.trc("fmt", "--sql", "p.yaml")
    assert [line.strip() for line in shop.read("p.yaml").splitlines() if "select" in line] == [
        line.strip() for line in before.splitlines() if "select" in line
    ]


def test_other_spellings_are_the_same_pipeline(shop: Space) -> None:
    there = shop.write("p.trc", shop.trc("convert", "p.yaml", "--to", "trc").out)
    assert there.read_text().count("dialect = ") == 3
    ir = [shop.trc("compile", name, "--emit", "ir").json for name in ("p.yaml", "p.trc")]
    assert ir[0] == ir[1]


def test_python_says_the_same(space: Space) -> None:
    space.write("orders.csv", ORDERS)
    space.write(
        "p.py",
        """
        from trc import Pipeline, csv, sql

        p = Pipeline("shop")
        p.sql("one", "select iff(1 > 2, 'a', 'b') as x", dialect="snowflake")
        p.add("two", sql("select [x] from [one]", csv("out.csv"), dialect="tsql"))
        p.sql("three", "select 1 as x", dialect="duckdb")
        """,
    )
    space.write(
        "p.yaml",
        """
        name: shop
        nodes:
          - {id: one, type: duckdb_sql, params: {sql: "select iff(1 > 2, 'a', 'b') as x", dialect: snowflake}}
          - {id: two, type: duckdb_sql, params: {sql: "select [x] from [one]", dialect: tsql, output_uri: out.csv, output_format: csv}}
          - {id: three, type: duckdb_sql, params: {sql: "select 1 as x"}}
        """,
    )
    ir = [space.trc("compile", name, "--emit", "ir").json for name in ("p.yaml", "p.py")]
    assert ir[0]["tasks"][0] == ir[1]["tasks"][0]
    assert ir[0]["tasks"][2] == ir[1]["tasks"][2]
    assert [task["query"]["text"] for task in ir[1]["tasks"]] == [task["query"]["text"] for task in ir[0]["tasks"]]


def test_tests_of_pipelines_run_the_translation(shop: Space) -> None:
    shop.write(
        "p.yaml",
        PIPELINE
        + """
    tests:
      - name: names
        given:
          orders: [{id: 1, customer: ada, amount: null, at: "2024-01-01"}]
        expect:
          named: [{id: 1, who: ada, amount: 0}]
""",
    )
    assert "1 passed" in shop.trc("test", "p.yaml").out


def test_a_sqlglot_that_translates_otherwise_runs_a_query_again(shop: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    import sqlglot

    site = shop.root / "site"
    shutil.copytree(Path(sqlglot.__file__).parent, site / "sqlglot", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setenv("PYTHONPATH", str(site))
    shop.age()
    assert set(shop.states().values()) == {"success"}
    # From then on the pipeline is not even compiled.
    for _ in range(2):
        assert set(shop.states().values()) == {"skipped"}
    with (site / "sqlglot" / "generators" / "duckdb.py").open("a") as file:
        file.write("\nDuckDBGenerator.TRANSFORMS[exp.If] = lambda self, e: self.func('IF', *e.args.values())\n")
    assert shop.states() == {"named": "success", "late": "skipped", "report": "skipped"}
    assert [change["field"] for change in shop.why("named")["changes"]] == ["sql"]


WITHOUT = "import sys; sys.modules['sqlglot'] = None; "


def test_sqlglot_is_loaded_for_other_dialects_alone(shop: Space) -> None:
    """Whatever would load it fails here: for pipelines without dialects, and in a task's own process."""
    shop.write(
        "own.yaml", 'name: own\nnodes: [{id: a, type: duckdb_sql, params: {sql: "select 1 as x", dialect: duckdb}}]'
    )
    for command in (["check", "own.yaml"], ["compile", "own.yaml", "--emit", "sql"], ["fmt", "--check", "p.yaml"]):
        code = WITHOUT + f"from trc.cli import main; sys.argv = ['trc', *{command!r}]; main()"
        done = subprocess.run([sys.executable, "-c", code], cwd=shop.root, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    code = WITHOUT + "import trc.runtime.taskside.worker, trc.stdlib_tasks.duckdb_sql.run"
    subprocess.run([sys.executable, "-c", code], cwd=shop.root, check=True)


@pytest.mark.parametrize("name", ["snowflake", "SNOWFLAKE"])
def test_names_are_as_sqlglot_spells_them(space: Space, name: str) -> None:
    path: Path = space.write(
        "p.yaml", f"name: p\nnodes: [{{id: a, type: duckdb_sql, params: {{sql: 'select 1 as x', dialect: {name}}}}}]"
    )
    told = space.trc("check", path.name, code=0 if name.islower() else 2)
    assert ("did you mean" in told.out + told.err) is not name.islower()
