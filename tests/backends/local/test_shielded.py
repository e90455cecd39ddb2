"""Executors below a process that is told when to end by somebody else, who may kill its children first."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.contracts.backend_suite import LONG, BackendSuite, World, wait_for_death

from trc.backends.local.workers import LocalExecutor
from trc.runtime.clock import SystemClock
from trc.runtime.executor import Ended, Started
from trc.runtime.surroundings import clean


def make(workers: int) -> LocalExecutor:
    return LocalExecutor(workers, clean(os.environ), SystemClock(), is_shielded=True)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    executor = make(1)
    yield World(tmp_path, executor)
    executor.close()


@pytest.mark.long
class TestShieldedExecutor(BackendSuite):
    def make_executor(self, workers: int, folder: Path) -> LocalExecutor:
        del folder
        return make(workers)


def test_killing_the_children_of_this_process_ends_all_that_attempts_started(world: World) -> None:
    world.write(
        """
        import os, signal, subprocess
        def stay(context):
            child = subprocess.Popen(["sh", "-c", "sleep 1000 & wait"])
            with open("told", "w") as told:
                told.write(f"{os.getpid()} {child.pid}")
            signal.pause()
        """
    )
    told = world.fifo("told")
    order = world.order("stay")
    world.executor.start(order)
    world.wait(Started, order.token)
    processes = list(map(int, told.read_text().split()))
    executor = world.executor
    assert isinstance(executor, LocalExecutor)
    (worker,) = executor._workers
    os.kill(worker._process.pid, signal.SIGKILL)
    for process in processes:
        wait_for_death(process)
    assert world.wait(Ended, order.token).result.failure is not None


def test_a_poll_that_waits_is_ended_from_another_thread(world: World) -> None:
    world.write("def hold(context):\n    open(context.args['gate']).read()\n")
    gate = world.fifo("gate")
    order = world.order("hold", args={"gate": str(gate)})
    executor = world.executor
    assert isinstance(executor, LocalExecutor)
    wake = executor.waker()
    executor.start(order)
    world.wait(Started, order.token)
    waker = threading.Timer(0.05, wake)
    waker.start()
    assert executor.poll(LONG) == []
    waker.join()
    gate.write_text("open")
    assert world.wait(Ended, order.token).result.failure is None
