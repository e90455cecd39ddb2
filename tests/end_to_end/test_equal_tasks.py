"""Tasks that are equal to others, in their own run or in another, are not run twice."""

from __future__ import annotations

import os
from typing import Any

import pytest

KEYED = """
pipeline "{name}" {{ }}

task once = shell $$ echo {name} >> log; {body} $$ {{
  metadata {{ customer = "acme" }}
  dedupe = [{{ state = {state}, fields = [customer] }}]
}}
task after = shell $$ echo after {name} >> log $$ {{ needs = [once] }}
"""
MADE = """
pipeline "p" { }

task once = shell $$ echo x >> log; test -e calm || cat gate; echo made > "$TRC_OUTPUT_OUTPUT" $$ {
  outputs { output = { } }
  dedupe = [{ state = running }]
}
task after = shell $$ cat "$TRC_INPUT_ONCE" >> log $$ { inputs = [once] }
"""


def _begun(space: Any, *arguments: str) -> tuple[Any, int]:
    """A run whose task waits at a gate, and the gate."""
    os.mkfifo(space.root / "gate")
    run = space.start("run", *arguments)
    return run, os.open(space.root / "gate", os.O_WRONLY)


def _await(run: Any, *words: str) -> None:
    """Reads what the run tells until a line holds these words."""
    assert any(all(word in line for word in words) for line in run.stderr), words


def _end(run: Any, code: int = 0) -> None:
    said = run.communicate(timeout=60)
    assert run.returncode == code, said


def _write(space: Any, *names: str, state: str = "running", body: str = "test -e calm || cat gate") -> None:
    for name in names:
        space.write(f"{name}.trc", KEYED.format(name=name, state=state, body=body))


def test_a_second_run_waits_for_the_first_and_takes_its_outcome(space: Any) -> None:
    _write(space, "p", "q")
    first, gate = _begun(space, "p.trc")
    second = space.start("run", "q.trc")
    _await(second, "waits", "once", 'waits for the end of the equal task "once" of run')
    os.close(gate)
    _end(first)
    _end(second)
    assert sorted(space.read("log").splitlines()) == ["after p", "after q", "p"]
    assert "deduped" in str(space.why("once"))
    assert "the equal task" in space.trc("explain", "once").out


def test_readers_find_what_the_first_has_made(space: Any) -> None:
    space.write("p.trc", MADE)
    first, gate = _begun(space, "p.trc")
    second = space.start("run", "p.trc", "--new")
    _await(second, "waits", "once")
    os.close(gate)
    _end(first)
    _end(second)
    assert space.read("log").splitlines() == ["x", "made", "made"]


def test_the_failure_of_the_first_is_that_of_the_second(space: Any) -> None:
    _write(space, "p", "q", body="cat gate; exit 3")
    first, gate = _begun(space, "p.trc")
    second = space.start("run", "q.trc", "--json")
    _await(second, "waits", "once")
    os.close(gate)
    _end(first, 1)
    said, _ = second.communicate(timeout=60)
    assert second.returncode == 1
    assert "TRC651" in said
    assert 'the equal task \\"once\\" of run' in said
    assert "has failed: the command ended with exit code 3" in said
    assert space.read("log").split() == ["p"]
    # It is no failure of its own: once the cause is gone, it runs.
    _write(space, "q", body="true")
    space.trc("run", "q.trc")


def test_a_driver_that_dies_keeps_nobody_waiting(space: Any) -> None:
    _write(space, "p", "q")
    first, gate = _begun(space, "p.trc")
    second = space.start("run", "q.trc")
    _await(second, "waits", "once")
    space.write("calm", "")
    first.kill()
    first.wait()
    os.close(gate)
    _end(second)
    assert space.read("log").splitlines() == ["p", "q", "after q"]
    # Who takes it up finds nobody on the way.
    assert space.trc("run", "p.trc", "--json").json["run"]["state"] == "success"
    assert space.read("log").splitlines().count("p") == 2


