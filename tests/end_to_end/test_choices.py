"""Params, targets and times reach the tasks that use them, and no answer that was kept stands for other ones."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.quick import few

NOTHING = "nothing to do"
_TRIES = 30

PIPELINE = """
name: p
params:
  region: {type: string, default: eu}
  unused: {type: integer, default: 1}
  day: {type: date, default: "{{ run.date }}"}
targets:
  prod: {backend: local, params: {region: of-prod}}
  ci: {backend: local, params: {region: of-ci}}
nodes:
  - id: region
    type: duckdb_sql
    params: {sql: "select {{ region }} as r", output_uri: out/region.csv}
  - id: fixed
    type: duckdb_sql
    params: {sql: "select 1 as x", output_uri: out/fixed.csv}
"""
DATED = (
    PIPELINE
    + """
  - id: dated
    type: duckdb_sql
    params: {sql: "select {{ day }} as d", output_uri: out/dated.csv}
"""
)


def _until_it_stands(space: Any) -> None:
    for _ in range(_TRIES):
        if NOTHING in space.trc("run", "p.yaml").out:
            return
    raise AssertionError("no run was answered at a glance")


def _edit_unseen(path: Path, text: str) -> None:
    stat = path.stat()
    assert len(text) == stat.st_size
    path.write_text(text)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def _region(space: Any) -> str:
    return str(space.read("out/region.csv").split()[1])


def _actions(space: Any, *arguments: str) -> dict[str, str]:
    plan = space.trc("plan", "p.yaml", "--json", *arguments).json
    return {task["task"]: task["action"] for task in plan["tasks"]}


WAYS: dict[str, tuple[tuple[str, ...], dict[str, str], str]] = {
    "a parameter": (("--param", "region=cli"), {}, "cli"),
    "a file": (("--params", "values.yaml"), {}, "of-file"),
    "a variable": ((), {"TRC_PARAM_REGION": "of-variable"}, "of-variable"),
    "a target": (("--target", "prod"), {}, "of-prod"),
    "a variable that names a target": ((), {"TRC_TARGET": "ci"}, "of-ci"),
    "a file over a target": (("--target", "prod", "--params", "values.yaml"), {}, "of-file"),
    "a variable over a file": (("--params", "values.yaml"), {"TRC_PARAM_REGION": "v"}, "v"),
    "a parameter over all": (("--param", "region=x", "--params", "values.yaml"), {"TRC_PARAM_REGION": "v"}, "x"),
    "the command line's target over the variable's": (("--target", "prod"), {"TRC_TARGET": "ci"}, "of-prod"),
    "the last of two": (("--param", "region=x", "--param", "region=y"), {}, "y"),
}


@pytest.mark.parametrize("way", few(WAYS, ("a variable that names a target", "a parameter over all")))
def test_standing_answer_is_for_its_own_choices(space: Any, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    """The plain run stands; other choices run what uses them, and the plain run then runs it again."""
    arguments, variables, expected = WAYS[way]
    space.write("p.yaml", PIPELINE)
    space.write("values.yaml", "region: of-file\n")
    _until_it_stands(space)
    with monkeypatch.context() as given:
        for name, value in variables.items():
            given.setenv(name, value)
        # As it is typed: with --json, say, no answer that stands is looked for.
        assert NOTHING not in space.trc("run", "p.yaml", *arguments).out
        assert _region(space) == expected
    assert NOTHING not in space.trc("run", "p.yaml").out
    assert _region(space) == "eu"


@pytest.mark.long
def test_kept_spec_is_for_its_own_choices(space: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was compiled for one choice is never planned with for another: all of them in turn, all kept."""
    space.write("p.yaml", PIPELINE)
    space.write("values.yaml", "region: of-file\n")
    _until_it_stands(space)
    for _ in range(2):
        for arguments, variables, _expected in WAYS.values():
            with monkeypatch.context() as given:
                for name, value in variables.items():
                    given.setenv(name, value)
                assert _actions(space, *arguments) == {"region": "run", "fixed": "skip"}
            assert _actions(space) == {"region": "skip", "fixed": "skip"}
    assert _actions(space, "--param", "unused=7") == {"region": "skip", "fixed": "skip"}


