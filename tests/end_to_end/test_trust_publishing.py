"""What is published: all of a task's outputs or none, and nothing that another run has a hand in."""

from __future__ import annotations

import os
import select
import signal
from typing import Any

import pytest

TWO_OUTPUTS = """
name: p
nodes:
  - id: t
    type: shell
    params:
      command: 'printf %s "$(cat in.txt)" | tee $TRC_OUTPUT_ONE > $TRC_OUTPUT_TWO'
      files: [in.txt]
      outputs: {one: {uri: out/one.txt, format: file}, two: {uri: out/two.txt, format: file}}
"""


@pytest.mark.parametrize("before", ["old", None])
def test_outputs_are_published_all_or_none(space: Any, before: str | None) -> None:
    """Guards a pair of files that belong together: one was new when the other could not be written."""
    space.write("p.yaml", TWO_OUTPUTS)
    if before is not None:
        space.write("in.txt", before)
        space.states()
        (space.root / "out/two.txt").unlink()
    space.write("in.txt", "new")
    (space.root / "out/two.txt").mkdir(parents=True)
    done = space.trc("run", "p.yaml", "--json", code=1).json
    assert [one["code"] for one in done["diagnostics"] if one["severity"] == "error"] == ["TRC611"]
    one = space.root / "out/one.txt"
    assert (one.read_text() if one.exists() else None) == before
    assert not list((space.root / ".trc/staging").rglob("*.*"))
    (space.root / "out/two.txt").rmdir()
    assert space.states()["t"] == "success"
    assert (space.read("out/one.txt"), space.read("out/two.txt")) == ("new", "new")


def test_replaced_outputs_leave_nothing_aside(space: Any) -> None:
    space.write("p.yaml", TWO_OUTPUTS)
    for text in ("old", "new"):
        space.write("in.txt", text)
        space.states()
    assert (space.read("out/one.txt"), space.read("out/two.txt")) == ("new", "new")
    assert not list((space.root / ".trc/staging").rglob("*.*"))
    assert sorted(path.name for path in (space.root / "out").iterdir()) == ["one.txt", "two.txt"]


FOLDERS = {
    "a file where the output's folder should be": "out",
    "a folder where the output should be": "out/one.txt/x",
}


@pytest.mark.parametrize("what", FOLDERS)
def test_output_that_has_no_place_is_told_plainly(space: Any, what: str) -> None:
    space.write("p.yaml", TWO_OUTPUTS)
    space.write("in.txt", "1")
    space.write(FOLDERS[what], "in the way")
    done = space.trc("run", "p.yaml", "--json", code=1)
    assert [one["code"] for one in done.json["diagnostics"] if one["severity"] == "error"] == ["TRC611"]
    assert "out" in done.json["diagnostics"][0]["message"]
    assert "Traceback" not in done.err + done.out


INTERMEDIATE = """
name: p
nodes:
  - id: draw
    type: shell
    params: {command: "echo v > $TRC_OUTPUT_OUTPUT; cat draw >> $TRC_OUTPUT_OUTPUT", output_format: csv}
  - id: hold
    type: shell
    needs: [draw]
    params: {command: "if test -p gate; then cat gate; fi"}
  - id: keep
    type: duckdb_sql
    needs: [hold]
    params: {sql: select v from draw}
"""


def test_two_runs_do_not_read_each_others_intermediates(space: Any) -> None:
    """Guards what a reader's key says: a second run had put its own draw where the first one's lay."""
    space.write("p.yaml", INTERMEDIATE)
    space.write("draw", "1\n")
    os.mkfifo(space.root / "gate")
    first = space.start("run", "p.yaml", "--json")
    gate = os.open(space.root / "gate", os.O_WRONLY)
    (space.root / "gate").rename(space.root / "held")
    space.write("draw", "2\n")
    assert space.states()["keep"] == "success"
    os.close(gate)
    out, _ = first.communicate(timeout=60)
    assert first.returncode == 1, out
    assert '"TRC604"' in out
    assert set(space.states().values()) == {"success", "skipped"}


