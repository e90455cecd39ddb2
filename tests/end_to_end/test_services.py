"""Circuit breakers of services that tasks need, across runs, and deadlines of single tasks."""

from __future__ import annotations

import os
import time
from typing import Any

NEEDY = """
pipeline "{name}" {{ }}

defaults {{
  breaker {{ service = "crm", failures = 2, rest = {rest} }}
  retry {{ retry_on = [75] }}
}}
"""
TASK = "task {name} = shell $$ {body} $$\n"
DOWN = "echo {name} >> log; test -e up || exit 75"


def _write(space: Any, name: str, body: str = DOWN, *, count: int = 2, rest: str = "300ms", more: str = "") -> None:
    tasks = "".join(TASK.format(name=f"t{number}", body=body.format(name=name)) for number in range(count))
    space.write(f"{name}.trc", NEEDY.format(name=name, rest=rest) + tasks + more)


def _await(run: Any, *words: str) -> None:
    """Reads what the run tells until a line holds these words."""
    assert any(all(word in line for word in words) for line in run.stderr), words


def test_after_failures_in_a_row_other_runs_wait_until_a_probe_succeeds(space: Any) -> None:
    _write(space, "p", rest="2s")
    space.trc("run", "p.trc", code=1)
    _write(space, "q", count=3)
    run = space.start("run", "q.trc")
    _await(run, "waits", 'waits for the service "crm", which was found to be down')
    assert space.trc("status").out.count('the service "crm"') == 3
    assert "q" not in space.read("log")
    space.write("up", "")
    run.communicate(timeout=60)
    assert run.returncode == 0
    assert space.read("log").split() == ["p", "p", "q", "q", "q"]
    # It is closed again: nobody waits.
    began = time.monotonic()
    space.trc("run", "q.trc")
    assert time.monotonic() - began < 2


def test_while_it_is_half_open_one_attempt_runs_at_a_time(space: Any) -> None:
    _write(space, "p")
    space.trc("run", "p.trc", code=1)
    _write(space, "q", "mkdir busy || exit 9; sleep 0.05; rmdir busy; exit 75", count=3)
    done = space.trc("run", "q.trc", "--workers", "3", "--json", code=1).json
    assert [one["error"]["exit_code"] for one in done["tasks"]] == [75, 75, 75]


def test_a_retry_waits_as_well(space: Any) -> None:
    _write(space, "p", count=1, more="")
    space.write("p.trc", space.read("p.trc").replace("[75]", "[75], attempts = 5, initial = 0s"))
    run = space.start("run", "p.trc")
    _await(run, "waits", 'the service "crm"')
    space.write("up", "")
    run.communicate(timeout=60)
    assert run.returncode == 0


def test_other_failures_say_nothing_of_the_service(space: Any) -> None:
    _write(space, "p", "exit 3", count=4, rest="1h")
    space.trc("run", "p.trc", code=1)
    _write(space, "q", "true")
    space.trc("run", "q.trc")


def test_a_success_in_between_closes_it(space: Any) -> None:
    _write(space, "p", count=1, rest="1h")
    space.trc("run", "p.trc", code=1)
    _write(space, "q", "true", count=1, rest="1h")
    space.trc("run", "q.trc")
    space.trc("run", "p.trc", "--new", code=1)
    # One in a row, not two.
    space.trc("run", "q.trc")


def test_a_probe_whose_driver_dies_is_given_up(space: Any) -> None:
    _write(space, "p")
    space.trc("run", "p.trc", code=1)
    _write(space, "q", "cat gate", count=1)
    os.mkfifo(space.root / "gate")
    dead = space.start("run", "q.trc")
    gate = os.open(space.root / "gate", os.O_WRONLY)
    _write(space, "r", "echo r >> log")
    waiting = space.start("run", "r.trc")
    _await(waiting, "waits", 'the service "crm"')
    dead.kill()
    dead.wait()
    os.close(gate)
    waiting.communicate(timeout=60)
    assert waiting.returncode == 0


def test_a_canceled_probe_lets_another_try(space: Any) -> None:
    _write(space, "p")
    space.trc("run", "p.trc", code=1)
    _write(space, "q", "cat gate", count=1, more="task other = shell $$ true $$\n")
    os.mkfifo(space.root / "gate")
    run = space.start("run", "q.trc")
    gate = os.open(space.root / "gate", os.O_WRONLY)
    space.trc("cancel", "--task", "t0")
    run.communicate(timeout=60)
    os.close(gate)
    assert {one["task"]: one["state"] for one in space.trc("status", "--json").json["tasks"]} == {
        "t0": "canceled",
        "other": "success",
    }


