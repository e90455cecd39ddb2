"""Tasks under conditions that are known before the run: `when` is settled by the compiler, and the plan says so."""

from __future__ import annotations

from typing import Any

import pytest

PIPELINE = """
    pipeline "shop" {}

    param level: integer = 1
    param day: date = run.date
    param region: string = "eu"
    param tags: list = ["a", "b"]
    target prod { backend = local }
    target dev { backend = local, params { level = 7 } }

    task stage = sql $$ select 1 as x $$
    task load = sql $$ select x + 1 as x from stage $$ { when = CONDITION, output = "out/load.csv" }
    task report = sql $$ select x from load $$ { output = "out/report.csv" }
    task after = sql $$ select x from stage $$ { output = "out/after.csv", needs = [load] }
    """


def _write(space: Any, condition: str) -> None:
    space.write("p.trc", PIPELINE.replace("CONDITION", condition))


def _states(space: Any, *options: str) -> dict[str, str]:
    report = space.trc("run", "p.trc", "--json", *options).json
    return {one["task"]: one["state"] for one in report["tasks"]}


@pytest.mark.parametrize(
    ("condition", "options", "holds"),
    [
        ('target.name == "prod"', (), False),
        ('target.name == "prod"', ("--target", "prod"), True),
        ('target.name != "prod"', (), True),
        ("level > 0", (), True),
        ("level > 0", ("--param", "level=0"), False),
        ("level > 5", ("--target", "dev"), True),
        ("params.level in [1, 2]", (), True),
        ("not (level == 1)", (), False),
        ('region in ["eu", "us"] and level < 3', (), True),
        ('"c" in tags', (), False),
        ('run.date >= "2026-01-15"', ("--at", "2026-01-15"), True),
        ('run.date > "2026-01-15"', ("--at", "2026-01-15"), False),
        ('run.date == "2026-01-15"', ("--at", "2026-01-15"), True),
        ('run.date != "2026-01-15"', ("--at", "2026-01-15"), False),
        ('day < "2026-01-15"', ("--param", "day=2026-01-14"), True),
        ('"2026-01-15" <= day', ("--param", "day=2026-01-14"), False),
        ('run.time < "2026-01-15T10:00"', ("--at", "2026-01-15T09:59Z"), True),
        ('run.time < "2026-01-15T10:00+02:00"', ("--at", "2026-01-15T09:59Z"), False),
    ],
)
def test_a_condition_is_settled_before_the_run(
    space: Any, condition: str, options: tuple[str, ...], holds: bool
) -> None:
    _write(space, condition)
    plan = space.trc("plan", "p.trc", "--json", *options).json
    actions = {one["task"]: one["action"] for one in plan["tasks"]}
    assert actions == (
        dict.fromkeys(("stage", "load", "report", "after"), "run")
        if holds
        else {"stage": "run", "load": "omit", "report": "omit", "after": "run"}
    )


def test_who_reads_what_is_omitted_is_omitted_too(space: Any) -> None:
    _write(space, 'target.name == "prod"')
    omitted = {"stage": "success", "load": "omitted", "report": "omitted", "after": "success"}
    assert _states(space) == omitted
    assert sorted(path.name for path in (space.root / "out").iterdir()) == ["after.csv"]
    assert _states(space) == {**omitted, "stage": "skipped", "after": "skipped"}
    shown = space.trc("plan", "p.trc").out
    assert "its condition is false: target.name == 'prod'" in shown
    assert "reads load, which was omitted" in shown
    assert "2 to omit" in shown
    told = space.trc("explain", "task:report", "--json").json
    assert told["reason"]["code"] == "upstream_omitted"
    assert told["reason"]["detail"] == "load"


def test_what_was_made_under_a_condition_stays_and_counts(space: Any) -> None:
    _write(space, 'target.name == "prod"')
    assert set(_states(space, "--target", "prod").values()) == {"success"}
    made = space.read("out/load.csv")
    assert _states(space)["load"] == "omitted"
    assert space.read("out/load.csv") == made
    assert set(_states(space, "--target", "prod").values()) == {"skipped"}


def test_another_condition_is_no_other_result(space: Any) -> None:
    """Whether a task runs is no part of what it computes."""
    _write(space, "level > 0")
    _states(space)
    _write(space, "level > 0 or level < -5")
    assert set(_states(space).values()) == {"skipped"}


def test_force_runs_nothing_whose_condition_is_false(space: Any) -> None:
    _write(space, "level > 5")
    assert _states(space, "--force")["load"] == "omitted"
    assert _states(space, "--select", "load") == {"stage": "skipped", "load": "omitted"}


def test_what_is_omitted_is_left_alone_by_passes(space: Any) -> None:
    _write(space, 'target.name == "prod"')
    assert _states(space, "--optimise")["report"] == "omitted"
    told = space.trc("verify", "p.trc", "--json").json
    assert {one["verdict"] for one in told["sinks"]} == {"omitted", "equal"}
    assert set(_states(space, "--optimise", "--target", "prod").values()) <= {"success", "skipped"}


@pytest.mark.parametrize(
    ("condition", "code", "told"),
    [
        ("level", "TRC118", "a condition is true or false"),
        ("region", "TRC118", "this is a text"),
        ("level >", "TRC120", "wanted"),
        ("nobody == 1", "TRC114", 'nothing is called "nobody"'),
        ('run.date > "tomorrow"', "TRC118", '"tomorrow" is no date'),
        ('run.time > "noon"', "TRC118", '"noon" is no time'),
        ("level > region", "TRC112", "not supported"),
        ("run.date == run.time", "TRC118", "a date and a time are compared"),
        ('target.nam == "prod"', "TRC112", '"target" has no "nam"'),
        ("tasks.stage.row > 0", "TRC661", 'a task has no "row" that others could ask for'),
    ],
)
def test_a_condition_that_cannot_be_settled_is_a_mistake_at_its_place(
    space: Any, condition: str, code: str, told: str
) -> None:
    _write(space, condition)
    done = space.trc("run", "p.trc", code=2)
    assert code in done.err
    assert told in done.err
    assert "p.trc:11" in done.err
    assert not (space.root / "out").exists()


def test_yaml_says_it_alike(space: Any) -> None:
    space.write(
        "p.yaml",
        """
        name: shop
        params:
          level: {type: integer}
        nodes:
          - id: load
            type: duckdb_sql
            params: {sql: select 1 as x, output_uri: out/load.csv}
            when: "params['level'] > 3"
        """,
    )
    assert space.states("--param", "level=3") == {"load": "omitted"}
    assert space.states("--param", "level=4") == {"load": "success"}
    # Nobody gave a value: a check leaves it open, and a run cannot.
    assert space.trc("check", "p.yaml").code == 0
    assert "TRC214" in space.trc("run", "p.yaml", code=3).err
