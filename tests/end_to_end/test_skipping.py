"""What runs again, what does not, and what is said about it: through the real command, on real files."""

from __future__ import annotations

from typing import Any

import pytest

PIPELINE = """
name: shop
sources:
  orders: {csv: data/orders.csv}
  rates: {csv: data/rates.csv}
nodes:
  - id: clean
    type: duckdb_sql
    params:
      sql: |
        select order_id, currency, amount
        from orders
        where amount > 0
  - id: rated
    type: duckdb_sql
    params:
      sql: select c.order_id, c.amount * r.rate as amount from clean c join rates r using (currency) order by 1
      output_uri: out/rated.csv
  - id: summary
    type: python
    params:
      entrypoint: tasks/summary.py:summarise
      inputs: {rated: rated}
      args: {title: Total}
      output_uri: out/summary.txt
      output_format: file
  - id: other
    type: duckdb_sql
    params: {sql: select count(*) as n from rates, output_uri: out/other.parquet}
"""
ORDERS = "order_id,currency,amount\n1,EUR,10\n2,USD,20\n3,EUR,-1\n"
SUMMARY = """
import csv
from helper import total


def summarise(context):
    with open(context.inputs["rated"].path) as file:
        rows = list(csv.DictReader(file))
    with open(context.output.path, "w") as file:
        file.write(f"{context.args['title']} {total(rows)}\\n")
"""
HELPER = """
def total(rows):
    return sum(float(row["amount"]) for row in rows)
"""
ALL = {"clean", "rated", "summary", "other"}


@pytest.fixture
def shop(space: Any) -> Any:
    space.write("p.yaml", PIPELINE)
    space.write("data/orders.csv", ORDERS)
    space.write("data/rates.csv", "currency,rate\nEUR,1.0\nUSD,0.5\n")
    space.write("tasks/summary.py", SUMMARY)
    space.write("tasks/helper.py", HELPER)
    assert set(space.states().values()) == {"success"}
    return space


def ran(states: dict[str, str]) -> set[str]:
    assert set(states.values()) <= {"success", "skipped"}
    return {task for task, state in states.items() if state == "success"}


def test_first_run_writes_what_the_pipeline_says(shop: Any) -> None:
    assert shop.read("out/rated.csv") == "order_id,amount\n1,10.0\n2,10.0\n"
    assert shop.read("out/summary.txt") == "Total 20.0\n"


def test_second_run_skips_all_and_says_why(shop: Any) -> None:
    assert ran(shop.states()) == set()
    assert shop.why("rated")["code"] == "up_to_date"


CHANGES: dict[str, tuple[str, str, str, set[str], str]] = {
    # what: (file, old text, new text, what runs, the part that explain names for the first of it)
    "a source's content": ("data/orders.csv", "2,USD,20", "2,USD,40", {"clean", "rated", "summary"}, "inputs.orders"),
    "a row that is filtered out": ("data/orders.csv", "3,EUR,-1", "3,EUR,-2", {"clean"}, "inputs.orders"),
    "a source of two readers": ("data/rates.csv", "USD,0.5", "USD,0.25", {"rated", "summary", "other"}, "inputs.rates"),
    "a query": ("p.yaml", "amount > 0", "amount > 10", {"clean", "rated", "summary"}, "sql"),
    "a comment in a query": ("p.yaml", "from orders", "from orders -- all of them", set(), ""),
    "the layout and case of a query": ("p.yaml", "from orders", "FROM\\n          orders", set(), ""),
    "a comment in the file": ("p.yaml", "nodes:", "nodes:  # the work", set(), ""),
    "an argument": ("p.yaml", "title: Total", "title: Sum", {"summary"}, "params.args"),
    "a task's code": ("tasks/summary.py", "{total(rows)}", "{total(rows):.2f}", {"summary"}, "code"),
    "code that a task imports": ("tasks/helper.py", "float(row", "1 * float(row", {"summary"}, "code"),
    "a comment in code": ("tasks/helper.py", "def total", "# adds up\\ndef total", set(), ""),
    "an output's place": ("p.yaml", "out/other.parquet", "out/another.parquet", {"other"}, "outputs"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_runs_just_what_depends_on_it(shop: Any, what: str) -> None:
    file, old, new, expected, part = CHANGES[what]
    text = shop.read(file)
    assert text.count(old) == 1
    (shop.root / file).write_text(text.replace(old, new.replace("\\n", "\n")))
    assert ran(shop.states()) == expected
    if expected:
        first = next(task for task in ("clean", "rated", "summary", "other") if task in expected)
        reason = shop.why(first)
        assert reason["code"] == "changed"
        assert any(change["field"].startswith(part) for change in reason["changes"]), reason
    assert ran(shop.states()) == set()


def test_deleted_output_is_made_again(shop: Any) -> None:
    (shop.root / "out/rated.csv").unlink()
    assert ran(shop.states()) == {"rated"}
    assert shop.why("rated")["code"] == "output_missing"
    assert shop.read("out/rated.csv") == "order_id,amount\n1,10.0\n2,10.0\n"


def test_edited_output_is_made_again(shop: Any) -> None:
    shop.write("out/summary.txt", "Total 21.0\n")
    assert ran(shop.states()) == {"summary"}
    assert shop.why("summary")["code"] == "output_changed"
    assert shop.read("out/summary.txt") == "Total 20.0\n"


def test_edit_that_keeps_size_and_time_is_seen(shop: Any) -> None:
    """Guards the trust in file times: an edit within the clock's grain must not be skipped over."""
    import os

    path = shop.root / "data/orders.csv"
    stat = path.stat()
    path.write_text(ORDERS.replace("2,USD,20", "2,USD,30"))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert ran(shop.states()) == {"clean", "rated", "summary"}


def test_force_runs_all(shop: Any) -> None:
    assert ran(shop.states("--force")) == ALL


def test_plan_foresees_and_writes_no_output(shop: Any) -> None:
    (shop.root / "data/orders.csv").write_text(ORDERS.replace("2,USD,20", "2,USD,40"))
    plan = shop.trc("plan", "p.yaml", "--json").json
    actions = {task["task"]: task["action"] for task in plan["tasks"]}
    assert actions == {"clean": "run", "rated": "maybe", "summary": "maybe", "other": "skip"}
    assert shop.read("out/summary.txt") == "Total 20.0\n"


def test_two_projects_share_nothing(shop: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    import shutil

    other = tmp_path_factory.mktemp("moved") / "shop"
    shutil.copytree(shop.root, other, ignore=shutil.ignore_patterns(".trc"))
    assert ran(type(shop)(other).states()) == ALL
