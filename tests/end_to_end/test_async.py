"""Asynchronous Python tasks in runs: which of them share a process, and what their limits cost the others."""

from __future__ import annotations

import json
from typing import Any

import pytest

CODE = """
    import asyncio, os, time
    from trc import BaseTask

    async def where(context):
        await asyncio.sleep(0.01)
        with open(context.output.path, "w") as file:
            file.write(str(os.getpid()))

    class Where(BaseTask):
        async def execute(self, context):
            await where(context)

    def plain(context):
        with open(context.output.path, "w") as file:
            file.write(str(os.getpid()))

    async def blocks(context):
        await asyncio.sleep(0.2)
        time.sleep(600)

    async def tries(context):
        with open(f"tries-{context.task}", "a") as file:
            file.write(f"{context.attempt} ")
        if context.attempt == 1:
            await asyncio.sleep(600)
"""


def task(name: str, more: str = "", entry: str = "where") -> str:
    return (
        f'{{id: {name}, type: python, params: {{entrypoint: "t.py:{entry}", output_uri: out/{name}, output_format: file}}'
        f"{', ' if more else ''}{more}}}"
    )


TASKS = {
    "a": task("a"),
    "b": task("b", entry="Where"),
    "plain": task("plain", entry="plain"),
    "env": task("env", "environment: {env: {X: y}}"),
    "memory": task("memory", "environment: {memory_limit: 500MB}"),
    "secret": task("secret", 'environment: {env: {KEY: {secret: "file:key"}}}'),
}


def test_what_asks_for_nothing_of_its_process_shares_one(space: Any) -> None:
    space.write("t.py", CODE)
    space.write("key", "hunter2-is-secret")
    space.write("p.yaml", "name: p\nnodes:\n" + "".join(f"  - {one}\n" for one in TASKS.values()))
    space.trc("run", "p.yaml")
    ran = {name: int(space.read(f"out/{name}")) for name in TASKS}
    assert ran["a"] == ran["b"]
    assert ran["a"] not in {ran[name] for name in ("plain", "env", "memory", "secret")}
    space.write("trc.toml", "[local]\nmax_async = 0\nworkers = 1\n")
    space.trc("run", "p.yaml", "--force")
    assert space.read("out/a") == space.read("out/plain"), "a worker's process serves both, one after the other"


def test_how_a_task_runs_is_no_part_of_its_key(space: Any) -> None:
    space.write("t.py", CODE)
    declared = TASKS["a"].replace("output_uri", "inputs: [], output_uri")
    space.write("p.yaml", f"name: p\nnodes: [{declared.replace('}}', '}, incremental: {enabled: true}}')}]\n")
    space.trc("run", "p.yaml")
    space.write("trc.toml", "[local]\nmax_async = 0\n")
    assert space.states() == {"a": "skipped"}


def test_a_timeout_of_one_costs_the_others_no_retry(space: Any) -> None:
    """What keeps the event loop from turning is ended with its process; the others begin again, and have all their attempts."""
    space.write("t.py", CODE)
    space.write(
        "p.yaml",
        """
        name: p
        nodes:
          - {id: stuck, type: python, params: {entrypoint: "t.py:blocks"}, timeout: 1s}
          - {id: x, type: python, params: {entrypoint: "t.py:tries"}}
          - {id: y, type: python, params: {entrypoint: "t.py:tries"}}
        """,
    )
    assert space.states(code=1) == {"stuck": "failure", "x": "success", "y": "success"}
    assert space.read("tries-x") == space.read("tries-y") == "1 2 "
    failed = json.loads(space.trc("status", "--json").out)["tasks"][0]["error"]
    assert failed["reason"] == "timeout"


def test_a_timeout_ends_one_that_yields_and_nothing_else(space: Any) -> None:
    space.write(
        "t.py",
        CODE
        + """
    async def sleeps(context):
        await asyncio.sleep(600)

    async def outlasts(context):
        with open("outlasts", "a") as file:
            file.write(f"{context.attempt} ")
        await asyncio.sleep(2)
""",
    )
    space.write(
        "p.yaml",
        """
        name: p
        nodes:
          - {id: long, type: python, params: {entrypoint: "t.py:sleeps"}, timeout: 1s}
          - {id: other, type: python, params: {entrypoint: "t.py:outlasts"}}
        """,
    )
    assert space.states(code=1) == {"long": "failure", "other": "success"}
    assert space.read("outlasts") == "1 "


@pytest.mark.parametrize("value", ["-1", "10001", '"many"'])
def test_a_number_that_cannot_be_is_refused(space: Any, value: str) -> None:
    space.write("trc.toml", f"[local]\nmax_async = {value}\n")
    space.write("p.yaml", "name: p\nnodes: [{id: a, type: duckdb_sql, params: {sql: select 1 as x}}]\n")
    assert '"local.max_async" takes a whole number from 0 to 10000' in space.trc("run", "p.yaml", code=2).err
