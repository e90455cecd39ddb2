"""Tasks whose code says what it wants, in a worker's process: mapped, bounded, alive, and ended from within."""

from __future__ import annotations

from typing import Any

CODE = """
import threading
from trc import BaseTask, TaskContext, task


class Alive(BaseTask):
    class Params:
        beats: bool

    def execute(self):
        for _ in range(25):
            if self.params.beats:
                self.heartbeat()
            threading.Event().wait(0.1)
        self.complete({"done": True}, "still alive")


@task
def doubled(orders: "duckdb.DuckDBPyRelation"):
    limit = orders.query("o", "select current_setting('memory_limit')").fetchone()
    print("limit", limit[0])
    return orders.project("id * 2 as id")


@task
async def told(doubled: list[dict], secret: str, context: TaskContext):
    context.logger.info("secret %s", secret)
    return {"output": [{"n": len(doubled)}], "note": secret}


@task
def numbered(item: dict):
    return [{"number": item["id"]}]
"""

PIPELINE = """
pipeline "p" { }

source orders = csv("orders.csv")

task doubled = python("tasks.py:doubled") { inputs = { orders = orders }, output = parquet("out/doubled.parquet"), memory = 400Mi }

task told = python("tasks.py:told") {
  inputs = { doubled = doubled }
  args = { secret = secret("env:TOLD") }
  params { outputs { output = { uri = "out/told.csv" }, note = { uri = "out/note.txt" } } }
}

task numbered = python("tasks.py:numbered") { for_each = doubled.rows, output = csv("out/{{ item.id }}.csv") }
"""


def states(space: Any, code: int = 0) -> dict[str, str]:
    done = space.trc("run", "p.trc", "--json", code=code)
    return {task["task"]: task["state"] for task in done.json["tasks"]}


def test_parameters_are_mapped_in_a_run(space: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("TOLD", "pass-the-word")
    space.write("orders.csv", "id\n1\n2\n")
    space.write("tasks.py", CODE)
    space.write("p.trc", PIPELINE)
    assert set(states(space).values()) == {"success"}
    assert space.read("out/told.csv") == "n\n2\n"
    assert space.read("out/note.txt") == "pass-the-word"
    assert space.read("out/2.csv") == "number\n2\n"
    (run, *_) = space.trc("runs", "--json").json["runs"]
    assert space.trc("logs", run["id"], "told").out.count("secret ***") == 1
    # Buffers may take three quarters of what the task may hold.
    assert "limit 300.0 MiB" in space.trc("logs", run["id"], "doubled").out
    # The key holds the code and what it reads, as ever.
    assert states(space)["doubled"] == "skipped"


def test_heartbeats_keep_a_task_that_tells_nothing_else(space: Any) -> None:
    space.write("tasks.py", CODE)
    space.write(
        "p.trc",
        """
        pipeline "p" { }
        task alive = python("tasks.py:Alive") { args = { beats = true }, heartbeat_timeout = 1s }
        task silent = python("tasks.py:Alive") { args = { beats = false }, heartbeat_timeout = 1s }
        """,
    )
    assert states(space, code=1) == {"alive": "success", "silent": "failure"}
