"""`--select`: what is left out is told, stays as it was, and comes with the next run of all."""

from __future__ import annotations

from tests.end_to_end.conftest import Space

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


def states(space: Space, *options: str) -> dict[str, str]:
    report = space.trc("run", "p.trc", "--json", *options).json
    return {task["task"]: task["state"] for task in report["tasks"]}


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
    later = states(space)
    assert {task for task, state in later.items() if state == "skipped"} == {"orders", "large"}
    assert {task for task, state in later.items() if state == "success"} == {"numbers", "squares", "shown", "mail"}
    # Only what was chosen is forced.
    assert states(space, "--select", "large", "--force") == {"orders": "skipped", "large": "success"}
    assert states(space, "--select", "+large", "--force") == {"orders": "success", "large": "success"}


def test_what_nobody_reads_in_a_part_is_not_run(space: Space) -> None:
    space.write("orders.csv", "id,amount\n1,5\n2,20\n")
    space.write("p.trc", SHOP)
    assert set(states(space, "--select", "mail", "--optimise")) == {"mail"}
    told = space.trc("plan", "p.trc", "--select", "mail", "--optimise", "--explain").out
    assert "squares  dead_tasks" in told
    assert set(states(space, "--select", "mail")) == {"numbers", "squares", "mail"}
    # Who selects a task wants to see its rows, also where it would be computed within what reads it.
    space.trc("run", "p.trc", "--select", "squares", "--optimise", "--force")
    assert list((space.root / ".trc/data/shop/squares").rglob("*.parquet"))