MOVES: dict[str, tuple[Callable[[Any], object], str]] = {
    "the file of parameters, with its size and time kept": (
        lambda space: _edit_unseen(space.root / "values.yaml", "region: no-file\n"),
        "no-file 1",
    ),
    "an imported file": (
        lambda space: _edit_unseen(space.root / "common.yaml", "params: {other: {type: integer, default: 2}}\n"),
        "of-file 2",
    ),
    "a file of macros": (
        lambda space: _edit_unseen(space.root / "m.jinja", "{% macro m(x) %}{{ x }} || '-'{% endmacro %}"),
        "of-file 1-",
    ),
    "the project file": (lambda space: space.write("trc.toml", "[defaults]\nmetadata = {a = 1}\n"), "of-file 1"),
}


@pytest.mark.parametrize("what", few(MOVES, ("the file of parameters, with its size and time kept",)))
def test_files_behind_choices_are_watched(space: Any, what: str) -> None:
    move, expected = MOVES[what]
    sql = "select {{ region }} || ' ' || {{ m(other) }} as r"
    space.write("p.yaml", "imports: [common.yaml, m.jinja]\n" + PIPELINE.replace("select {{ region }} as r", sql))
    space.write("values.yaml", "region: of-file\n")
    space.write("common.yaml", "params: {other: {type: integer, default: 1}}\n")
    space.write("m.jinja", "{% macro m(x) %}{{ x }} || '' {% endmacro %}")
    for _ in range(8):
        space.trc("run", "p.yaml", "--params", "values.yaml")
    move(space)
    space.trc("run", "p.yaml", "--params", "values.yaml")
    assert space.read("out/region.csv").splitlines()[1].strip() == expected.strip()


def test_date_is_part_of_what_is_kept(space: Any) -> None:
    space.write("p.yaml", DATED)
    for _ in range(8):
        space.trc("run", "p.yaml", "--at", "2026-01-01")
    assert "2026-01-01" in space.read("out/dated.csv")
    assert _actions(space, "--at", "2026-01-02") == {"region": "skip", "fixed": "skip", "dated": "run"}
    assert _actions(space, "--at", "2026-01-01") == {"region": "skip", "fixed": "skip", "dated": "skip"}
    assert _actions(space)["dated"] == "run"
    assert space.states("--at", "2026-01-02")["dated"] == "success"
    assert "2026-01-02" in space.read("out/dated.csv")


def test_time_of_the_run_is_never_kept(space: Any) -> None:
    space.write("p.yaml", PIPELINE.replace("select {{ region }} as r", "select {{ run.time }} as r"))
    for _ in range(6):
        assert NOTHING not in space.trc("run", "p.yaml").out
    assert not list((space.root / ".trc").glob("compiled/*"))


def test_explain_shows_the_value_that_changed(space: Any) -> None:
    space.write("p.yaml", PIPELINE)
    space.states()
    space.states("--param", "region=us")
    (change,) = space.why("region")["changes"]
    assert ("'eu'" in change["old"], "'us'" in change["new"]) == (True, True)


def test_logical_time_is_in_the_zone_of_the_schedule(space: Any) -> None:
    zoned = DATED.replace("params:\n", "schedule: {cron: '0 2 * * *', timezone: America/New_York}\nparams:\n", 1)
    space.write("p.yaml", zoned)
    for at, day in (("2026-01-31", "2026-01-31"), ("2026-01-31T03:00+00:00", "2026-01-30")):
        report = space.trc("run", "p.yaml", "--json", "--at", at).json
        assert day in space.read("out/dated.csv"), report


