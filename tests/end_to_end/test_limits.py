"""What a run may take: attempts by the class of an error, retries and time of all tasks together, effects only once."""

from __future__ import annotations

import os
from typing import Any

import pytest

CLASSES = """
class RequestError(OSError):
    pass


class ConnectionError(RequestError):
    pass


def connect(context):
    raise ConnectionError("nobody there")
"""
ONCE = """
pipeline "p" {{ }}

task once = shell $sh$ echo x >> tries; test -e calm || {cut} $sh$ {{
  idempotent = false
  retry = {{ attempts = 3, initial = 0s }}
}}
"""


def _tries(space: Any, errors: str, more: str = "") -> int:
    space.write("net.py", CLASSES)
    space.write(
        "p.trc",
        f'pipeline "p" {{ {more} }}\n'
        'task connect = python("net.py:connect") {\n'
        f"  retry {{ attempts = 2, initial = 0s, errors {{ {errors} }} }}\n"
        "}\n",
    )
    (task,) = space.trc("run", "p.trc", "--new", "--json", code=1).json["tasks"]
    return int(task["attempt"])


@pytest.mark.parametrize(
    ("errors", "tries"),
    [
        ("", 2),
        ("ValueError = 5", 2),
        ("ConnectionError = 4", 4),
        ('"net.ConnectionError" = 4', 4),
        ("RequestError = 4", 4),
        ("OSError = 1", 1),
        ("OSError = 1, RequestError = 3", 3),
    ],
)
def test_an_error_has_the_attempts_of_its_nearest_class(space: Any, errors: str, tries: int) -> None:
    assert _tries(space, errors) == tries


def test_a_run_makes_no_more_retries_than_its_budget_allows(space: Any) -> None:
    assert _tries(space, "OSError = 9", "retry_budget = 3") == 4
    assert "the run has made the 3 retries that it may make" in space.trc("status").out
    assert _tries(space, "OSError = 9", "retry_budget = 0") == 1
    assert "the run makes no retries" in space.trc("status").out


@pytest.mark.parametrize("cut", ["kill -KILL $$", "kill -KILL $PPID"])
def test_what_may_have_had_its_effect_is_tried_again_by_nothing_but_a_replay(space: Any, cut: str) -> None:
    space.write("p.trc", ONCE.format(cut=cut))
    done = space.trc("run", "p.trc", "--json", code=1).json
    assert [one["code"] for one in done["diagnostics"]] == ["TRC657"]
    (letter,) = space.trc("dlq", "list", "--json").json["letters"]
    assert letter["kind"] == "unknown_outcome"
    space.trc("retry", code=1)
    assert space.read("tries") == "x\n"
    space.write("calm", "")
    space.trc("dlq", "replay", str(letter["number"]))
    assert space.read("tries") == "x\nx\n"


def test_an_author_can_vouch_for_what_is_cut_off(space: Any) -> None:
    space.write("p.trc", ONCE.format(cut="kill -KILL $$").replace("0s }", "0s, errors = { signal = 2 } }"))
    space.trc("run", "p.trc", code=1)
    assert space.read("tries") == "x\nx\n"


def test_a_run_past_its_deadline_fails_and_can_be_taken_up_with_the_whole_time(space: Any) -> None:
    space.write(
        "p.trc",
        """
        pipeline "p" { deadline = 2s }
        task first = shell $$ echo x > "$TRC_OUTPUT_OUTPUT" $$ { output = file("out/first.txt") }
        task slow = shell $$ test -e calm || sleep 60 $$ { needs = [first] }
        task last = shell $$ echo $$ { needs = [slow on completion] }
        """,
    )
    done = space.trc("run", "p.trc", "--json", code=1).json
    assert {task["task"]: task["state"] for task in done["tasks"]} == {
        "first": "success",
        "slow": "failure",
        "last": "canceled",
    }
    assert [one["code"] for one in done["diagnostics"]] == ["TRC656"]
    space.write("calm", "")
    done = space.trc("retry", "--json").json
    assert {task["task"]: task["state"] for task in done["tasks"]} == {
        "first": "success",
        "slow": "success",
        "last": "success",
    }


RULED = """
pipeline "{name}" {{ }}

defaults {{
  metadata {{ tenant = "acme" }}
  concurrency = [{{ max = {most}, match = {{ type = shell, fields = [tenant] }} }}]
}}

task one = shell $$ {body} $$
task two = shell $$ {body} $$
task three = shell $$ {body} $$
task free = shell $$ echo free >> log $$ {{ concurrency = [] }}
"""
# Exclusive creation: a second one at the same time fails.
ALONE = "mkdir busy || exit 9; echo x >> log; sleep 0.05; rmdir busy"


def test_no_more_run_at_a_time_than_a_rule_allows_and_others_go_on(space: Any) -> None:
    space.write("p.trc", RULED.format(name="p", most=1, body=ALONE))
    done = space.trc("run", "p.trc", "--workers", "4", "--json").json
    assert done["run"]["state"] == "success"
    assert sorted(space.read("log").split()) == ["free", "x", "x", "x"]


def test_rules_hold_across_the_runs_of_all_pipelines(space: Any) -> None:
    names = ("p", "q", "r")
    for name in names:
        space.write(f"{name}.trc", RULED.format(name=name, most=1, body=ALONE))
    runs = [space.start("run", f"{name}.trc", "--workers", "3") for name in names]
    for run in runs:
        assert run.wait() == 0
    assert space.read("log").split().count("x") == 9