LATE = """
pipeline "p" { }

task slow = shell $$ test -e calm || sleep 60 $$ { deadline = 1s }
task rests = shell $$ test -e calm $$ { deadline = 1s, retry { attempts = 3, initial = 1h, jitter = none } }
task waits = shell $$ true $$ { deadline = 1s, needs = [held] }
task held = shell $$ test -e calm || sleep 2 $$
task below = shell $$ true $$ { needs = [slow] }
task apart = shell $$ true $$ { needs = [slow on completion], deadline = 1h }
task each = shell $$ test -e calm || sleep $TRC_ITEM $$ { for_each = ["0", "60"], deadline = 1s }
"""


def _states(space: Any, *arguments: str, code: int) -> dict[str, str]:
    return {one["task"]: one["state"] for one in space.trc(*arguments, "--json", code=code).json["tasks"]}


def test_a_task_that_is_not_done_by_its_deadline_has_failed_and_others_go_on(space: Any) -> None:
    space.write("p.trc", LATE)
    done = space.trc("run", "p.trc", "--workers", "4", "--json", code=1).json
    assert {one["task"]: one["state"] for one in done["tasks"]} == {
        "slow": "failure",
        "rests": "failure",
        "waits": "failure",
        "held": "success",
        "below": "upstream_failed",
        "apart": "success",
        "each": "upstream_failed",
        "each[0]": "success",
        "each[60]": "failure",
    }
    assert {one["code"] for one in done["diagnostics"]} == {"TRC650"}
    failed = {one["task"] for one in done["tasks"] if one["state"] != "success"}
    space.write("calm", "")
    assert {state for task, state in _states(space, "retry", code=0).items() if task in failed} == {"success"}


def _breakers(space: Any) -> dict[str, dict[str, Any]]:
    return {one["service"]: one for one in space.trc("breakers", "list", "--json").json["breakers"]}


def test_breakers_are_listed_as_they_stand(space: Any) -> None:
    _write(space, "p", "exit 75", count=1, rest="1h")
    space.trc("run", "p.trc", code=1)
    found = _breakers(space)["crm"]
    assert (found["state"], found["failures"], found["until"], found["opened"]) == ("closed", 1, None, 0)
    assert "1 failure in a row, the last at" in space.trc("breakers", "list").out
    space.trc("run", "p.trc", code=1)
    found = _breakers(space)["crm"]
    assert (found["state"], found["failures"], found["opened"], found["probe"]) == ("open", 0, 1, None)
    assert found["until"] is not None
    assert "crm" in space.trc("breakers", "list").out


def test_nothing_is_listed_before_a_task_has_told_of_a_service(space: Any) -> None:
    space.write("p.trc", 'pipeline "p" {}\ntask a = shell $$ true $$\n')
    space.trc("run", "p.trc")
    assert "no task has told of a service" in space.trc("breakers", "list").err
    told = space.trc("breakers", "reset", "crm", code=3).err
    assert 'error[TRC609]: nothing is recorded of a service "crm"' in told
    assert "no task has told of a service yet" in told


def test_a_service_that_is_reset_keeps_nobody_waiting(space: Any) -> None:
    _write(space, "p", rest="1h")
    space.trc("run", "p.trc", code=1)
    _write(space, "q", count=1, rest="1h")
    run = space.start("run", "q.trc")
    _await(run, "waits", 'waits for the service "crm"')
    space.write("up", "")
    assert space.trc("breakers", "reset", "crm", "other", code=3).err.count('"other"') == 1
    assert _breakers(space)["crm"]["state"] == "open"
    assert "crm was open, and is closed" in space.trc("breakers", "reset", "crm").err
    run.communicate(timeout=60)
    assert run.returncode == 0
    found = _breakers(space)["crm"]
    assert (found["state"], found["failures"], found["opened"]) == ("closed", 0, 0)


def test_the_attempt_that_probes_is_named(space: Any) -> None:
    _write(space, "p")
    space.trc("run", "p.trc", code=1)
    _write(space, "q", "echo begun; read line < gate", count=1)
    os.mkfifo(space.root / "gate")
    run = space.start("run", "q.trc")
    # Opens once the probe reads.
    opened = os.open(space.root / "gate", os.O_WRONLY)
    found = _breakers(space)["crm"]
    assert found["state"] == "half_open"
    assert found["probe"]["task"] == "t0"
    assert f"t0 of run {found['probe']['run']} probes it" in space.trc("breakers", "list").out
    os.write(opened, b"go\n")
    os.close(opened)
    run.communicate(timeout=60)
    assert run.returncode == 0
    assert _breakers(space)["crm"]["state"] == "closed"
