"""Asynchronous attempts: many in one process, each with its own log, result, end and fate."""

from __future__ import annotations

import os
import textwrap
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.contracts.backend_suite import RAISED, World

from trc.backends.local.workers import LocalExecutor
from trc.runtime.clock import SystemClock
from trc.runtime.executor import Ended, Lost, Progressed, Started
from trc.runtime.surroundings import clean
from trc.runtime.taskside.order import TaskOrder


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    executor = LocalExecutor(2, clean(os.environ), SystemClock(), 500)
    yield World(tmp_path, executor)
    executor.close()


def order(world: World, name: str, attempt: int = 1, *, output: bool = False, **args: Any) -> TaskOrder:
    return replace(world.order(name, attempt=attempt, output=output, args=args), is_async=True)


MEET = """
    import asyncio, os
    here, everyone = [], asyncio.Event()

    async def meet(context):
        here.append(context.attempt)
        if len(here) == context.args["count"]:
            everyone.set()
        await everyone.wait()
        print("met", context.attempt)
        return {"process": os.getpid(), "n": context.attempt}
    """


def test_many_attempts_run_at_the_same_time_in_one_process(world: World) -> None:
    """Each waits for all: were one of them held back, none would end."""
    world.write(MEET)
    orders = [order(world, "meet", n, count=300) for n in range(300)]
    for one in orders:
        world.executor.start(one)
    results = [world.wait(Ended, one.token).result for one in orders]
    assert [one.values["n"] for one in results] == list(range(300))
    assert len({one.values["process"] for one in results}) == 1
    assert [world.log(one) for one in orders] == [f"met {n}\n" for n in range(300)]
    assert sum(isinstance(one, Started) for one in world.reports) == 300


@pytest.mark.parametrize("body", [one for one in RAISED if "asyncio" not in one])
def test_failures_are_told_as_those_of_other_tasks(world: World, body: str) -> None:
    world.write(f"""
        from trc import PermanentError, TaskResult, TemporaryError
        class Hostile(Exception):
            def __str__(self):
                raise RuntimeError("no text")
        async def go(context):
            {body}
        """)
    failure = world.failure(order(world, "go"))
    assert f"{failure.kind} {failure.reason} [{failure.type}] {failure.message}".startswith(RAISED[body])


def test_a_class_with_an_asynchronous_execute_is_a_task_and_its_output_is_measured(world: World) -> None:
    world.write("""
        from trc import BaseTask, TaskResult
        class Write(BaseTask):
            async def execute(self, context):
                context.progress(1, 2)
                with open(context.output.path, "w") as file:
                    file.write("a\\n1\\n")
                return TaskResult(rows={"output": 1}, message="done")
        """)
    one = order(world, "Write", output=True)
    result = world.success(one)
    assert (result.outputs[0].size, result.outputs[0].rows, result.message) == (4, 1, "done")
    assert world.wait(Progressed, one.token).total == 2
    missing = order(world, "Write", 2, output=True)
    world.write("class Write:\n    pass\nasync def Write(context):\n    pass\n")
    assert world.failure(missing).reason == "output_missing"


def test_each_log_holds_what_its_attempt_prints_in_whatever_way(world: World) -> None:
    world.write("""
        import asyncio, logging, sys
        logging.basicConfig(format="%(message)s", level="INFO")

        async def talk(context):
            for step in range(3):
                print(context.attempt, step)
                await asyncio.sleep(0)
                logging.info("log %s", context.attempt)
            await asyncio.to_thread(print, "thread", context.attempt)
            await asyncio.create_task(child(context))
            if context.attempt == 2:
                raise ValueError("odd")

        async def child(context):
            print("child", context.attempt, file=sys.stderr)

        async def silent(context):
            pass
        """)
    orders = [order(world, "talk", n) for n in range(3)]
    silent = order(world, "silent")
    for one in (*orders, silent):
        world.executor.start(one)
    for one in (*orders, silent):
        world.wait(Ended, one.token)
    for n, one in enumerate(orders):
        said = world.log(one).splitlines()
        assert sorted(said[:6]) == sorted([f"{n} 0", f"{n} 1", f"{n} 2", *[f"log {n}"] * 3])
        assert said[6:8] == [f"thread {n}", f"child {n}"]
        assert said[8:] == [] if n != 2 else said[-1] == "ValueError: odd"
    assert not Path(silent.log).exists()


