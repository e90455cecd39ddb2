"""Sub-tasks that a running task submits: begun together with its success, each a task run of its own, its end a part of the task's."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
from contextlib import closing
from typing import Any

import pytest

PIPELINE = """
    pipeline "shop" {}

    source names = csv("names.csv")

    task spread = python("work.py:Spread") {
      inputs { names = names }
      output = "out/names.txt"
      incremental { strategy = hybrid }
      retry = { attempts = 2, initial = 1ms, jitter = none }
    }

    task after = shell $$ cat out/part-*.txt > $TRC_OUTPUT_OUTPUT $$ { needs = [spread], output = "out/all.txt" }
    """
CODE = """
    import os, time
    from pathlib import Path
    from trc import BaseTask, PermanentError, TaskContext


    def part(context: TaskContext) -> None:
        name = context.args["name"]
        with open("ran.txt", "a") as file:
            file.write(name + "\\n")
        print("part", name)
        if Path("broken-" + name).exists():
            raise PermanentError("it is broken")
        if Path("flaky-" + name).exists() and context.attempt == 1:
            raise ValueError("once more")
        Path(context.output.path).write_text(name + " of " + Path(context.inputs["names"].path).read_text().strip() + "\\n")


    class Spread(BaseTask):
        def execute(self, context: TaskContext) -> None:
            with open("ran.txt", "a") as file:
                file.write("spread\\n")
            names = Path(context.inputs["names"].path).read_text().split()[1:]
            Path(context.output.path).write_text(str(len(names)))
            for name in names:
                self.submit(name, part, {"name": name}, inputs={"names": context.output}, outputs={"output": f"out/part-{name}.txt"})
            if Path("fail").exists() and context.attempt == 1:
                raise ValueError("not yet")
    """


def _write(space: Any, names: str = "a b", pipeline: str = PIPELINE, code: str = CODE) -> None:
    space.write("p.trc", pipeline)
    space.write("work.py", code)
    space.write("names.csv", "name\n" + "".join(f"{name}\n" for name in names.split()))
    space.age()


def _states(space: Any, *options: str, code: int = 0) -> dict[str, str]:
    report = space.trc("run", "p.trc", "--json", *options, code=code).json
    return {one["task"]: one["state"] for one in report["tasks"]}


def _ran(space: Any) -> list[str]:
    path = space.root / "ran.txt"
    found = sorted(path.read_text().split()) if path.exists() else []
    path.unlink(missing_ok=True)
    return found


def test_sub_tasks_are_task_runs_and_who_waits_for_the_task_waits_for_them(space: Any) -> None:
    _write(space)
    assert _states(space) == dict.fromkeys(("spread", "spread[a]", "spread[b]", "after"), "success")
    assert space.read("out/all.txt") == "a of 2\nb of 2\n"
    assert _ran(space) == ["a", "b", "spread"]
    shown = space.trc("status").out
    assert "spread[a]" in shown
    assert "part a" in space.trc("logs", "latest", "spread[a]").out
    told = space.trc("explain", "task:spread[b]", "--json").json
    assert told["reason"]["code"] == "first"


def test_lineage_tells_of_sub_tasks(space: Any) -> None:
    _write(space)
    space.trc("run", "p.trc", "--openlineage", "events.jsonl")
    events = [json.loads(line) for line in space.read("events.jsonl").splitlines()]
    done = {one["job"]["name"]: one for one in events if one["eventType"] == "COMPLETE"}
    part = next(one for name, one in done.items() if name.endswith("spread[a]"))
    assert [one["name"].rpartition("/")[2] for one in part["outputs"]] == ["part-a.txt"]
    assert "spread[b]" in space.trc("lineage", "run", "latest").out
    space.trc("report")
    (page,) = space.root.glob("report-*.html")
    assert "spread[b]" in page.read_text()


def test_only_the_sub_tasks_run_that_are_not_up_to_date(space: Any) -> None:
    _write(space)
    _states(space)
    _ran(space)
    assert _states(space)["spread"] == "skipped"
    assert _ran(space) == []
    # What a sub-task wrote is gone: the task itself is up to date, and submits the others again for nothing.
    (space.root / "out/part-b.txt").unlink()
    plan = {one["task"]: one for one in space.trc("plan", "p.trc", "--json").json["tasks"]}
    assert (plan["spread"]["action"], plan["spread"]["reason"]["text"]) == ("run", "1 of 2 sub-tasks have to run")
    states = _states(space)
    assert (states["spread"], states["spread[a]"], states["spread[b]"]) == ("success", "skipped", "success")
    assert _ran(space) == ["b"]
    # The names differ, and their number does not: what the sub-tasks read is as it was.
    _write(space, "a c")
    states = _states(space)
    assert (states["spread[a]"], states["spread[c]"]) == ("skipped", "success")
    assert _ran(space) == ["c", "spread"]


def test_an_attempt_that_fails_has_submitted_nothing(space: Any) -> None:
    _write(space)
    (space.root / "fail").touch()
    assert _states(space)["spread[a]"] == "success"
    assert _ran(space) == ["a", "b", "spread", "spread"]
    _write(space, "a b c", pipeline=PIPELINE.replace("attempts = 2", "attempts = 1"))
    states = _states(space, code=1)
    assert states == {"spread": "failure", "after": "upstream_failed"}
    assert _ran(space) == ["spread"]


def test_a_sub_task_that_fails_fails_the_task_and_is_retried_alone(space: Any) -> None:
    _write(space)
    (space.root / "broken-b").touch()
    done = space.trc("run", "p.trc", code=1)
    assert 'task "spread[b]" failed' in done.err
    states = {one["task"]: one["state"] for one in space.trc("status", "--json").json["tasks"]}
    assert states == {
        "spread": "upstream_failed",
        "spread[a]": "success",
        "spread[b]": "failure",
        "after": "upstream_failed",
    }
    assert space.trc("dlq", "list", "--json").json["letters"][0]["task"] == "spread[b]"
    _ran(space)
    (space.root / "broken-b").unlink()
    run = space.trc("status", "--json").json["run"]["id"]
    space.trc("retry", run)
    assert _ran(space) == ["b"]
    states = {one["task"]: one["state"] for one in space.trc("status", "--json").json["tasks"]}
    assert set(states.values()) == {"success"}
    assert space.read("out/all.txt") == "a of 2\nb of 2\n"


def test_a_new_run_goes_on_with_the_sub_task_that_failed(space: Any) -> None:
    """The task's own result was committed, and yet it is not up to date."""
    _write(space)
    (space.root / "broken-b").touch()
    _states(space, code=1)
    _ran(space)
    (space.root / "broken-b").unlink()
    states = _states(space, "--new")
    assert _ran(space) == ["b"]
    assert states == {"spread": "success", "spread[a]": "skipped", "spread[b]": "success", "after": "success"}


