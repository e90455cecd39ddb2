"""Expectations in real runs: what breaks one is not published, what passed one is not checked again."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

import duckdb  # noqa: TID253 - reads what was kept
import pytest
from tests.end_to_end.conftest import Space

ORDERS = """
    name: p
    sources: {customers: {csv: customers.csv, columns: {id: bigint}}}
    nodes:
      - id: orders
        type: duckdb_sql
        params: {sql: "select * from read_csv('orders.csv')", output_uri: out/orders.csv}
        expect: EXPECT
      - id: total
        type: duckdb_sql
        params: {sql: "select sum(amount) as total from orders", output_uri: out/total.csv}
"""
GOOD = "id,customer,amount\n1,1,5\n2,2,7\n"
BAD = "id,customer,amount\n1,1,5\n1,2,-7\n"


def given(space: Space, expect: str, orders: str = GOOD) -> None:
    space.write("p.yaml", ORDERS.replace("EXPECT", expect))
    space.write("orders.csv", orders)
    space.write("customers.csv", "id\n1\n2\n")


def verdicts(space: Space, task: str = "orders") -> dict[str, bool]:
    """What the last attempt of a task found, by expectation."""
    *_, last = space.trc("explain", f"task:{task}", "--json").json["attempts"]
    return {one["name"]: one["passed"] for one in last["expectations"]}


def codes(report: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["code"], one["severity"]) for one in report["diagnostics"]]


def test_data_that_breaks_an_expectation_is_not_published(space: Space) -> None:
    given(space, '[{unique: id}, {check: "amount > 0"}]')
    assert space.states() == {"orders": "success", "total": "success"}
    before = space.read("out/orders.csv")
    space.write("orders.csv", BAD)
    done = space.trc("run", "p.yaml", code=1)
    assert 'error[TRC630]: task "orders" failed: unique(id): 2 of 2 rows share a value with another' in done.err
    assert "check(amount > 0): 1 of 2 rows breaks it" in done.err
    assert "not run because of it: total" in done.err
    assert space.read("out/orders.csv") == before
    assert space.read("out/total.csv") == "total\n12\n"
    assert [path.name for path in (space.root / "out").iterdir() if path.name.startswith(".")] == []


def test_it_is_not_tried_again(space: Space) -> None:
    given(space, "[{unique: id}]\n        retries: {max_attempts: 3, initial_delay_seconds: 0}", BAD)
    report = space.trc("run", "p.yaml", "--json", code=1).json
    assert [(one["task"], one["state"], one["attempt"]) for one in report["tasks"]] == [
        ("orders", "failure", 1),
        ("total", "upstream_failed", 0),
    ]
    assert codes(report) == [("TRC630", "error")]


def test_a_warning_is_published_and_reported(space: Space) -> None:
    given(space, "[{unique: id, severity: warn}]", BAD)
    report = space.trc("run", "p.yaml", "--json").json
    assert codes(report) == [("TRC631", "warning")]
    assert report["expectations"]["orders"][0]["failing"] == 2
    assert space.read("out/orders.csv") == BAD
    assert "unique(id): 2 of 2 rows share a value with another (warns)" in space.trc("status").out


def test_rows_that_break_it_are_kept(space: Space) -> None:
    given(space, '[{check: "amount > 0", store_failures: true}]', BAD)
    report = space.trc("run", "p.yaml", "--json", code=1).json
    (verdict,) = report["expectations"]["orders"]
    assert verdict["kept"] == f"{space.root}/.trc/failures/{report['run']['id']}/orders/1_check.parquet"
    assert duckdb.sql(f"select id, amount from '{verdict['kept']}'").fetchall() == [(1, -7)]
    assert verdict["sample"] == [{"id": 1, "customer": 2, "amount": -7}]
    assert verdict["kept"].removeprefix(f"{space.root}/") in space.trc("explain", "task:orders").out


def test_what_passed_is_not_checked_again(space: Space) -> None:
    given(space, "[{unique: id}, {relationships: {column: customer, to: customers, field: id}}]")
    space.states()
    assert space.states() == {"orders": "skipped", "total": "skipped"}
    # Layout and comments of a condition are no other condition.
    given(space, '[{check: "amount > 0"}]')
    space.states()
    given(space, '[{check: "amount  >  0 -- all"}]')
    assert space.states() == {"orders": "skipped", "total": "skipped"}


def test_only_the_check_runs_when_only_it_changed(space: Space) -> None:
    given(space, "[{unique: id}]")
    space.states()
    inode = (space.root / "out/orders.csv").stat().st_ino
    given(space, '[{unique: id}, {check: "amount > 0"}]')
    assert space.states() == {"orders": "success", "total": "skipped"}
    why = space.why("orders")
    assert (why["code"], [change["field"] for change in why["changes"]]) == (
        "unchecked",
        ["expect.check(amount > 0)"],
    )
    assert (space.root / "out/orders.csv").stat().st_ino == inode
    assert verdicts(space) == {"unique(id)": True, "check(amount > 0)": True}
    assert space.states() == {"orders": "skipped", "total": "skipped"}


def test_a_stored_output_that_breaks_a_new_expectation_stands_and_is_checked_until_it_holds(space: Space) -> None:
    given(space, "[]", BAD)
    space.states()
    given(space, '[{check: "amount > 0"}]', BAD)
    for _ in range(2):
        assert space.states(code=1) == {"orders": "failure", "total": "upstream_failed"}
        assert space.read("out/orders.csv") == BAD
    given(space, '[{check: "amount > -10"}]', BAD)
    assert space.states() == {"orders": "success", "total": "skipped"}


def test_an_expectation_of_another_severity_is_checked_again(space: Space) -> None:
    given(space, "[{unique: id, severity: warn}]", BAD)
    space.states()
    assert space.states() == {"orders": "skipped", "total": "skipped"}
    given(space, "[{unique: id}]", BAD)
    assert space.states(code=1)["orders"] == "failure"


def test_going_back_to_what_had_passed_needs_no_check(space: Space) -> None:
    given(space, "[{unique: id}]", BAD)
    assert space.states(code=1)["orders"] == "failure"
    given(space, "[{not_null: id}]", BAD)
    assert space.states()["orders"] == "success"
    given(space, "[{unique: id}]", BAD)
    assert space.states(code=1)["orders"] == "failure"
    given(space, "[{not_null: id}]", BAD)
    assert space.states()["orders"] == "skipped"


def test_a_lookup_is_a_read_of_the_check_alone(space: Space) -> None:
    given(space, "[{relationships: {column: customer, to: customers, field: id}}]")
    space.states()
    space.write("customers.csv", "id\n1\n2\n3\n")
    assert space.states() == {"orders": "success", "total": "skipped"}
    assert [change["field"] for change in space.why("orders")["changes"]] == ["expect.inputs.customers[customers.csv]"]
    space.write("customers.csv", "id\n1\n3\n")
    assert space.states(code=1) == {"orders": "failure", "total": "upstream_failed"}


def test_an_answer_at_a_glance_knows_what_was_looked_up(space: Space) -> None:
    given(space, "[{relationships: {column: customer, to: customers, field: id}}]")
    for _ in range(30):
        if "nothing to do" in space.trc("run", "p.yaml").out:
            break
    else:
        raise AssertionError("no run was answered at a glance")
    space.write("customers.csv", "id\n1\n3\n")
    assert "error[TRC630]" in space.trc("run", "p.yaml", code=1).err


def test_a_lookup_waits_for_the_task_that_writes_it(space: Space) -> None:
    space.write(
        "p.yaml",
        """
        name: p
        nodes:
          - id: orders
            type: duckdb_sql
            params: {sql: select 1 as customer}
            expect: [{relationships: {column: customer, to: customers, field: id}}]
          - id: customers
            type: duckdb_sql
            params: {sql: select id from read_csv('customers.csv')}
        """,
    )
    space.write("customers.csv", "id\n1\n")
    assert space.states() == {"customers": "success", "orders": "success"}
    assert space.states() == {"customers": "skipped", "orders": "skipped"}
    space.write("customers.csv", "id\n2\n")
    assert space.states(code=1) == {"customers": "success", "orders": "failure"}


def test_freshness_is_due_again_in_each_run_by_its_logical_time(space: Space) -> None:
    space.write(
        "p.yaml",
        """
        name: p
        nodes:
          - id: days
            type: duckdb_sql
            params: {sql: "select date '2026-01-01' as day", output_uri: out/days.csv}
            expect: [{freshness: {column: day, max_age: 1d}}]
        """,
    )
    assert space.states("--at", "2026-01-01T20:00:00+00:00") == {"days": "success"}
    assert space.states("--at", "2026-01-02T00:00:00+00:00") == {"days": "success"}
    assert space.why("days")["code"] == "checks_due"
    assert space.states("--at", "2026-01-02T00:00:01+00:00", code=1) == {"days": "failure"}
    assert space.states("--at", "2026-01-02T01:30:00+02:00") == {"days": "success"}


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
def test_outputs_of_python_and_shell_are_held_to_their_expectations(space: Space, form: str) -> None:
    space.write(
        "tasks.py",
        """
        import duckdb

        def make(context):
            output = context.output
            duckdb.sql(f"copy (select unnest([1, 1, null]) as id) to '{output.path}' (format {output.format})")
        """,
    )
    space.write(
        "p.yaml",
        f"""
        name: p
        nodes:
          - id: made
            type: python
            params: {{entrypoint: "tasks.py:make", output_uri: out/made.{form}, inputs: []}}
            columns: {{id: integer}}
            expect: [{{unique: id}}, {{not_null: id, severity: warn}}]
          - id: copied
            type: shell
            params: {{command: 'cp out/there.{form} "$TRC_OUTPUT_OUTPUT"', output_uri: out/copied.{form}, inputs: []}}
            expect: [{{row_count: 2}}]
        """,
    )
    (space.root / "out").mkdir()
    duckdb.sql("select unnest([1, 2]) as id").to_view("two")
    duckdb.sql(f"copy two to '{space.root}/out/there.{form}' (format {form})")
    report = space.trc("run", "p.yaml", "--json", code=1).json
    assert {one["task"]: one["state"] for one in report["tasks"]} == {"made": "failure", "copied": "success"}
    assert [one["found"] for one in report["expectations"]["made"]] == [
        "2 of 3 rows share a value with another",
        "1 of 3 rows has no value",
    ]
    assert not (space.root / f"out/made.{form}").exists()


def test_a_condition_that_fails_on_some_row_says_so_at_its_place(space: Space) -> None:
    given(space, '[{check: "cast(customer as varchar)[2:]::int > 0"}]')
    done = space.trc("run", "p.yaml", code=1)
    assert "error[TRC632]" in done.err
    assert "could not be evaluated: Could not convert string '' to INT32" in done.err
    assert "p.yaml:7:" in done.err
    assert not (space.root / "out").exists() or not list((space.root / "out").iterdir())


def test_a_stored_output_that_somebody_changed_is_made_again(space: Space) -> None:
    given(space, "[]")
    space.states()
    space.write("out/orders.csv", "id,customer,amount\n9,9,9\n")
    given(space, "[{unique: id}]")
    assert space.states()["orders"] == "success"
    assert space.why("orders")["code"] == "output_changed"
    assert space.read("out/orders.csv") == GOOD


def test_force_runs_the_task_itself(space: Space) -> None:
    given(space, "[{unique: id}]")
    space.states()
    given(space, "[{unique: id}, {not_null: id}]")
    assert space.states("--force") == {"orders": "success", "total": "success"}
    assert space.why("orders")["code"] == "forced"


def test_a_run_that_is_killed_while_it_checks_has_published_nothing(space: Space) -> None:
    # Two long texts are compared letter by letter, for each of the rows: that takes a minute.
    slow = "levenshtein(repeat('a', 4000), repeat('b', 4000 + amount)) > 0"
    given(space, f'[{{check: "{slow}"}}]', "id,customer,amount\n" + "".join(f"{n},{n},{n}\n" for n in range(4000)))
    running = space.start("run", "p.yaml")
    deadline = time.monotonic() + 60
    while not any(path.stat().st_size for path in space.root.rglob("orders.1.*.csv")):
        assert time.monotonic() < deadline, "nothing was staged"
        assert running.poll() is None, "the run has ended"
    os.kill(running.pid, signal.SIGKILL)
    running.communicate()
    assert not (space.root / "out/orders.csv").exists()
    given(space, '[{check: "amount >= 0"}]')
    assert space.states() == {"orders": "success", "total": "success"}
    assert space.read("out/orders.csv") == GOOD


def test_tasks_that_wait_for_a_worker_are_still_only_checked(space: Space) -> None:
    task = """
      - id: t{n}
        type: duckdb_sql
        params: {{sql: select {n} as id, output_uri: out/t{n}.csv}}
        expect: [{{not_null: id}}{more}]"""
    names = [f"t{n}" for n in range(5)]
    space.write("p.yaml", "\n    name: p\n    nodes:" + "".join(task.format(n=n, more="") for n in range(5)))
    assert space.states("--workers", "1") == dict.fromkeys(names, "success")
    inodes = [(space.root / f"out/{name}.csv").stat().st_ino for name in names]
    space.write(
        "p.yaml", "\n    name: p\n    nodes:" + "".join(task.format(n=n, more=", {unique: id}") for n in range(5))
    )
    assert space.states("--workers", "1") == dict.fromkeys(names, "success")
    assert [(space.root / f"out/{name}.csv").stat().st_ino for name in names] == inodes
    assert {space.why(name)["code"] for name in names} == {"unchecked"}


def test_the_same_in_the_other_language(space: Space) -> None:
    space.write(
        "shop.trc",
        """
        pipeline "shop" { }
        param least: number = 3
        task orders = sql $$ select unnest([1, 2, 3]) as "größe €", 'x' as "order" $$ {
          output = parquet("out/orders.parquet")
          expect {
            unique("größe €")
            accepted_values(column = "ORDER", values = ["x"])
            check($$ "größe €" < {{ least }} $$, severity = warn, store_failures = true)
          }
        }
        """,
    )
    report = space.trc("run", "shop.trc", "--json").json
    assert codes(report) == [("TRC631", "warning")]
    assert report["expectations"]["orders"][2]["sample"] == [{"größe €": 3, "order": "x"}]
    report = space.trc("run", "shop.trc", "--json", "--param", "least=4").json
    assert [one["reason"]["code"] for one in report["tasks"]] == ["unchecked"]
    assert codes(report) == []


def test_a_run_that_is_resumed_does_not_check_again_what_had_passed_in_it(space: Space) -> None:
    space.write(
        "p.yaml",
        """
        name: p
        nodes:
          - id: days
            type: duckdb_sql
            params: {sql: "select timestamp '2026-01-01 10:00' as at", output_uri: out/days.csv}
            expect: [{freshness: {column: at, max_age: 1d}}]
          - id: waits
            type: shell
            params:
              command: touch started; while [ ! -e go ]; do sleep 0.05; done; cp "$TRC_INPUT_DAYS" "$TRC_OUTPUT_OUTPUT"
              inputs: [days]
              output_uri: out/copy.csv
        """,
    )
    running = space.start("run", "p.yaml", "--at", "2026-01-01T20:00:00+00:00")
    deadline = time.monotonic() + 60
    while not (space.root / "started").exists():
        assert time.monotonic() < deadline, "the second task did not begin"
        assert running.poll() is None, "the run has ended"
    os.kill(running.pid, signal.SIGKILL)
    running.communicate()
    (space.root / "go").touch()
    report = space.trc("run", "p.yaml", "--json", "--at", "2026-01-01T20:00:00+00:00").json
    assert report["resumed"]
    assert {one["task"]: (one["state"], one["attempt"]) for one in report["tasks"]} == {
        "days": ("success", 1),
        "waits": ("success", 2),
    }
    assert [one["passed"] for one in report["expectations"]["days"]] == [True]
