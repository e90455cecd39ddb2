"""Plans that are saved and carried out later: fresh ones do what they say, stale ones nothing, and tell what moved."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.quick import few
from tests.warm import COMMANDS

PIPELINE = """
name: shop
imports: [sources.yaml]
params:
  least: {type: integer, default: 0}
targets:
  dev: {backend: local}
  prod: {backend: local, params: {least: 10}}
nodes:
  - id: clean
    type: duckdb_sql
    params:
      sql: select order_id, amount from orders where amount > {{ least }}
      output_uri: out/clean.csv
  - id: total
    type: duckdb_sql
    params: {sql: select sum(amount) as amount from clean, output_uri: out/total.csv}
  - id: note
    type: python
    params:
      entrypoint: tasks/note.py:note
      inputs: {total: total}
      output_uri: out/note.txt
      output_format: file
"""
SOURCES = """
sources:
  orders: {csv: "data/*.csv"}
"""
NOTE = """
from words import GREETING


def note(context):
    with open(context.output.path, "w") as file:
        file.write(GREETING + open(context.inputs["total"].path).read())
"""


@pytest.fixture
def shop(space: Any) -> Any:
    space.write("p.yaml", PIPELINE)
    space.write("sources.yaml", SOURCES)
    space.write("data/a.csv", "order_id,amount\n1,10\n2,20\n")
    space.write("tasks/note.py", NOTE)
    space.write("tasks/words.py", "GREETING = 'HELLO '\n")
    return space


def plan(space: Any, *options: str) -> None:
    space.trc("plan", "p.yaml", "-o", "p.trcplan", *options)


def states(space: Any, *options: str) -> dict[str, str]:
    report = space.trc("run", "p.trcplan", "--json", *options).json
    return {task["task"]: task["state"] for task in report["tasks"]}


def count_runs(space: Any) -> int:
    database = space.root / ".trc/state.db"
    if not database.is_file():
        return 0
    with sqlite3.connect(database) as connection:
        found: int = connection.execute("SELECT count(*) FROM runs").fetchone()[0]
    connection.close()
    return found


def is_stale(space: Any, *told: str, environ: dict[str, str] | None = None) -> None:
    before = count_runs(space)
    done = COMMANDS.run(["run", "p.trcplan", "--json"], space.root, environ)
    assert done.code == 2, done.err
    (found,) = done.json["diagnostics"]
    assert found["code"] == "TRC633"
    text = "\n".join([found["message"], *found["help"]])
    assert all(one in text for one in told), text
    assert "trc plan p.yaml" in found["help"][-1]
    assert count_runs(space) == before


def test_plan_is_carried_out_once(shop: Any) -> None:
    plan(shop)
    said = shop.trc("plan", "p.trcplan", "--json").json
    assert said["holds"]
    assert {task["task"]: task["action"] for task in said["plan"]["tasks"]} == {
        "clean": "run",
        "total": "run",
        "note": "run",
    }
    assert set(states(shop).values()) == {"success"}
    assert shop.read("out/total.csv") == "amount\n30\n"
    is_stale(shop, 'the task "clean" has a stored result now')


def test_what_may_be_skipped_stays_open(shop: Any) -> None:
    """A row that changes nothing: `maybe` in the plan is decided when it is carried out."""
    shop.write("p.yaml", PIPELINE.replace("{{ least }}", "15"))
    shop.states()
    shop.write("data/a.csv", "order_id,amount\n1,11\n2,20\n")
    plan(shop)
    said = shop.trc("plan", "p.trcplan", "--json").json["plan"]
    assert {task["task"]: task["action"] for task in said["tasks"]} == {
        "clean": "run",
        "total": "maybe",
        "note": "maybe",
    }
    assert states(shop) == {"clean": "success", "total": "skipped", "note": "skipped"}


def test_plan_of_nothing_to_do_runs_nothing(shop: Any) -> None:
    shop.states()
    plan(shop)
    assert set(states(shop).values()) == {"skipped"}
    # Nothing was stored, so it holds still.
    assert set(states(shop).values()) == {"skipped"}


def _write(name: str, text: str) -> Callable[[Path], object]:
    return lambda root: (root / name).write_text(text)


MOVES: dict[str, tuple[Callable[[Path], object], tuple[str, ...]]] = {
    "the pipeline": (_write("p.yaml", PIPELINE.replace("sum(", "max(")), ('the file "p.yaml" was edited',)),
    "a comment in the pipeline": (_write("p.yaml", PIPELINE + "# more\n"), ('the file "p.yaml" was edited',)),
    "a pipeline that is wrong now": (_write("p.yaml", "name: ["), ('the file "p.yaml" was edited',)),
    "an import": (_write("sources.yaml", SOURCES + "\n"), ('the file "sources.yaml" was edited',)),
    "an import that is gone": (lambda root: (root / "sources.yaml").unlink(), ('the file "sources.yaml" is gone',)),
    "code": (_write("tasks/note.py", NOTE + "\n\n"), ('the file "tasks/note.py" was edited',)),
    "code that code imports": (_write("tasks/words.py", "GREETING = 'BYE '\n"), ('the file "tasks/words.py" was edited',)),
    "code where it is looked for first": (_write("words.py", ""), ('the file "words.py" is there now',)),
    "a project file": (_write("trc.toml", ""), ('the file "trc.toml" is there now',)),
    "an input": (_write("data/a.csv", "order_id,amount\n1,10\n2,21\n"), ('the input "data/a.csv" changed',)),
    "an input that a pattern matches now": (
        _write("data/b.csv", "order_id,amount\n3,1\n"),
        ('the input "data/b.csv" is there now',),
    ),
    "two inputs": (
        lambda root: [(root / "data/a.csv").rename(root / "data/c.csv")],
        ('the input "data/a.csv" is gone', 'the input "data/c.csv" is there now'),
    ),
    "an output that is gone": (lambda root: (root / "out/note.txt").unlink(), ('the output "out/note.txt" is gone',)),
    "an output that was changed": (_write("out/total.csv", "x"), ('the output "out/total.csv" changed',)),
    "the state": (lambda root: shutil.rmtree(root / ".trc"), ("the state was .trc, and is not there now",)),
}  # fmt: skip


@pytest.mark.parametrize("what", few(MOVES, ("the pipeline", "two inputs", "the state")))
def test_what_moved_is_named(shop: Any, what: str) -> None:
    shop.states()
    plan(shop, "--force")
    move, told = MOVES[what]
    move(shop.root)
    is_stale(shop, *told)
    standing = shop.trc("plan", "p.trcplan", "--json").json
    assert not standing["holds"]
    assert all(any(one in found["text"] for found in standing["moved"]) for one in told)


def test_all_that_moved_is_named_at_once(shop: Any) -> None:
    shop.states()
    plan(shop)
    for what in ("the pipeline", "an input", "an output that is gone"):
        MOVES[what][0](shop.root)
    moved = shop.trc("plan", "p.trcplan", "--json").json["moved"]
    assert [(one["kind"], one["name"]) for one in moved] == [
        ("files", "p.yaml"),
        ("inputs", "data/a.csv"),
        ("outputs", "out/note.txt"),
    ]


def test_times_of_files_are_no_move(shop: Any) -> None:
    shop.states()
    plan(shop, "--force")
    os.utime(shop.root / "p.yaml")
    os.utime(shop.root / "data/a.csv")
    assert set(states(shop).values()) == {"success"}


def test_another_run_in_between_is_named(shop: Any) -> None:
    shop.states()
    plan(shop, "--force", "--select", "clean")
    shop.states("--force", "--select", "clean")
    is_stale(shop, 'the stored result of the task "clean" is another one')


def test_another_trc_is_named(shop: Any) -> None:
    plan(shop)
    edit(shop, lambda raw: raw["rests_on"]["trc"].update({"": "0.0.9"}))
    is_stale(shop, "the version of trc was 0.0.9, and is ")


def test_plan_that_says_something_else_is_not_carried_out(shop: Any) -> None:
    """An age that is passed leaves every fact as it was; a file that somebody wrote into says what no forecast does."""
    plan(shop)
    edit(shop, lambda raw: raw["plan"]["tasks"][0].update(action="skip"))
    is_stale(shop, 'the task "clean" was to be skipped, and is to run now: it has never succeeded before')


def test_result_that_became_too_old_is_named(space: Any) -> None:
    space.write("p.yaml", AGING)
    space.states()
    plan(space)
    with sqlite3.connect(space.root / ".trc/state.db") as connection:
        connection.execute("UPDATE results SET committed_at = committed_at - 7200")
    connection.close()
    is_stale(space, 'the task "one" was to be skipped, and is to run now: its last success is older than max_age')


def edit(space: Any, change: Callable[[Any], object]) -> None:
    raw = json.loads(space.read("p.trcplan"))
    change(raw)
    space.write("p.trcplan", json.dumps(raw))


CHOICES: dict[str, tuple[list[str], str]] = {
    "a target": (["--target", "prod"], "amount\n20\n"),
    "a parameter": (["--param", "least=15"], "amount\n20\n"),
    "parameters in a file": (["--params", "values/v.toml"], "amount\n20\n"),
    "a part": (["--select", "total"], "amount\n30\n"),
    "a time": (["--at", "2026-01-15"], "amount\n30\n"),
    "optimising": (["--optimise"], "amount\n30\n"),
}


@pytest.mark.parametrize("what", CHOICES)
def test_plan_holds_its_choices(shop: Any, what: str) -> None:
    options, expected = CHOICES[what]
    shop.write("values/v.toml", "least = 15\n")
    plan(shop, *options)
    assert set(states(shop, *options).values()) == {"success"}
    assert shop.read("out/total.csv") == expected
    assert (shop.root / "out/note.txt").exists() is (what != "a part")
    assert (shop.trc("runs", "--json").json["runs"][0]["logical_time"] == "2026-01-15T00:00:00+00:00") is (
        what == "a time"
    )
    # Planned again as the remedy says, everything is up to date.
    done = shop.trc("run", "p.trcplan", code=2)
    remedy = done.err.rpartition("plan again: `trc ")[2].partition("`")[0]
    shop.trc(*remedy.split())
    assert set(states(shop).values()) == {"skipped"}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--target", "dev"], "--target dev contradicts the plan, which was made with --target prod"),
        (["--param", "least=3"], "--param least=3 contradicts the plan, which was made with --param least=2"),
        (["--param", "most=3"], "--param most=3 contradicts the plan, which was made without it"),
        (["--at", "2026-01-15"], "--at 2026-01-15 contradicts the plan, which was made without --at"),
        (["--backend", "local"], "--backend local contradicts the plan, which was made without --backend"),
        (["--select", "clean"], "--select clean contradicts the plan, which was made without --select"),
        (["--no-optimise"], "--no-optimise contradicts the plan, which was made without it"),
        (["--params", "v.toml"], "contradicts the plan, which was made without --params"),
        (["--force"], "--force contradicts the plan, which was made without"),
    ],
)
def test_options_that_contradict_are_refused(shop: Any, options: list[str], told: str) -> None:
    plan(shop, "--target", "prod", "--param", "least=2")
    for command in ("run", "plan"):
        assert told in shop.trc(command, "p.trcplan", *options, code=3).err
    assert count_runs(shop) == 0


def test_variables_choose_for_the_plan(shop: Any) -> None:
    """What a variable chose is held; another one stands against it; one of other pipelines is not written down."""
    made = {"TRC_TARGET": "prod", "TRC_PARAM_ELSEWHERE": "hunter2hunter2"}
    assert COMMANDS.run(["plan", "p.yaml", "-o", "p.trcplan"], shop.root, made).code == 0
    assert "hunter2" not in shop.read("p.trcplan")
    is_stale(shop, "the variable TRC_TARGET is set", environ={"TRC_TARGET": "dev"})
    is_stale(shop, "the variable TRC_PARAM_LEAST is set", environ={"TRC_PARAM_LEAST": "3"})
    assert set(states(shop).values()) == {"success"}
    assert shop.read("out/total.csv") == "amount\n20\n"


def test_parameters_in_a_file_that_moved(shop: Any) -> None:
    shop.write("v.toml", "least = 15\n")
    plan(shop, "--params", "v.toml")
    shop.write("v.toml", "least = 5\n")
    is_stale(shop, 'the file "v.toml" was edited', "--params v.toml")


AGING = """
name: shop
nodes:
  - id: one
    type: duckdb_sql
    params: {sql: select 1 as one, output_uri: out/one.csv}
    incremental: {max_age_seconds: 3600}