@pytest.mark.parametrize("what", ["cancel", "pause"])
def test_who_is_canceled_or_never_began_keeps_nobody_waiting(space: Any, what: str) -> None:
    """The one that others wait for has no room: it never begins, and then somebody ends it, or pauses it."""
    busy = (
        "defaults { concurrency = [{ max = 1, match = { fields = [pipeline] } }] }\ntask busy = shell $$ cat gate $$\n"
    )
    space.write("p.trc", KEYED.format(name="p", state="running", body="true").replace("task once", f"{busy}task once"))
    _write(space, "q", body="true")
    first, gate = _begun(space, "p.trc")
    second = space.start("run", "q.trc")
    _await(second, "waits", "once")
    space.trc(what, "--task", "once", space.trc("runs", "--json").json["runs"][1]["id"])
    _end(second)
    assert space.read("log").splitlines() == ["q", "after q"]
    space.trc("cancel", space.trc("runs", "--json").json["runs"][1]["id"])
    os.close(gate)
    first.communicate(timeout=60)


@pytest.mark.parametrize(("state", "runs"), [("success", 1), ("running", 2)])
def test_one_that_has_succeeded_counts_where_the_rule_says_so(space: Any, state: str, runs: int) -> None:
    _write(space, "p", "q", state=state, body="true")
    space.trc("run", "p.trc")
    done = space.trc("run", "q.trc", "--json").json
    states = {task["task"]: task["state"] for task in done["tasks"]}
    assert states == {"once": "skipped" if runs == 1 else "success", "after": "success"}
    assert sum(line in {"p", "q"} for line in space.read("log").splitlines()) == runs
    # Asked to run, it does.
    space.trc("run", "q.trc", "--force")
    assert sum(line in {"p", "q"} for line in space.read("log").splitlines()) == runs + 1


def test_what_is_equal_only_in_other_fields_runs(space: Any) -> None:
    _write(space, "p", state="success", body="true")
    space.trc("run", "p.trc")
    space.write("p.trc", KEYED.format(name="p", state="success", body="true").replace("acme", "other"))
    space.trc("run", "p.trc")
    assert space.read("log").splitlines().count("p") == 2


def test_equal_tasks_of_one_run_run_once(space: Any) -> None:
    space.write(
        "p.trc",
        """
        pipeline "p" { }
        defaults { dedupe = [{ state = success, fields = [who] }] }
        task one = shell $$ echo ran >> log $$ { metadata { who = "acme" } }
        task two = shell $$ echo ran >> log $$ { metadata { who = "acme" } }
        task three = shell $$ echo ran >> log $$ { metadata { who = "other" } }
        task each = shell $$ echo ran >> log $$ { metadata { who = "acme" }, for_each = ["a", "b"] }
        """,
    )
    done = space.trc("run", "p.trc", "--json").json
    assert done["run"]["state"] == "success"
    assert len(space.read("log").split()) == 4


def test_outputs_that_are_gone_stand_for_nothing(space: Any) -> None:
    rule = "dedupe = [{ state = success, fields = [customer] }]\n  metadata { customer = 1 }"
    space.write(
        "p.trc",
        'pipeline "p" { }\ntask once = shell $$ echo x >> log; echo made > "$TRC_OUTPUT_OUTPUT" $$ {\n'
        f'  output = file("out/made.txt")\n  {rule}\n}}\n',
    )
    space.trc("run", "p.trc")
    assert [one["state"] for one in space.trc("run", "p.trc", "--json").json["tasks"]] == ["skipped"]
    (space.root / "out" / "made.txt").unlink()
    assert [one["state"] for one in space.trc("run", "p.trc", "--json").json["tasks"]] == ["success"]
    assert space.read("log").split() == ["x", "x"]


def test_a_state_that_waits_for_needs_is_refused(space: Any) -> None:
    _write(space, "p", state="waiting")
    (found,) = space.trc("run", "p.trc", "--json", code=2).json["diagnostics"]
    assert found["code"] == "TRC501"
    assert "write pending" in " ".join(found["help"])