def test_a_sub_task_has_attempts_of_its_own(space: Any) -> None:
    _write(space)
    (space.root / "flaky-a").touch()
    report = space.trc("run", "p.trc", "--json").json
    attempts = {one["task"]: one["attempt"] for one in report["tasks"]}
    assert attempts == {"spread": 1, "spread[a]": 2, "spread[b]": 1, "after": 1}
    assert _ran(space) == ["a", "a", "b", "spread"]


@pytest.mark.parametrize("dies", ["spread", "a", "b", "after"])
def test_a_driver_that_dies_in_between_is_resumed_and_nothing_runs_again(space: Any, dies: str) -> None:
    code = (
        CODE.replace(
            '        print("part", name)\n',
            '        print("part", name)\n        if Path("kill-" + name).exists(): kill(name)\n',
        )
        .replace(
            "    def part(",
            """    def kill(name):
        os.unlink("kill-" + name)
        os.kill(int(open("driver").read()), 9)
        time.sleep(60)


    def part(""",
        )
        .replace(
            "            names = Path",
            '            if Path("kill-spread").exists(): kill("spread")\n            names = Path',
        )
    )
    pipeline = PIPELINE.replace(
        "$$ cat",
        "$$ test ! -e kill-after || { rm kill-after; kill -9 $(cat driver); sleep 60; }; echo after >> ran.txt; cat",
    )
    _write(space, pipeline=pipeline, code=code)
    (space.root / f"kill-{dies}").touch()
    # Whoever reads it waits until there is something in it.
    os.mkfifo(space.root / "driver")
    run = space.start("run", "p.trc", "--workers", "1")
    (space.root / "driver").write_text(str(run.pid))
    assert run.wait() == -signal.SIGKILL
    first = _ran(space)
    with closing(sqlite3.connect(space.root / ".trc/state.db")) as state:
        asks = "select 1 from task_runs where task = 'spread[a]' and state = 'success'"
        is_recorded = state.execute(asks).fetchone() is not None
    # A worker begins "b" before its driver has heard how "a" ended: until that is written down, it was running.
    running = {"spread": ["spread"], "a": ["a"], "b": ["b"] if is_recorded else ["a", "b"], "after": []}[dies]
    states = _states(space)
    assert set(states.values()) <= {"success", "skipped"}
    again = _ran(space)
    # What was running when the driver died runs again, and nothing else does.
    assert sorted([*first, *again]) == sorted(["spread", "a", "b", "after", *running])
    assert space.read("out/all.txt") == "a of 2\nb of 2\n"