"""
DATED = """
name: shop
nodes:
  - id: day
    type: duckdb_sql
    params: {sql: "select {{ run.WHAT }} as day", output_uri: out/day.csv}
"""


def test_date_that_passed_is_named(shop: Any) -> None:
    shop.write("p.yaml", DATED.replace("WHAT", "date"))
    plan(shop)
    edit(shop, lambda raw: raw["rests_on"]["time"].update({"": "2026-01-15"}))
    is_stale(shop, f"the logical time that the pipeline's values hold was 2026-01-15, and is {datetime.now(UTC):%Y}-")
    plan(shop, "--at", "2026-01-15")
    assert states(shop) == {"day": "success"}
    assert shop.read("out/day.csv") == "day\n2026-01-15\n"


def test_time_of_day_holds_only_if_it_is_said(shop: Any) -> None:
    shop.write("p.yaml", DATED.replace("WHAT", "time"))
    assert "plan with --at TIME" in shop.trc("plan", "p.yaml", "-o", "p.trcplan").err
    plan(shop, "--at", "2026-01-15T02:00")
    assert states(shop) == {"day": "success"}


def test_secret_is_not_written_down(shop: Any) -> None:
    shop.write(
        "p.yaml",
        """
        name: shop
        nodes:
          - id: load
            type: shell
            params: {command: 'test "$PASSWORD" = hunter2hunter2'}
            environment: {env: {PASSWORD: {secret: "env:SHOP_PASSWORD"}}}
        """,
    )
    environ = {"SHOP_PASSWORD": "hunter2hunter2"}
    assert COMMANDS.run(["plan", "p.yaml", "-o", "p.trcplan"], shop.root, environ).code == 0
    assert "hunter2" not in shop.read("p.trcplan")
    assert COMMANDS.run(["run", "p.trcplan"], shop.root, environ).code == 0


def test_python_pipeline_that_says_something_else_is_named(space: Any) -> None:
    """What a pipeline's code imports is not known; what it builds is."""
    space.write("numbers_of.py", "LEAST = 1\n")
    space.write(
        "p.py",
        """
        import sys
        from pathlib import Path

        import trc

        sys.path.insert(0, str(Path(__file__).parent))
        from numbers_of import LEAST

        p = trc.Pipeline("shop")
        p.add("one", trc.sql(f"select {LEAST} as one", output=trc.csv("out/one.csv")))
        """,
    )
    space.trc("plan", "p.py", "-o", "p.trcplan")
    space.write("numbers_of.py", "LEAST = 2\n")
    done = space.trc("run", "p.trcplan", code=2)
    assert '"sql" of the task "one" changed' in done.err
    space.trc("plan", "p.py", "-o", "p.trcplan")
    assert states(space) == {"one": "success"}