HOLD = """
    import asyncio, os, time

    async def hold(context):
        try:
            await asyncio.sleep(600)
        finally:
            print("cleaned up")

    async def stubborn(context):
        while True:
            try:
                await asyncio.sleep(600)
            except asyncio.CancelledError:
                print("no")

    async def blocks(context):
        time.sleep(600)

    async def leaves(context):
        context.args
        asyncio.create_task(late(context))
        await asyncio.sleep(0)

    async def late(context):
        try:
            await asyncio.sleep(600)
        finally:
            print("ended too")

    async def dies(context):
        if context.args.get("alone"):
            os._exit(7)
        open(context.args["gate"]).close()
        os._exit(7)

    async def quick(context):
        return {"process": os.getpid()}
    """


def test_a_canceled_attempt_ends_by_itself_and_touches_no_other(world: World) -> None:
    world.write(HOLD)
    stopped, other = order(world, "hold", 1), order(world, "hold", 2)
    for one in (stopped, other):
        world.executor.start(one)
        world.wait(Started, one.token)
    began = time.monotonic()
    world.executor.stop(stopped.token, 30)
    failure = world.wait(Ended, stopped.token).result.failure
    assert failure is not None
    assert (failure.message, failure.reason) == ("it was stopped", "signal")
    assert time.monotonic() - began < 20
    assert world.log(stopped) == "cleaned up\n"
    world.success(order(world, "quick"))
    assert not any(report.token == other.token for report in world.reports if isinstance(report, (Ended, Lost)))


@pytest.mark.parametrize("name", ["stubborn", "blocks"])
def test_an_attempt_that_does_not_end_costs_the_process_and_the_others_nothing(world: World, name: str) -> None:
    world.write(HOLD)
    other, stuck = order(world, "hold"), order(world, name)
    for one in (other, stuck):
        world.executor.start(one)
        world.wait(Started, one.token)
    before = world.success(order(world, "quick", 1)).values["process"] if name == "stubborn" else None
    world.executor.stop(stuck.token, 0.2)
    assert world.wait(Lost, stuck.token).why == "stopped"
    assert world.wait(Lost, other.token).why == "its worker process was ended for another attempt"
    assert world.success(order(world, "quick", 2)).values["process"] != before


def test_what_an_attempt_leaves_running_ends_with_it(world: World) -> None:
    world.write(HOLD)
    one = order(world, "leaves")
    world.success(one)
    assert world.log(one) == "ended too\n"


def test_a_process_that_dies_with_one_attempt_is_its_failure(world: World) -> None:
    world.write(HOLD)
    failure = world.failure(order(world, "dies", alone=True))
    assert (failure.reason, failure.exit_code) == ("exit", 7)


def test_who_ended_the_process_shows_in_one_of_its_own(world: World) -> None:
    """Of many it could be any: all are tried again, each by itself."""
    world.write(HOLD)
    gate = world.fifo("gate")
    orders = [order(world, "dies", gate=str(gate)), order(world, "hold")]
    for one in orders:
        world.executor.start(one)
    world.wait(Started, orders[1].token)
    gate.open("w").close()
    for one in orders:
        assert world.wait(Lost, one.token).why == "its worker process ended while 1 other attempt ran in it"
    again = order(world, "dies", 2, alone=True)
    bystander = order(world, "quick", 2)
    world.executor.start(bystander)
    assert world.failure(again).exit_code == 7
    assert world.wait(Ended, bystander.token).result.failure is None


def test_orders_of_any_length_and_number_arrive(world: World) -> None:
    world.write("async def go(context):\n    return {'length': len(context.args['text'])}\n")
    orders = [order(world, "go", n, text="é" * 300_000) for n in range(20)]
    for one in orders:
        world.executor.start(one)
    assert {world.wait(Ended, one.token).result.values["length"] for one in orders} == {300_000}


def test_code_that_changes_is_loaded_anew(world: World) -> None:
    for n in range(3):
        world.write(
            textwrap.dedent(f"""
            async def go(context):
                return {{"n": {n}}}
            """)
        )
        assert world.success(order(world, "go", n)).values == {"n": n}


def test_without_a_shared_process_each_runs_in_one_of_its_own(tmp_path: Path) -> None:
    executor = LocalExecutor(1, clean(os.environ), SystemClock())
    world = World(tmp_path, executor)
    world.write("import asyncio\nasync def go(context):\n    await asyncio.sleep(0)\n    return {'done': True}\n")
    assert executor.async_slots == 0
    assert world.success(order(world, "go")).values == {"done": True}
    executor.close()
