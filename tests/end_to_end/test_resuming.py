"""A run whose driver is killed goes on where it was: nothing twice, nothing half."""

from __future__ import annotations

import os
import select
import signal
from typing import Any

import pytest
from tests.quick import few

CHAIN = 8


def _pipeline() -> str:
    nodes = [
        f"""
  - id: t{number}
    type: python
    params:
      entrypoint: t.py:step
      inputs: {{{f"before: t{number - 1}" if number else ""}}}
      args: {{number: {number}}}
      output_uri: out/{number}.txt
      output_format: file
    incremental: {{enabled: true}}
"""
        for number in range(CHAIN)
    ]
    return "name: chain\nnodes:\n" + "".join(nodes)


STEP = """
import os


def step(context):
    number = context.args["number"]
    with open("ran", "a") as file:
        file.write(f"{number}\\n")
    if os.path.exists(f"gate{number}"):
        with open("pid", "w") as file:
            file.write(str(os.getpid()))
        open(f"gate{number}").read()
    before = open(context.inputs["before"].path).read() if context.inputs else ""
    with open(context.output.path, "w") as file:
        file.write(before)
        file.flush()
        if os.path.exists(f"half{number}"):
            open(f"half{number}").read()
        file.write(f"{number}\\n")
"""


def _kill_at(space: Any, number: int, gate: str) -> None:
    """Runs until task `number` waits at its gate, and kills the orchestrator there."""
    os.mkfifo(space.root / f"{gate}{number}")
    process = space.start("run", "p.yaml")
    opened = os.open(space.root / f"{gate}{number}", os.O_WRONLY)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    if gate == "gate":
        _wait_for_death(int(space.read("pid")))
    os.close(opened)
    (space.root / f"{gate}{number}").unlink()


def _wait_for_death(pid: int) -> None:
    try:
        worker = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    assert select.select([worker], [], [], 30)[0], "a worker outlived its driver"
    os.close(worker)


@pytest.mark.parametrize("gate", ["gate", "half"])
@pytest.mark.parametrize("number", few((0, 3, CHAIN - 1), (3,)))
def test_killed_run_goes_on_under_its_id(space: Any, number: int, gate: str) -> None:
    space.write("p.yaml", _pipeline())
    space.write("t.py", STEP)
    _kill_at(space, number, gate)
    killed = space.trc("status", "--json").json
    assert killed["run"]["state"] == "running"
    assert not killed["alive"]
    finished = {path.name for path in (space.root / "out").glob("*")} if (space.root / "out").exists() else set()
    assert finished == {f"{done}.txt" for done in range(number)}

    report = space.trc("run", "p.yaml", "--json").json
    assert report["resumed"]
    assert report["run"]["id"] == killed["run"]["id"]
    assert {task["state"] for task in report["tasks"]} == {"success"}
    counts = [space.read("ran").splitlines().count(str(task)) for task in range(CHAIN)]
    assert counts == [2 if task == number else 1 for task in range(CHAIN)]
    assert space.read(f"out/{CHAIN - 1}.txt") == "".join(f"{task}\n" for task in range(CHAIN))
    assert not list((space.root / ".trc/staging").rglob("*.*"))
    assert set(space.states().values()) == {"skipped"}


def test_changed_pipeline_does_not_resume(space: Any) -> None:
    space.write("p.yaml", _pipeline())
    space.write("t.py", STEP)
    _kill_at(space, 3, "gate")
    space.write("p.yaml", _pipeline().replace("{number: 6}", "{number: 66}"))
    report = space.trc("run", "p.yaml", "--json").json
    assert not report["resumed"]
    states = {task["task"]: task["state"] for task in report["tasks"]}
    assert [states[f"t{number}"] for number in range(4)] == ["skipped", "skipped", "skipped", "success"]
    assert {run["state"] for run in space.trc("runs", "--json").json["runs"]} == {"success", "abandoned"}


def test_new_starts_over(space: Any) -> None:
    space.write("p.yaml", _pipeline())
    space.write("t.py", STEP)
    _kill_at(space, 3, "gate")
    assert not space.trc("run", "p.yaml", "--new", "--json").json["resumed"]


@pytest.mark.parametrize("lines", few(range(1, CHAIN), (1, 4)))
def test_killed_after_any_line_of_progress(space: Any, lines: int) -> None:
    """The kill comes as soon as so many tasks were told to be done: mid-commit, mid-start, whatever it hits."""
    space.write("p.yaml", _pipeline())
    space.write("t.py", STEP)
    process = space.start("run", "p.yaml")
    for _ in range(1 + lines):
        process.stderr.readline()
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    told = space.trc("status", "--json").json
    succeeded = {task["task"] for task in told["tasks"] if task["state"] == "success"}
    before = space.read("ran").splitlines()
    space.states()
    after = space.read("ran").splitlines()[len(before) :]
    assert not {f"t{number}" for number in after} & succeeded
    assert len(succeeded) >= lines
    assert space.read(f"out/{CHAIN - 1}.txt") == "".join(f"{task}\n" for task in range(CHAIN))


def test_second_run_waits_for_the_first(space: Any) -> None:
    space.write("p.yaml", _pipeline())
    space.write("t.py", STEP)
    os.mkfifo(space.root / "gate3")
    first = space.start("run", "p.yaml", "--json")
    gate = os.open(space.root / "gate3", os.O_WRONLY)
    refused = space.trc("run", "p.yaml", "--on-conflict", "fail", code=1)
    assert "TRC607" in refused.err
    second = space.start("run", "p.yaml", "--json")
    second.stderr.readline()  # says that it waits
    os.close(gate)
    assert first.communicate(timeout=60)
    assert first.returncode == 0
    assert second.communicate(timeout=60)
    assert second.returncode == 0
    assert sorted(space.read("ran").splitlines()) == [str(number) for number in range(CHAIN)]
