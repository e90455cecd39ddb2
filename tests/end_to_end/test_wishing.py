"""Runs that are canceled, paused and resumed from another terminal."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest

PIPELINE = """
    name: shop
    nodes:
      - id: first
        type: python
        params: {entrypoint: "t.py:step", inputs: {}, output_uri: out/first.txt, output_format: file}
      - id: second
        type: python
        params: {entrypoint: "t.py:step", inputs: {before: first}, output_uri: out/second.txt, output_format: file}
    """
STEP = """
    import os


    def step(context):
        with open("ran", "a") as file:
            file.write(f"{context.task}\\n")
        if os.path.exists(f"gate-{context.task}"):
            open(f"gate-{context.task}").read()
        with open(context.output.path, "w") as file:
            file.write(context.task)
    """


class Started:
    """A run whose first task waits at a gate."""

    def __init__(self, space: Any) -> None:
        space.write("p.yaml", PIPELINE)
        space.write("t.py", STEP)
        self.space = space
        self.gate_path = space.root / "gate-first"
        os.mkfifo(self.gate_path)
        self.process = space.start("run", "p.yaml")
        self.gate = os.open(self.gate_path, os.O_WRONLY)

    def open_gate(self) -> None:
        os.close(self.gate)
        self.gate_path.unlink()

    def await_line(self, begin: str) -> None:
        """Reads what the run tells until a line begins so."""
        assert any(line.startswith(begin) for line in self.process.stderr), f"it never said {begin}"

    def end(self) -> int:
        self.process.communicate(timeout=60)
        return int(self.process.returncode)

    def state(self) -> str:
        return str(self.space.trc("status", "--json").json["run"]["state"])


@pytest.fixture
def started(space: Any) -> Started:
    return Started(space)


def test_cancel_ends_what_runs_in_order(started: Started) -> None:
    told = started.space.trc("cancel")
    assert "is asked to end" in told.err
    assert started.end() == 130
    assert started.state() == "canceled"
    states = {one["task"]: one["state"] for one in started.space.trc("status", "--json").json["tasks"]}
    assert states == {"first": "canceled", "second": "canceled"}
    assert not (started.space.root / "out").exists()
    started.open_gate()


def test_pause_lets_what_runs_end_and_begins_nothing(started: Started) -> None:
    space = started.space
    space.trc("pause")
    assert space.trc("status", "--json").json["paused"]
    assert "paused: `trc resume`" in space.trc("status").out
    started.await_line("paused: nothing more begins")
    started.open_gate()
    started.await_line("done     first")
    assert space.read("ran").split() == ["first"]
    assert {one["task"]: one["state"] for one in space.trc("status", "--json").json["tasks"]}["second"] != "success"
    space.trc("resume")
    started.await_line("going on")
    assert started.end() == 0
    assert space.read("ran").split() == ["first", "second"]
    assert not space.trc("status", "--json").json["paused"]


def test_who_takes_up_a_paused_run_goes_on_with_it(started: Started) -> None:
    space = started.space
    space.trc("pause")
    started.process.send_signal(signal.SIGKILL)
    started.end()
    started.open_gate()
    assert "TRC618" in space.trc("resume", code=3).err
    report = space.trc("run", "p.yaml", "--json").json
    assert report["resumed"]
    assert report["run"]["state"] == "success"


def test_a_run_that_nobody_drives_is_canceled_at_once(started: Started) -> None:
    space = started.space
    started.process.send_signal(signal.SIGKILL)
    started.end()
    started.open_gate()
    assert "is canceled" in space.trc("cancel").err
    status = space.trc("status", "--json").json
    assert status["run"]["state"] == "canceled"
    assert {one["state"] for one in status["tasks"]} == {"canceled"}
    assert {one["state"] for one in status["attempts"]} == {"lost"}
    assert not space.trc("run", "p.yaml", "--json").json["resumed"]


def test_a_run_that_has_ended_is_refused(space: Any) -> None:
    space.write("p.yaml", PIPELINE)
    space.write("t.py", STEP)
    space.states()
    for verb in ("cancel", "pause", "resume"):
        assert "TRC618" in space.trc(verb, code=3).err
        assert "TRC609" in space.trc(verb, "zzz", code=3).err