def _begun(space: Any, *arguments: str) -> tuple[Any, int]:
    """A run whose task waits at a gate, and the gate."""
    os.mkfifo(space.root / "gate")
    run = space.start("run", *arguments)
    return run, os.open(space.root / "gate", os.O_WRONLY)


def _await(run: Any, *words: str) -> None:
    """Reads what the run tells until a line holds these words."""
    assert any(all(word in line for word in words) for line in run.stderr), words


def test_what_waits_for_room_says_for_which(space: Any) -> None:
    space.write("p.trc", RULED.format(name="p", most=1, body='test "$TRC_TASK" != one || cat gate'))
    run, gate = _begun(space, "p.trc", "--workers", "4")
    assert space.trc("status").out.count("waits for room: at most 1 of shell with tenant acme") == 2
    os.close(gate)
    assert run.wait() == 0
    assert "waits for room" not in space.trc("status").out


def test_a_dead_driver_takes_no_room(space: Any) -> None:
    for name in ("p", "q"):
        space.write(f"{name}.trc", RULED.format(name=name, most=1, body="test -e calm || cat gate"))
    dead, gate = _begun(space, "p.trc")
    waiting = space.start("run", "q.trc")
    _await(waiting, "waits", "one", "at most 1 of shell")
    space.write("calm", "")
    dead.kill()
    dead.wait()
    os.close(gate)
    waiting.communicate(timeout=60)
    assert waiting.returncode == 0
    # Who takes it up again takes its room anew.
    assert space.trc("run", "p.trc", "--json").json["run"]["state"] == "success"


MEDDLED = """
pipeline "p" {{ }}

task first = shell $$ cat gate $$
task later = shell $$ echo later >> log $$ {{ needs = [first] }}
task last = shell $$ echo last >> log $$ {{ needs = [later on completion] }}
task apart = shell $$ echo apart >> log $$ {{ needs = [first on completion] }}
"""


def _states(space: Any) -> dict[str, str]:
    return {one["task"]: one["state"] for one in space.trc("status", "--json").json["tasks"]}


def test_one_task_is_paused_and_goes_on(space: Any) -> None:
    space.write("p.trc", MEDDLED.format())
    run, gate = _begun(space, "p.trc")
    told = space.trc("pause", "--task", "LATER", "--json").json
    assert (told["wish"], told["task"]["task"]) == ("pause", "later")
    _await(run, "later is not to begin")
    os.close(gate)
    # Nothing else is left to do: the run waits.
    _await(run, "paused", "later", "it is paused: `trc resume --task` has it go on")
    assert _states(space)["later"] == "paused"
    assert run.poll() is None
    space.trc("resume", "--task", "later")
    run.communicate(timeout=60)
    assert run.returncode == 0
    assert set(_states(space).values()) == {"success"}
    assert "TRC618" in space.trc("pause", "--task", "later", code=3).err


def test_one_task_is_canceled_and_others_go_on(space: Any) -> None:
    space.write("p.trc", MEDDLED.format())
    run, gate = _begun(space, "p.trc")
    space.trc("cancel", "--task", "first")
    _await(run, "canceled", "first", "it was canceled")
    os.close(gate)
    run.communicate(timeout=60)
    assert run.returncode == 1
    assert _states(space) == {"first": "canceled", "later": "upstream_failed", "last": "success", "apart": "success"}


def test_a_task_that_is_not_there_or_has_ended_is_not_asked(space: Any) -> None:
    space.write("p.trc", MEDDLED.format().replace("apart >> log $$ { needs = [first on completion] }", "apart $$"))
    run, gate = _begun(space, "p.trc", "--workers", "2")
    assert 'did you mean "later"?' in space.trc("pause", "--task", "latr", code=3).err
    _await(run, "done", "apart")
    for verb in ("pause", "resume", "cancel"):
        assert "TRC658" in space.trc(verb, "--task", "apart", code=3).err
    run.kill()
    run.communicate()
    os.close(gate)
    assert "TRC618" in space.trc("pause", "--task", "later", code=3).err
    (space.root / "gate").unlink()
    space.write("gate", "")
    # Who takes it up wants all of it to go on.
    assert space.trc("run", "p.trc", "--json").json["run"]["state"] == "success"


def test_what_waits_behind_others_is_not_taken_for_one_that_never_begins(space: Any) -> None:
    """A task behind one that took longer than the time to begin was handed over four times, and failed."""
    space.write("trc.toml", "[local]\nworkers = 1\nstart_timeout = 1\n")
    tasks = "".join(f"task t{number} = shell $$ sleep 1.4 $$\n" for number in range(3))
    space.write("p.trc", f'pipeline "p" {{ }}\n{tasks}')
    done = space.trc("run", "p.trc", "--json").json
    assert [one["attempt"] for one in done["tasks"]] == [1, 1, 1]


def test_a_time_to_begin_that_cannot_be_is_refused(space: Any) -> None:
    space.write("trc.toml", "[local]\nstart_timeout = 0\n")
    space.write("p.trc", 'pipeline "p" { }\ntask t = shell $$ true $$\n')
    assert '"local.start_timeout" takes a whole number from 1 to 86400' in space.trc("run", "p.trc", code=2).err