NESTED = """
    from pathlib import Path
    from trc import TaskContext


    def level(context: TaskContext) -> None:
        depth = context.args.get("depth", 0)
        with open("ran.txt", "a") as file:
            file.write(f"{depth}\\n")
        if depth < int(Path("depth").read_text()):
            context.submit("in", "work.py:level", {"depth": depth + 1})
        elif Path("broken").exists():
            raise ValueError("broken at the bottom")
    """


def test_sub_tasks_submit_sub_tasks(space: Any) -> None:
    _write(
        space,
        code=NESTED,
        pipeline='pipeline "p" {}\ntask top = python("work.py:level") {}\ntask end = shell $$ echo end >> ran.txt $$ { needs = [top] }',
    )
    space.write("depth", "10")
    states = _states(space)
    assert len(states) == 12
    assert states["top" + "[in]" * 10] == "success"
    assert _ran(space) == sorted([*map(str, range(11)), "end"])
    (space.root / "broken").touch()
    states = _states(space, "--new", code=1)
    assert states["top" + "[in]" * 10] == "failure"
    assert states["top"] == states["top[in]"] == states["end"] == "upstream_failed"
    assert "end" not in _ran(space)


def test_deeper_than_ten_is_refused(space: Any) -> None:
    _write(space, code=NESTED, pipeline='pipeline "p" {}\ntask top = python("work.py:level")')
    space.write("depth", "11")
    done = space.trc("run", "p.trc", code=1)
    assert "TRC664" in done.err
    assert "is submitted 10 tasks deep, and cannot submit others" in done.err


@pytest.mark.parametrize(
    ("submits", "told"),
    [
        ('context.submit("a b", part)', "'a b' is no name for a sub-task"),
        ('context.submit("a", part); context.submit("A", part)', 'two sub-tasks are called "A"'),
        ('context.submit("a", lambda: 1)', "is no work for the sub-task"),
        ('context.submit("a", "part")', '"part" is no work for the sub-task "a"'),
        ('context.submit("a", part, {"x": object()})', "nothing that JSON can hold"),
        ('context.submit("a", part, {"x": "x" * 300_000})', "262,144 are the most"),
        ("[context.submit(str(n), part) for n in range(10_001)]", "more than 10,000 sub-tasks"),
        ('[context.submit(str(n), part, {"x": "x" * 200_000}) for n in range(100)]', "bytes together"),
        ('context.submit("a", part, inputs={"x": 3})', "3 is no input of the sub-task"),
        ('context.submit("a", part, outputs={"x": 3})', "3 is no place for an output"),
        (
            'context.submit("a", part, on_failure="https://example.com/a")',
            '"a" has no "on_failure" of its own: hooks of the task',
        ),
        (
            'context.submit("a", part, retries={})',
            '"a" has no "retries" of its own: it has that of the task that submits it',
        ),
        ('context.submit("a", part, output="x")', 'a sub-task takes no "output"; it takes args, inputs and outputs'),
        ('context.submit("a", "other.py:part")', '"other.py" is no code of "task"'),
        ('context.submit("a", part, outputs={"x": "s3://b/x"})', "is not on this machine"),
        ('context.submit("a", part, outputs={"x": "out/*.csv"})', "is a pattern"),
        ('[context.submit(n, part, outputs={"x": "out/x.csv"}) for n in "ab"]', "would both write"),
        ('context.submit("a", part, outputs={"x": "out/other.csv"})', "another task writes"),
        ('\\n    try: context.submit("a b", part)\\n    except Exception: pass', "'a b' is no name for a sub-task"),
    ],
)
def test_what_cannot_be_a_sub_task_fails_the_task(space: Any, submits: str, told: str) -> None:
    text = submits.replace("\\n", "\n")
    space.write("work.py", "def part(context): pass\n\ndef run(context):\n    " + text + "\n")
    space.write("other.py", "def part(context): pass\n")
    space.write(
        "p.trc",
        'pipeline "p" {}\ntask task = python("work.py:run")\ntask other = sql $$ select 1 as x $$ { output = "out/other.csv" }',
    )
    done = space.trc("run", "p.trc", code=1)
    assert told in done.err
    assert "task[" not in json.dumps([one["task"] for one in space.trc("status", "--json").json["tasks"]])


def test_asynchronous_tasks_submit_too(space: Any) -> None:
    space.write(
        "work.py",
        """
        async def part(context):
            open("ran.txt", "a").write(context.args["n"] + " ")

        async def run(context):
            for n in "xyz":
                context.submit(n, part, {"n": n})
        """,
    )
    space.write("p.trc", 'pipeline "p" {}\ntask task = python("work.py:run")')
    assert _states(space) == dict.fromkeys(("task", "task[x]", "task[y]", "task[z]"), "success")
    assert _ran(space) == ["x", "y", "z"]


