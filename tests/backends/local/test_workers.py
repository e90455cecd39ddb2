"""The local executor: the suite of all backends, and what is its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.contracts.backend_suite import LONG, BackendSuite, World, wait_for_death

from trc.backends.local.surroundings import clean
from trc.backends.local.workers import LocalExecutor
from trc.runtime.clock import SystemClock
from trc.runtime.executor import Ended, Lost, Started


def make(workers: int) -> LocalExecutor:
    return LocalExecutor(workers, clean(os.environ), SystemClock())


class TestLocalExecutor(BackendSuite):
    def make_executor(self, workers: int) -> LocalExecutor:
        return make(workers)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    executor = make(2)
    yield World(tmp_path, executor)
    executor.close()


def test_a_worker_is_warm(world: World) -> None:
    world.write("import os\ndef go(context):\n    return {'process': os.getpid()}\n")
    processes = {world.success(world.order("go", attempt=n)).values["process"] for n in range(5)}
    assert len(processes) == 1


def test_an_order_does_not_wait_behind_a_long_one(world: World) -> None:
    world.write(
        """
        def hold(context):
            with open(context.args["gate"]) as gate:
                gate.read()
        def quick(context):
            pass
        """
    )
    gates = [world.fifo("gate0"), world.fifo("gate1")]
    first = [world.order("hold", attempt=n, args={"gate": str(gate)}) for n, gate in enumerate(gates)]
    behind = [world.order("quick", attempt=n) for n in range(2)]
    for order in (*first, *behind):
        world.executor.start(order)
    for order in first:
        world.wait(Started, order.token)
    world.reports += world.executor.poll(0)
    gates[0].write_text("open")
    for order in behind:
        world.wait(Ended, order.token)
    assert not any(isinstance(report, Ended) and report.token == first[1].token for report in world.reports)
    gates[1].write_text("open")
    world.wait(Ended, first[1].token)


def test_what_waited_behind_a_dead_worker_runs_elsewhere(world: World) -> None:
    world.write(
        """
        import os
        def tell(context):
            with open("told", "w") as told:
                told.write(str(os.getpid()))
            with open("never") as never:
                never.read()
        def quick(context):
            return {"n": context.attempt}
        """
    )
    told, _never = world.fifo("told"), world.fifo("never")
    executor = make(1)
    try:
        world.executor.close()
        world.executor = executor
        long, quick = world.order("tell"), world.order("quick")
        executor.start(long)
        executor.start(quick)
        world.wait(Started, long.token)
        process = int(told.read_text())
        world.reports += executor.poll(0)
        os.kill(process, signal.SIGKILL)
        failure = world.wait(Ended, long.token).result.failure
        assert failure is not None
        assert failure.reason == "signal"
        assert world.wait(Ended, quick.token).result.values == {"n": 1}
        assert not any(isinstance(report, Lost) for report in world.reports)
    finally:
        executor.close()


def test_a_worker_that_cannot_begin_loses_its_orders(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trc.backends.local.process._HOME", "/nowhere")
    monkeypatch.setattr("trc.backends.local.process._BOOTSTRAP", "import nothing_of_this_name")
    order = world.order("go")
    world.executor.start(order)
    why = world.wait(Lost, order.token).why
    assert why.startswith("never started: the worker process ended at once: ModuleNotFoundError")


def test_workers_die_with_their_parent(tmp_path: Path) -> None:
    World(tmp_path, make(1)).write(
        """
        import os, signal, subprocess
        def stay(context):
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            child = subprocess.Popen(["setsid", "sleep", "1000"])
            with open("told", "w") as told:
                told.write(f"{os.getpid()} {os.getppid()} {child.pid}")
            signal.pause()
        """
    )
    os.mkfifo(tmp_path / "told")
    driver = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys; from pathlib import Path; from tests.backends.local.test_workers import drive; drive(Path(sys.argv[1]))",
            str(tmp_path),
        ],
        cwd=Path(__file__).parents[3],
    )
    processes = [int(one) for one in (tmp_path / "told").read_text().split()]
    driver.kill()
    driver.wait(LONG)
    for process in processes:
        wait_for_death(process)


def drive(folder: Path) -> None:
    """What the parent in `test_workers_die_with_their_parent` does."""
    world = World(folder, make(2))
    world.executor.start(world.order("stay"))
    while True:
        world.executor.poll(None)


def test_polling_without_anything_under_way_returns(world: World) -> None:
    assert list(world.executor.poll(None)) == []
    assert list(world.executor.poll(0)) == []


def test_the_environment_of_a_worker_is_clean(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_CALLER", "1")
    world.write(
        "import os, sys\ndef go(context):\n    return {'env': sorted(os.environ), 'path': sys.path, 'stdin': sys.stdin.read()}\n"
    )
    seen = world.success(world.order("go")).values
    assert set(seen["env"]) <= {"PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "TZ", "LANG", "LC_ALL"}
    assert seen["stdin"] == ""
    assert "" not in seen["path"]
