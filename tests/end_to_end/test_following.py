"""`trc logs --follow`: what tasks print is shown as they print it, until the run ends."""

from __future__ import annotations

import os
import signal
from typing import Any

PIPELINE = """
    name: shop
    nodes:
      - id: talk
        type: python
        params: {entrypoint: "t.py:talk"}
    """
TALK = """
    def talk(context):
        print("one", flush=True)
        open("first").read()
        print("twö", flush=True)
        print("begun, ", end="", flush=True)
        open("second").read()
        print("and ended", flush=True)
        print("without an end", end="", flush=True)
    """


class Talking:
    """A run whose task talks when it is let."""

    def __init__(self, space: Any) -> None:
        space.write("p.yaml", PIPELINE)
        space.write("t.py", TALK)
        for gate in ("first", "second"):
            os.mkfifo(space.root / gate)
        self.space = space
        self.process = space.start("run", "p.yaml")
        self.gates = {"first": os.open(space.root / "first", os.O_WRONLY)}
        self.following = space.start("logs", "--follow")

    def let(self, gate: str) -> None:
        descriptor = self.gates.pop(gate, None)
        os.close(os.open(self.space.root / gate, os.O_WRONLY) if descriptor is None else descriptor)

    def line(self) -> str:
        return str(self.following.stdout.readline())


def test_lines_are_shown_as_they_are_printed(space: Any) -> None:
    talking = Talking(space)
    assert talking.line() == "one\n"
    talking.let("first")
    assert talking.line() == "twö\n"
    # The beginning of a line waits for its end.
    talking.let("second")
    assert talking.line() == "begun, and ended\n"
    assert talking.following.stdout.read() == "without an end"
    assert talking.following.stderr.read() == "talk, attempt 1\n"
    assert talking.following.wait(60) == 0
    assert talking.process.wait(60) == 0


def test_who_follows_a_run_that_dies_is_told_all_and_let_go(space: Any) -> None:
    talking = Talking(space)
    assert talking.line() == "one\n"
    talking.process.send_signal(signal.SIGKILL)
    talking.process.communicate(timeout=60)
    out, _ = talking.following.communicate(timeout=60)
    assert out == ""
    assert talking.following.returncode == 0
    os.close(talking.gates["first"])


def test_what_has_ended_is_shown_at_once(space: Any) -> None:
    space.write("p.yaml", PIPELINE)
    space.write("t.py", "def talk(context):\n    print('done')\n")
    space.states()
    assert space.trc("logs", "--follow").out == "done\n"
    assert space.trc("logs", "latest", "talk", "-f").out == "done\n"
    assert "TRC609" in space.trc("logs", "latest", "nobody", "--follow", code=3).err
    assert "--follow" in space.trc("logs", "--follow", "--json", code=3).err
