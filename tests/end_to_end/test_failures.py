"""Tasks that fail, in each of the ways that they can: what is said, what is kept, what goes on."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest

PIPELINE = """
name: p
nodes:
  - id: bad
    type: python
    params: {{entrypoint: "t.py:bad", inputs: {{}}, output_uri: out/bad.txt, output_format: file}}
    {extra}
  - id: after
    type: shell
    params: {{command: "cp out/bad.txt $TRC_OUTPUT_OUTPUT", inputs: [bad], output_uri: out/after.txt, output_format: file}}
  - id: apart
    type: shell
    params: {{command: "echo fine > $TRC_OUTPUT_OUTPUT", output_uri: out/apart.txt, output_format: file}}
"""
BAD = """
import os, signal, sys


def bad(context):
    print("about to go wrong")
    with open(context.output.path, "w") as file:
        file.write("half")
        file.flush()
        {body}
"""
WAYS = {
    # how: (the body, the code, what is said)
    "raises": ("raise ValueError('no such thing')", "TRC601", "ValueError: no such thing"),
    "exits": ("os._exit(3)", "TRC601", "3"),
    "exits politely": ("sys.exit(4)", "TRC601", "4"),
    "is killed": ("os.kill(os.getpid(), signal.SIGKILL)", "TRC602", "SIGKILL"),
    "crashes": ("import ctypes; ctypes.string_at(0)", "TRC602", "SIGSEGV"),
}


@pytest.mark.parametrize("how", WAYS)
def test_failure_stops_what_depends_on_it_and_nothing_else(space: Any, how: str) -> None:
    body, code, words = WAYS[how]
    space.write("p.yaml", PIPELINE.format(extra=""))
    space.write("t.py", BAD.format(body=body))
    done = space.trc("run", "p.yaml", "--json", code=1)
    states = {task["task"]: task["state"] for task in done.json["tasks"]}
    assert states == {"bad": "failure", "after": "upstream_failed", "apart": "success"}
    (diagnostic,) = [one for one in done.json["diagnostics"] if one["severity"] == "error"]
    assert diagnostic["code"] == code
    assert words in diagnostic["message"]
    assert diagnostic["line"] == 3
    assert space.read("out/apart.txt") == "fine\n"
    assert not (space.root / "out/bad.txt").exists()
    told = space.trc("run", "p.yaml", code=1).err
    assert "about to go wrong" in told
    assert "after" in told


def test_run_after_a_mend_does_only_what_was_left(space: Any) -> None:
    space.write(
        "p.yaml",
        PIPELINE.format(extra="")
        .replace("id: apart\n    type: shell", "id: apart\n    incremental: {enabled: true}\n    type: shell")
        .replace('command: "echo', 'inputs: [], command: "echo'),
    )
    space.write("t.py", BAD.format(body="raise ValueError"))
    assert space.states(code=1)["apart"] == "success"
    space.write("t.py", BAD.format(body="file.write('whole')"))
    assert space.states()["apart"] == "skipped"
    assert space.read("out/after.txt") == "halfwhole"


def test_failed_rerun_keeps_the_old_output(space: Any) -> None:
    space.write("p.yaml", PIPELINE.format(extra=""))
    space.write("t.py", BAD.format(body="pass"))
    space.states()
    space.write("t.py", BAD.format(body="raise ValueError"))
    space.states(code=1)
    assert space.read("out/bad.txt") == "half"


def test_temporary_failure_is_retried_and_permanent_is_not(space: Any) -> None:
    extra = "retries: {max_attempts: 3, initial_delay_seconds: 0.01, jitter: none}"
    space.write("p.yaml", PIPELINE.format(extra=extra))
    count = "open('count', 'a').write('x'); n = len(open('count').read())"
    space.write(
        "t.py",
        BAD.format(
            body=f"{count}\n        from trc import TemporaryError\n        if n < 3: raise TemporaryError('busy')"
        ),
    )
    assert space.states()["bad"] == "success"
    assert space.read("count") == "xxx"
    (space.root / "count").unlink()
    space.write(
        "t.py",
        BAD.format(body=f"{count}\n        from trc import PermanentError\n        raise PermanentError('never')"),
    )
    assert space.states(code=1)["bad"] == "failure"
    assert space.read("count") == "x"


def test_time_limit_ends_the_attempt(space: Any) -> None:
    space.write("p.yaml", PIPELINE.format(extra="timeout: 200ms"))
    space.write("t.py", BAD.format(body="import threading; threading.Event().wait(60)"))
    done = space.trc("run", "p.yaml", "--json", code=1)
    assert [one["code"] for one in done.json["diagnostics"] if one["severity"] == "error"] == ["TRC603"]


def test_memory_limit_ends_one_task_and_no_other(space: Any) -> None:
    space.write("p.yaml", PIPELINE.format(extra="environment: {memory_limit: 256Mi}"))
    space.write("t.py", BAD.format(body="x = bytearray(1 << 30)"))
    done = space.trc("run", "p.yaml", "--json", code=1)
    assert [one["code"] for one in done.json["diagnostics"] if one["severity"] == "error"] == ["TRC610"]
    assert space.read("out/apart.txt") == "fine\n"


def test_output_that_was_not_written_is_a_failure(space: Any) -> None:
    space.write("p.yaml", PIPELINE.format(extra=""))
    space.write("t.py", "def bad(context):\n    pass\n")
    done = space.trc("run", "p.yaml", "--json", code=1)
    assert [one["code"] for one in done.json["diagnostics"] if one["severity"] == "error"] == ["TRC605"]


def test_engine_error_points_into_the_query(space: Any) -> None:
    space.write(
        "p.yaml",
        """
        name: p
        nodes:
          - id: bad
            type: duckdb_sql
            params:
              sql: |
                select
                  cast(v as integer) as n
                from (values ('1'), ('x')) t(v)
              output_uri: out.csv
        """,
    )
    done = space.trc("run", "p.yaml", "--json", code=1)
    (diagnostic,) = done.json["diagnostics"]
    assert diagnostic["code"] == "TRC601"
    assert "x" in diagnostic["message"]
    assert diagnostic["line"] in {3, 8}
    assert not (space.root / "out.csv").exists()


def test_interrupt_cancels_and_leaves_no_process(space: Any) -> None:
    space.write("p.yaml", PIPELINE.format(extra=""))
    os.mkfifo(space.root / "gate")
    space.write("t.py", BAD.format(body="open('pid', 'w').write(str(os.getpid())); open('gate').read()"))
    process = space.start("run", "p.yaml")
    gate = os.open(space.root / "gate", os.O_WRONLY)  # waits until the task is there
    worker = os.pidfd_open(int(space.read("pid")))
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    import select

    assert select.select([worker], [], [], 30)[0], "the task's process outlived its run"
    os.close(gate)
    assert not (space.root / "out/bad.txt").exists()
    assert space.trc("status", "--json").json["run"]["state"] == "canceled"


def test_failure_is_shown_at_its_place_though_the_pipeline_was_compiled_before(space: Any) -> None:
    space.write("p.yaml", PIPELINE.format(extra=""))
    space.write("t.py", BAD.format(body="raise ValueError"))
    done = space.trc("run", "p.yaml", "--json", code=1)
    for _ in range(30):
        space.trc("run", "p.yaml", code=1)
        if list((space.root / ".trc").glob("compiled/*")):
            break
    assert list((space.root / ".trc").glob("compiled/*")), "the compiled pipeline was never kept"
    again = space.trc("run", "p.yaml", "--json", code=1)
    for told in (done, again):
        assert [(one["code"], one["line"]) for one in told.json["diagnostics"]] == [("TRC601", 3)]


def test_status_tells_what_each_attempt_used(space: Any) -> None:
    space.write(
        "code.py",
        "def burn(context):\n    held = bytearray(64 << 20)\n    sum(range(3_000_000))\n    raise ValueError(len(held))\n",
    )
    space.write(
        "p.trc",
        'pipeline "p" { }\ntask burn = python("code.py:burn") { retry { attempts = 2, initial = 1ms } }\n'
        "task never = shell $$ true $$ { needs = [burn] }\n",
    )
    space.trc("run", "p.trc", code=1)
    attempts = space.trc("status", "--json").json["attempts"]
    assert [one["number"] for one in attempts] == [1, 2]
    assert all(one["peak_memory"] > 64 << 20 and 0 < one["cpu_seconds"] < 60 for one in attempts)
