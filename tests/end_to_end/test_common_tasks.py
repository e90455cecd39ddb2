"""Equal tasks are computed once: no sink tells, and nothing that is stored of one is taken for the other by mistake."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.end_to_end.conftest import Space
from tests.end_to_end.test_optimising import ORDERS

from trc import api
from trc.runtime.listing import Dataset, Inputs, Missing
from trc.runtime.planner import Planner
from trc.runtime.spec import TaskSpec
from trc.runtime.store.results import StoredOutput
from trc.verifying.usecase import verify

COMMON = Path(__file__).parents[1] / "cases/passes/common.trc"
SHOP = """
pipeline "shop" { }
source raw = parquet("orders.parquet")
task paid = sql $$ select customer, max(amount) as top from raw where amount > 5 and id < 900 group by customer $$
task bills = sql $$ select r.customer, max(r.amount) as top from raw r where r.id < 900 and r.amount > 5 group by all $$
task first = sql $$ select * from paid where top > 10 $$ { output = csv("first.csv") }
task second = sql $$ select a.top, b.customer from bills a join bills b using (customer) $$ { output = csv("second.csv") }
"""


def test_no_equal_or_nearly_equal_task_changes_a_sink(space: Space) -> None:
    space.write("orders.csv", ORDERS)
    report, _ = verify(space.write("p.trc", COMMON.read_text()))
    verdicts = {one.task: one.verdict for one in report.sinks}
    assert verdicts == {task: "not_verifiable" if task.startswith("open_") else "equal" for task in verdicts}
    merged = {note.task for note in report.notes if note.by == "common_tasks" and note.applied}
    names = [
        task.split("=")[0].removeprefix("task").strip()
        for task in COMMON.read_text().splitlines()
        if task.startswith("task ")
    ]
    assert merged == {name for name in names if name.startswith("same_")}


def write_orders(space: Space, rows: int) -> None:
    import duckdb

    query = f"select i as id, 'c' || i % 3 as customer, i * 7 % 101 + {rows} as amount from range({rows}) t(i)"
    duckdb.sql(query).write_parquet(str(space.root / "orders.parquet"))


def ran(report: api.RunReport) -> set[str]:
    return {task.task for task in report.tasks if task.state == "success"}


def test_what_one_stores_is_the_output_of_both(space: Space) -> None:
    write_orders(space, 100)
    path = space.write("p.trc", SHOP)

    def run(*, optimise: bool = True, force: bool = False, selected: tuple[str, ...] = ()) -> api.RunReport:
        return api.run(path, optimise=optimise, force=force, selected=selected, workers=1)

    report = run()
    assert ran(report) == {"paid", "bills", "first", "second"}
    paid, bills = (report.outputs[name][0] for name in ("paid", "bills"))
    assert (bills.path, bills.digest, bills.home) == (paid.path, paid.digest, "paid")
    assert not ran(run())
    assert not ran(run(optimise=False))
    written = sorted(space.read("second.csv").splitlines())
    # What both read has changed: both are made anew, and so is what reads them.
    write_orders(space, 150)
    assert ran(run()) == {"paid", "bills", "first", "second"}
    optimised = sorted(space.read("second.csv").splitlines())
    assert optimised != written
    run(optimise=False, force=True)
    assert sorted(space.read("second.csv").splitlines()) == optimised
    # One is no longer equal: the other keeps what it has.
    run(force=True)
    path = space.write("p.trc", SHOP.replace("amount > 5 and id < 900", "amount > 6 and id < 900"))
    report = run()
    assert "second" not in ran(report)
    assert report.outputs["bills"][0].home == "paid"
    assert report.outputs["bills"][0].path != report.outputs["paid"][0].path
    # Where it is gone, it is computed.
    Path(report.outputs["bills"][0].path).unlink()
    report = run()
    assert ran(report) == {"bills"}
    assert report.outputs["bills"][0].home == ""


def test_a_part_does_not_wait_for_a_task_that_is_left_out(space: Space) -> None:
    write_orders(space, 100)
    report = api.run(space.write("p.trc", SHOP), optimise=True, selected=("second",), workers=1)
    assert {task.task: task.state for task in report.tasks} == {"bills": "success", "second": "success"}
    assert report.outputs["bills"][0].home == ""


def test_a_project_that_moved_finds_what_equal_tasks_have_stored(space: Space) -> None:
    import shutil

    write_orders(space, 100)
    api.run(space.write("p.trc", SHOP), optimise=True, workers=1)
    shutil.copytree(space.root, space.root / "copy", ignore=shutil.ignore_patterns("copy"))
    shutil.rmtree(space.root / ".trc")
    report = api.plan(space.root / "copy/p.trc", optimise=True)
    assert {task.task: task.action for task in report.plan.tasks}["bills"] == "skip"


def test_who_would_take_a_failed_output_fails_with_it(space: Space) -> None:
    write_orders(space, 100)
    broken = SHOP.replace(
        "max(amount) as top from raw where amount", "max(cast(customer as integer)) as top from raw where amount"
    )
    broken = broken.replace(
        "max(r.amount) as top from raw r where r.id < 900 and r.amount > 5",
        "max(cast(r.customer as integer)) as top from raw r where r.amount > 5 and r.id < 900",
    )
    report = api.run(space.write("p.trc", broken), optimise=True, workers=1)
    told = {task.task: (task.state, task.blocked_by) for task in report.tasks}
    assert told["paid"] == ("failure", None)
    assert told["bills"] == ("upstream_failed", "paid")


def test_what_was_made_of_other_inputs_is_no_output_of_an_equal_task(
    space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file may change after the first of two equal tasks has read it, and before the other would have."""
    import duckdb

    write_orders(space, 100)
    changed: list[str] = []
    attempt = Planner.attempt

    def late(planner: Planner, task: TaskSpec, upstream: Mapping[Dataset, StoredOutput]) -> Inputs | Missing:
        if task.name == "bills" and ("paid", "output") in upstream and not changed:
            changed.append(task.name)
            write_orders(space, 150)
        return attempt(planner, task, upstream)

    monkeypatch.setattr(Planner, "attempt", late)
    report = api.run(space.write("p.trc", SHOP), optimise=True, workers=1)
    assert changed
    paid, bills = (report.outputs[name][0] for name in ("paid", "bills"))
    tops = [duckdb.sql(f"select max(top) from '{one.path}'").fetchall() for one in (paid, bills)]
    assert tops == [[(200,)], [(250,)]]
    assert bills.home == ""


def test_equal_tasks_are_shown_as_such(space: Space) -> None:
    write_orders(space, 100)
    path = space.write("p.trc", SHOP)
    assert "-- bills, not computed: it is the same as paid" in api.emit(path, "sql", optimise=True)
    drawn = api.graph_json(path, optimised=True)
    details = {node["id"]: node["detail"] for node in drawn["nodes"]}
    assert "the same as paid" in details["after/task:bills"]
    assert [edge for edge in drawn["edges"] if edge["to"] == "after/task:bills"] == [
        {"from": "after/task:paid", "to": "after/task:bills", "data": True}
    ]
    notes = api.plan(path, optimise=True).plan.notes
    assert ("common_tasks", "bills", True) in {(note.by, note.task, note.applied) for note in notes}