def test_items_submit_sub_tasks(space: Any) -> None:
    space.write(
        "work.py",
        """
        def part(context):
            open("ran.txt", "a").write(context.args["n"] + " ")

        def run(context):
            context.submit("sub", part, {"n": context.item})
        """,
    )
    space.write("p.trc", 'pipeline "p" {}\ntask task = python("work.py:run") { for_each = ["eu", "us"] }')
    assert sorted(_states(space)) == ["task", "task[eu]", "task[eu][sub]", "task[us]", "task[us][sub]"]
    assert _ran(space) == ["eu", "us"]


def test_secrets_in_arguments_are_not_written_down(space: Any) -> None:
    space.write(
        "work.py",
        """
        import os

        def part(context):
            open("ran.txt", "a").write(context.args["n"] + " " + os.environ["KEY"] + " ")

        def run(context):
            context.submit("sub", part, {"n": "<" + os.environ["KEY"] + ">"})
        """,
    )
    space.write(
        "p.trc",
        'pipeline "p" {}\ntask task = python("work.py:run") { environment { env { KEY = secret("env:THE_KEY") } } }',
    )
    os.environ["THE_KEY"] = "hunter2hunter2"
    try:
        _states(space)
    finally:
        del os.environ["THE_KEY"]
    assert _ran(space) == sorted(["<***>", "hunter2hunter2"])
    assert b"hunter2hunter2" not in (space.root / ".trc/state.db").read_bytes()


def test_lineage_tells_what_sub_tasks_read(space: Any) -> None:
    _write(space)
    space.trc("run", "p.trc", "--openlineage", "events.jsonl")
    events = [json.loads(line) for line in space.read("events.jsonl").splitlines()]
    read = {
        (one["job"]["name"], one["eventType"]): [each["name"] for each in one["inputs"]]
        for one in events
        if "spread" in one["job"]["name"]
    }
    names, submitted = str(space.root / "names.csv"), str(space.root / "out/names.txt")
    assert read == {
        (job, kind): [names if job == "shop.spread" else submitted]
        for job in ("shop.spread", "shop.spread[a]", "shop.spread[b]")
        for kind in ("START", "COMPLETE")
    }


def test_hooks_tell_of_a_task_with_its_sub_tasks_and_of_each_that_fails_or_is_retried(space: Any) -> None:
    hooks = "".join(
        f'on_{event} = webhook("http://127.0.0.1:9/{event}")\n'
        for event in ("start", "success", "failure", "retry", "cancel")
    )
    _write(space, "a b", pipeline=PIPELINE.replace('output = "out/names.txt"', f'output = "out/names.txt"\n{hooks}'))
    space.write("trc.toml", '[network]\nallow_hosts = ["127.0.0.1"]\n')
    (space.root / "flaky-a").touch()
    (space.root / "broken-b").touch()
    space.trc("run", "p.trc", code=1)

    def told() -> list[tuple[str, str]]:
        return sorted((one["event"], one["task"]) for one in space.trc("hooks", "list", "--json").json["messages"])

    first = [
        ("task.failure", "spread"),
        ("task.failure", "spread[b]"),
        ("task.retry", "spread[a]"),
        ("task.start", "spread"),
    ]
    assert told() == first
    with closing(sqlite3.connect(space.root / ".trc/state.db")) as database:
        bodies = [json.loads(body) for (body,) in database.execute("SELECT body FROM messages")]
    assert [one["error"]["message"] for one in bodies if one.get("task") == "spread[b]"] == ["it is broken"]
    (space.root / "broken-b").unlink()
    space.trc("retry", "latest")
    # Who takes up the run begins with the task anew.
    assert told() == sorted([*first, ("task.start", "spread"), ("task.success", "spread")])


def test_lineage_tells_what_nested_sub_tasks_read_where_nobody_chose_a_place(space: Any) -> None:
    space.write(
        "work.py",
        """
        from pathlib import Path
        from trc import BaseTask


        def leaf(context):
            Path(context.output.path).write_text(Path(context.inputs["of"].path).read_text())


        class Middle(BaseTask):
            def execute(self, context):
                Path(context.output.path).write_text("x")
                self.submit("leaf", leaf, inputs={"of": context.output}, outputs={"output": "leaf.txt"})


        class Top(BaseTask):
            def execute(self, context):
                self.submit("middle", Middle, inputs={}, outputs={"output": None})
        """,
    )
    space.write("p.trc", 'pipeline "p" {}\ntask top = python("work.py:Top")\n')
    space.trc("run", "p.trc", "--openlineage", "events.jsonl")
    ends = [json.loads(line) for line in space.read("events.jsonl").splitlines()]
    told = {
        one["job"]["name"]: ([each["name"] for each in one["inputs"]], [each["name"] for each in one["outputs"]])
        for one in ends
        if one["eventType"] == "COMPLETE"
    }
    written = told["p.top[middle]"][1]
    assert len(written) == 1
    assert told["p.top[middle][leaf]"] == (written, [str(space.root / "leaf.txt")])