def test_project_moves_with_its_plan(shop: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    shop.states()
    (shop.root / "plans").mkdir()
    shop.trc("plan", "p.yaml", "--force", "-o", "plans/p.trcplan")
    other = tmp_path_factory.mktemp("moved") / "shop"
    shop.root.rename(other)
    moved = type(shop)(other)
    assert moved.trc("plan", "plans/p.trcplan", "--json").json["moved"] == []
    moved.trc("run", "plans/p.trcplan")
    other.rename(shop.root)


def test_plan_outside_of_its_project_finds_it(shop: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside")
    shop.trc("plan", "p.yaml", "-o", str(outside / "p.trcplan"))
    assert COMMANDS.run(["run", "p.trcplan"], outside).code == 0
    assert shop.read("out/total.csv") == "amount\n30\n"


def _make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "no file": (lambda path: path.unlink(), "there is no such file"),
    "a folder": (_make_folder, "is a directory"),
    "other bytes": (lambda path: path.write_bytes(b"\xff\xfe\x00"), "it is not UTF-8 text"),
    "no JSON": (lambda path: path.write_text("name: shop\n"), "it is not JSON (line 1, column 1)"),
    "an empty file": (lambda path: path.write_text(""), "it ends too early"),
    "half of it": (lambda path: path.write_text(path.read_text()[:700]), "it ends too early"),
    "half of a word": (lambda path: path.write_text(path.read_text()[:12]), "it ends too early"),
    "other JSON": (lambda path: path.write_text("[1]"), "it is JSON, but no saved plan"),
    "no depth": (lambda path: path.write_text("[" * 100_000), "it is not JSON"),
    "another version": (
        lambda path: path.write_text(path.read_text().replace('"version": 1', '"version": 2', 1)),
        "its format has the version 2, and this trc reads 1",
    ),
    "a field less": (
        lambda path: path.write_text(path.read_text().replace('"made_at"', '"made"')),
        '"made_at" is not as trc writes it',
    ),
    "a wrong plan": (
        lambda path: path.write_text(path.read_text().replace('"logical_time"', '"at"')),
        '"plan" is not as trc writes it',
    ),
    "a pipeline that is gone": (
        lambda path: (path.parent / "p.yaml").rename(path.parent / "q.yaml"),
        'its pipeline is gone, there is no file "p.yaml"',
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_what_is_no_plan_is_told(shop: Any, what: str) -> None:
    plan(shop)
    harm, told = BAD[what]
    harm(shop.root / "p.trcplan")
    for command in ("run", "plan"):
        done = shop.trc(command, "p.trcplan", code=2)
        assert "error[TRC634]" in done.err
        assert told in done.err
        assert "plan again" in done.err
    assert count_runs(shop) == 0


def test_plan_is_written_whole_under_its_own_name(shop: Any) -> None:
    assert 'ends in ".trcplan"' in shop.trc("plan", "p.yaml", "-o", "p.json", code=3).err
    plan(shop)
    assert "is saved already" in shop.trc("plan", "p.trcplan", "-o", "q.trcplan", code=3).err
    before = shop.read("p.trcplan")
    shop.write("broken.yaml", "name: [")
    shop.trc("plan", "broken.yaml", "-o", "p.trcplan", code=2)
    assert shop.read("p.trcplan") == before
    shop.trc("plan", "p.yaml", "-o", "nowhere/p.trcplan", code=3)
    assert [one.name for one in shop.root.iterdir() if "trcplan" in one.name] == ["p.trcplan"]


SLOW = """
name: shop
nodes:
  - id: slow
    type: shell
    params:
      command: 'echo begun > begun; cat gate > "$TRC_OUTPUT_OUTPUT"'
      inputs: {}
      output_uri: out/slow.txt
      output_format: file
    incremental: {}
"""


def test_what_moves_while_it_waits_for_another_run_is_seen(space: Any) -> None:
    """The plan holds when the run is asked for, and no more when it may begin: nothing of it is done."""
    space.write("p.yaml", SLOW)
    os.mkfifo(space.root / "gate")
    plan(space)
    first = space.start("run", "p.yaml")
    # Opens once the task reads.
    with (space.root / "gate").open("w") as gate:
        second = space.start("run", "p.trcplan")
        assert second.stderr is not None
        line = second.stderr.readline()
        assert "waiting" in line, line
        gate.write("done\n")
    assert first.wait(60) == 0
    _, told = second.communicate(timeout=60)
    assert second.returncode == 2, told
    assert 'the task "slow" was to run, and is to be skipped now' in told
    runs = space.trc("runs", "--json").json["runs"]
    assert [one["state"] for one in runs] == ["canceled", "success"]
