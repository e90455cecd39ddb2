"""`--select`: what is left out is told, stays as it was, and comes with the next run of all."""

from __future__ import annotations

from tests.end_to_end.conftest import Space

from trc import api

SHOP = """
pipeline "shop" { }
source raw = csv("orders.csv")
task orders = sql $$ select * from raw $$
task numbers = sql $$ select unnest([1, 2, 3]) as n $$
task squares = sql $$ select n + 0.5 as m from numbers $$
task large = sql $$ select id from orders where amount > 10 $$ { output = csv("large.csv") }
task shown = sql $$ select m from squares $$ { output = csv("shown.csv") }
task mail = sql $$ select 1 as sent $$ { output = csv("mail.csv"), needs = [squares] }
"""


def run(space: Space, *selected: str, optimise: bool = False, force: bool = False) -> dict[str, str]:
    report = api.run(space.root / "p.trc", selected=selected, optimise=optimise, force=force, workers=1)
    return {task.task: task.state for task in report.tasks}


def test_a_part_is_run_and_the_rest_comes_later(space: Space) -> None:
    space.write("orders.csv", "id,amount\n1,5\n2,20\n")
    space.write("p.trc", SHOP)
    planned = space.trc("plan", "p.trc", "--select", "large", "--json").json
    assert [task["task"] for task in planned["tasks"]] == ["orders", "large"]
    assert planned["left_out"] == ["numbers", "squares", "shown", "mail"]
    done = space.trc("run", "p.trc", "--select", "large", "--json")
    assert done.json["left_out"] == planned["left_out"]
    assert "running shop, 2 of 6 tasks" in done.err
    assert "left out: numbers, squares, shown, mail" in done.err
    assert not (space.root / "shown.csv").exists()
    assert "no run has a task" in space.trc("explain", "task:shown", code=3).err
    # Nothing is as if it had been run, and nothing is done twice.
    later = run(space)
    assert {task for task, state in later.items() if state == "skipped"} == {"orders", "large"}
    assert {task for task, state in later.items() if state == "success"} == {"numbers", "squares", "shown", "mail"}
    # Only what was chosen is forced.
    assert run(space, "large", force=True) == {"orders": "skipped", "large": "success"}
    assert run(space, "+large", force=True) == {"orders": "success", "large": "success"}


def test_what_nobody_reads_in_a_part_is_not_run(space: Space) -> None:
    space.write("orders.csv", "id,amount\n1,5\n2,20\n")
    path = space.write("p.trc", SHOP)
    assert set(run(space, "mail", optimise=True)) == {"mail"}
    notes = api.plan(path, selected=("mail",), optimise=True).plan.notes
    assert {note.task for note in notes if note.by == "dead_tasks" and note.applied} == {"numbers", "squares"}
    assert set(run(space, "mail")) == {"numbers", "squares", "mail"}
    # Who selects a task wants to see its rows, also where it would be computed within what reads it.
    run(space, "squares", optimise=True, force=True)
    assert list((space.root / ".trc/data/shop/squares").rglob("*.parquet"))


def test_readers_that_were_left_out_know_what_has_not_changed_for_them(space: Space) -> None:
    space.write("orders.csv", "id,amount\n1,5\n2,20\n")
    space.write("p.trc", SHOP + 'task ids = sql $$ select id from orders $$ { output = csv("ids.csv") }\n')
    run(space)
    space.write("orders.csv", "id,amount\n1,50\n2,200\n")
    assert run(space, "large") == {"orders": "success", "large": "success"}
    assert run(space)["ids"] == "skipped"


def test_states_are_those_of_now(space: Space) -> None:
    space.write("orders.csv", "id,amount\n1,5\n2,20\n")
    space.write("p.trc", SHOP)
    path = space.root / "p.trc"

    def chosen(*selected: str, excluded: tuple[str, ...] = ()) -> list[str]:
        return [task.task for task in api.plan(path, selected=selected, excluded=excluded).plan.tasks]

    assert chosen("state:new") == ["orders", "numbers", "squares", "large", "shown", "mail"]
    run(space)
    assert chosen("state:new") == chosen("state:changed") == chosen("state:failed") == []
    space.write("p.trc", SHOP.replace("n + 0.5", "n + 0.25").replace("amount > 10", "amount > 11"))
    assert chosen("state:new") == []
    assert chosen("state:changed") == ["orders", "numbers", "squares", "large"]
    assert chosen("state:changed,squares+1") == ["numbers", "squares"]
    assert chosen(excluded=("state:changed+",)) == ["orders", "numbers"]
    # What is read from outside may change, too.
    space.write("p.trc", SHOP)
    space.write("orders.csv", "id,amount\n1,5\n2,20\n3,30\n")
    assert chosen("state:changed") == ["orders"]


def test_what_failed_last_is_a_state(space: Space) -> None:
    space.write("orders.csv", "id,amount\n1,50\n")
    space.write("p.trc", SHOP.replace("select id from orders", "select error('no') as id from orders"))
    space.trc("run", "p.trc", code=1)
    told = space.trc("plan", "p.trc", "--select", "state:failed", "--json").json
    assert [task["task"] for task in told["tasks"]] == ["orders", "large"]
    # A run that was asked for by a state is taken up by the tasks that it named then.
    space.trc("run", "p.trc", "--select", "state:failed,large", code=1)
    (failed,) = space.trc("status", "--json").json["tasks"][-1:]
    assert failed["state"] == "failure"
    assert "no" in space.trc("retry", code=1).err
    excluded = space.trc("run", "p.trc", "--exclude", "state:failed", "--json").json
    assert excluded["left_out"] == ["large"]
    assert space.trc("plan", "p.trc", "--select", "state:failed,large", "--json").json["tasks"] == []