def test_run_that_was_given_time_is_taken_up_again(space: Any) -> None:
    """Guards a finished task: the same day, written shortly and in full, was not the same run."""
    space.write(
        "p.yaml",
        """
        name: p
        nodes:
          - {id: once, type: shell, params: {command: "echo ran >> ran"}}
          - {id: wait, type: shell, needs: [once], params: {command: "if test -p gate; then cat gate; fi"}}
        """,
    )
    os.mkfifo(space.root / "gate")
    process = space.start("run", "p.yaml", "--at", "2026-01-31")
    gate = os.open(space.root / "gate", os.O_WRONLY)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    os.close(gate)
    (space.root / "gate").unlink()
    assert space.trc("run", "p.yaml", "--at", "2026-01-31", "--json").json["resumed"]
    assert space.read("ran") == "ran\n"


def test_stopped_driver_is_not_taken_for_dead(space: Any) -> None:
    space.write(
        "p.yaml", INTERMEDIATE.replace("{sql: select v from draw}", "{sql: select v from draw, output_uri: out.csv}")
    )
    space.write("draw", "1\n")
    os.mkfifo(space.root / "gate")
    first = space.start("run", "p.yaml", "--json")
    gate = os.open(space.root / "gate", os.O_WRONLY)
    first.send_signal(signal.SIGSTOP)
    refused = space.trc("run", "p.yaml", "--on-conflict", "fail", code=1)
    assert "TRC607" in refused.err
    first.send_signal(signal.SIGCONT)
    os.close(gate)
    out, _ = first.communicate(timeout=60)
    assert first.returncode == 0, out
    assert space.read("out.csv") == "v\n1\n"


def test_second_interrupt_ends_a_run_that_takes_its_time(space: Any) -> None:
    space.write(
        "p.yaml",
        """
        name: p
        nodes:
          - {id: deaf, type: shell, params: {command: "trap '' TERM INT; echo $$ > pid; cat gate; cat gate"}}
        """,
    )
    os.mkfifo(space.root / "gate")
    process = space.start("run", "p.yaml")
    gate = os.open(space.root / "gate", os.O_WRONLY)
    shell = os.pidfd_open(int(space.read("pid")))
    process.send_signal(signal.SIGINT)
    process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert select.select([shell], [], [], 30)[0], "the task outlived its run"
    os.close(gate)


def test_what_a_living_process_spills_is_not_swept(space: Any) -> None:
    """Guards a query of another run in the same project: its temporary folder was taken for a dead attempt's."""
    space.write("p.yaml", TWO_OUTPUTS)
    space.write("in.txt", "1")
    dead = space.start("--version")
    dead.communicate(timeout=60)
    for pid in (os.getpid(), dead.pid):
        space.write(f".trc/staging/7/spill-{pid}/duckdb_temp", "")
    space.states()
    assert [path.name for path in (space.root / ".trc/staging").rglob("spill-*")] == [f"spill-{os.getpid()}"]


def test_an_input_is_looked_at_after_each_attempt_not_once_for_all(space: Any) -> None:
    """Another task's end looks at it too, before this one changes it."""
    space.write("seed.txt", "old")
    space.write(
        "work.py",
        "import os, time\n\n\n"
        "def quick(context):\n    open(context.output.path, 'w').close()\n\n\n"
        "def slow(context):\n"
        "    while not os.path.exists('out/quick.txt'):\n        time.sleep(0.01)\n"
        "    seen = open('seed.txt').read()\n"
        "    with open('ran', 'a') as ran:\n        ran.write(seen + '\\n')\n"
        "    if seen == 'old':\n        with open('seed.txt', 'w') as seed:\n            seed.write('new')\n"
        "    open(context.output.path, 'w').close()\n",
    )
    space.write(
        "p.trc",
        'pipeline "p" { }\n\n'
        'task quick = python("work.py:quick") {\n  inputs = ["./seed.txt"]\n  output = file("out/quick.txt")\n}\n\n'
        'task slow = python("work.py:slow") {\n  inputs = ["./seed.txt"]\n  output = file("out/slow.txt")\n}\n',
    )
    space.trc("run", "p.trc")
    assert space.read("ran").splitlines() == ["old", "new"]