def test_json_of_the_ir_is_equal_for_equal_conditions(space: Any) -> None:
    for name, condition in (("a", "target.name=='prod'"), ("b", 'target.name  ==  "prod"')):
        space.write(
            f"{name}/p.yaml", PIPELINE.replace("  - id: fixed", f"  - id: fixed\n    when: {json.dumps(condition)}")
        )
    a, b = (space.trc("compile", f"{name}/p.yaml", "--emit", "ir").out for name in "ab")
    assert a == b
    report = space.trc("run", "a/p.yaml", "--json").json
    assert {one["task"]: one["state"] for one in report["tasks"]} == {"region": "success", "fixed": "omitted"}


def test_unfinished_run_goes_on_at_its_own_time(space: Any) -> None:
    """A run that was killed is taken up with the values it began with, though its templates read the time."""
    slow = (
        PIPELINE.replace("select {{ region }} as r", "select {{ run.time }} as r")
        + """
  - id: slow
    type: shell
    params: {command: "until [ -f go ]; do sleep 0.05; done; echo x > $TRC_OUTPUT_OUTPUT", output_uri: out/slow.csv}
"""
    )
    space.write("p.yaml", slow)
    process = space.start("run", "p.yaml")
    while not (space.root / "out/region.csv").is_file() or not (space.root / "out/fixed.csv").is_file():
        assert process.poll() is None
    first = _region(space)
    process.kill()
    process.wait()
    (space.root / "go").touch()
    report = space.trc("run", "p.yaml", "--json").json
    assert report["run"]["resumed"] == 1
    assert _region(space) == first
    assert space.trc("runs", "--json").json["runs"][0]["state"] == "success"
    assert len(space.trc("runs", "--json").json["runs"]) == 1


def test_other_values_are_another_run(space: Any) -> None:
    """An unfinished run is taken up for equal values only, used or not."""
    waiting = (
        PIPELINE
        + """
  - id: slow
    type: shell
    params: {command: "echo began > began; until [ -f go ]; do sleep 0.05; done; echo x > $TRC_OUTPUT_OUTPUT", output_uri: out/slow.csv}
"""
    )
    space.write("p.yaml", waiting)
    process = space.start("run", "p.yaml", "--param", "unused=1")
    while not (space.root / "began").is_file():
        assert process.poll() is None
    process.kill()
    process.wait()
    (space.root / "go").touch()
    space.trc("run", "p.yaml", "--param", "unused=2")
    states = {run["state"] for run in space.trc("runs", "--json").json["runs"]}
    assert states == {"success", "abandoned"}


@pytest.mark.parametrize("way", few(("a parameter", "a file", "a target"), ("a target",)))
def test_run_with_choices_leaves_no_answer_for_a_plain_one(space: Any, way: str) -> None:
    """Not even when it had nothing to do, and all that it looked at is settled."""
    arguments, _variables, expected = WAYS[way]
    space.write("p.yaml", PIPELINE)
    space.write("values.yaml", "region: of-file\n")
    began = time.monotonic()
    while time.monotonic() - began < 5:
        space.trc("run", "p.yaml", *arguments)
    assert _region(space) == expected
    assert NOTHING not in space.trc("run", "p.yaml").out
    assert _region(space) == "eu"


def test_what_a_target_says_of_its_backend_is_refused_where_it_is_chosen(space: Any) -> None:
    space.write(
        "p.trc",
        """
        pipeline "p" { }
        target "ci" {
          backend = "docker"
          docker { network = "none" }
        }
        task one = sql $$ select 1 as one $$
        """,
    )
    told = space.trc("plan", "p.trc", "--target", "ci", code=2).err
    assert 'error[TRC501]: settings of the backend "docker" in a target are checked but not used' in told
    assert "p.trc:4:3" in told
    assert "= write them in the table [docker] of trc.toml" in told
    space.trc("plan", "p.trc")
