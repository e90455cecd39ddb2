"""The local executor: the suite of all backends, and what is its own."""

from __future__ import annotations

import fcntl
import json
import os
import select
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.contracts.backend_suite import LONG, BackendSuite, World, wait_for_death

from trc.backends.local.turns import MUCH, Turns
from trc.backends.local.workers import LocalExecutor
from trc.runtime.clock import SystemClock
from trc.runtime.executor import Ended, Lost, Started
from trc.runtime.spec import SecretSpec, SkipSpec, TaskSpec
from trc.runtime.surroundings import clean
from trc.runtime.taskside.items import OrderItem
from trc.runtime.taskside.order import OrderCheck, OrderChecks, OrderInput, TaskOrder


def make(workers: int) -> LocalExecutor:
    return LocalExecutor(workers, clean(os.environ), SystemClock())


class TestLocalExecutor(BackendSuite):
    def make_executor(self, workers: int, folder: Path) -> LocalExecutor:
        del folder
        return make(workers)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    given = World(tmp_path, make(2))
    yield given
    given.executor.close()


def replaced(world: World, workers: int) -> LocalExecutor:
    """Another executor in the place of the world's own, and closed in its place."""
    world.executor.close()
    world.executor = executor = make(workers)
    return executor


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
    executor = replaced(world, 1)
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


SHORT_AND_LONG = """
import os
def short(context):
    return {"n": context.attempt, "process": os.getpid(), "kind": os.environ.get("KIND")}
def hold(context):
    with open(context.args["told"], "w") as told:
        told.write(str(os.getpid()))
    with open(context.args["gate"]) as gate:
        gate.read()
"""


class Pipeful:
    """A worker that runs a long attempt, with short ones in its pipe behind it, because all before were short."""

    def __init__(self, world: World, workers: int) -> None:
        self.world, self.executor = world, replaced(world, workers)
        world.write(SHORT_AND_LONG)
        self.told, self.gate = world.fifo("told"), world.fifo("gate")
        others = [self._hold_one(n) for n in range(workers - 1)]
        warm_up = iter(range(1000, 3000))
        while self.executor.slots <= 8 + 2 * (workers - 1):
            world.success(world.order("short", attempt=next(warm_up)))
        self.long = world.order("hold", args={"told": str(self.told), "gate": str(self.gate)})
        self.behind = [world.order("short", attempt=n) for n in range(8)]
        for order in (self.long, *self.behind):
            self.executor.start(order)
        self.process = int(self.told.read_text())
        self.others = others

    def _hold_one(self, number: int) -> Path:
        """Keeps one worker busy until its gate is written to."""
        told, gate = self.world.fifo(f"told{number}"), self.world.fifo(f"gate{number}")
        self.executor.start(self.world.order("hold", attempt=100 + number, args={"told": str(told), "gate": str(gate)}))
        told.read_text()
        return gate

    def assert_short_ones_end(self, *, but: int | None = None) -> None:
        orders = [order for order in self.behind if order.attempt != but]
        for order in orders:
            assert self.world.wait(Ended, order.token).result.values["n"] == order.attempt
        tokens = [report.token for report in self.world.reports if isinstance(report, Started)]
        assert len(tokens) == len(set(tokens))


def test_short_attempts_wait_in_the_pipe_and_keep_their_order(world: World) -> None:
    pipeful = Pipeful(world, 1)
    pipeful.gate.write_text("open")
    pipeful.assert_short_ones_end()
    ended = [report.token for report in world.reports if isinstance(report, Ended)]
    assert ended[-9:] == [order.token for order in (pipeful.long, *pipeful.behind)]


def test_what_waits_behind_a_long_one_is_shared_out(world: World) -> None:
    pipeful = Pipeful(world, 2)
    pipeful.others[0].write_text("open")
    pipeful.assert_short_ones_end()
    assert not any(isinstance(report, Ended) and report.token == pipeful.long.token for report in world.reports)
    pipeful.gate.write_text("open")
    world.wait(Ended, pipeful.long.token)


def test_a_worker_of_another_kind_makes_place_for_what_waits_behind_a_long_one(world: World) -> None:
    pipeful = Pipeful(world, 1)
    pipeful.executor._most = 2
    other = world.order("short", attempt=50, env={"KIND": "other"})
    pipeful.executor.start(other)
    assert world.wait(Ended, other.token).result.values["kind"] == "other"
    pipeful.assert_short_ones_end()
    pipeful.gate.write_text("open")
    world.wait(Ended, pipeful.long.token)


def test_all_that_waited_behind_a_dead_worker_runs_once(world: World) -> None:
    pipeful = Pipeful(world, 1)
    os.kill(pipeful.process, signal.SIGKILL)
    assert world.wait(Ended, pipeful.long.token).result.failure is not None
    pipeful.assert_short_ones_end()
    assert not any(isinstance(report, Lost) for report in world.reports)


@pytest.mark.parametrize("number", [0, 4, 7])
def test_one_of_many_that_wait_can_be_stopped(world: World, number: int) -> None:
    pipeful = Pipeful(world, 1)
    stopped = pipeful.behind[number]
    pipeful.executor.stop(stopped.token, LONG)
    assert world.wait(Lost, stopped.token).why == "stopped"
    pipeful.gate.write_text("open")
    pipeful.assert_short_ones_end(but=number)


def test_stopping_the_running_one_spares_all_that_wait(world: World) -> None:
    pipeful = Pipeful(world, 1)
    pipeful.executor.stop(pipeful.long.token, 0)
    assert world.wait(Lost, pipeful.long.token).why == "stopped"
    pipeful.assert_short_ones_end()


def test_however_orders_are_shared_out_each_runs_once(world: World) -> None:
    executor = replaced(world, 3)
    world.write("def go(context):\n    return {'n': context.attempt}\n")
    waiting = [world.order("go", attempt=n) for n in range(1500)]
    under_way = 0
    while waiting or under_way:
        for order in [waiting.pop() for _ in range(min(len(waiting), executor.slots - under_way))]:
            executor.start(order)
            under_way += 1
        reports = executor.poll(LONG)
        under_way -= sum(isinstance(report, Ended | Lost) for report in reports)
        world.reports += reports
    ended = [report.result.values["n"] for report in world.reports if isinstance(report, Ended)]
    assert sorted(ended) == list(range(1500))
    begun = [report.token for report in world.reports if isinstance(report, Started)]
    assert len(begun) == len(set(begun)) == 1500


def test_an_idle_worker_alone_is_made_ready(world: World) -> None:
    world.write(SHORT_AND_LONG)
    assert not world.executor.make_ready(world.order("short", attempt=1))
    world.success(world.order("short", attempt=2))
    assert not world.executor.make_ready(world.order("short", attempt=3, env={"KIND": "other"}))
    assert not world.executor.make_ready(world.order("short", attempt=4, args={"long": "x" * select.PIPE_BUF}))
    assert world.executor.make_ready(world.order("short", attempt=5))
    assert not world.executor.make_ready(world.order("short", attempt=6))


def test_nothing_of_an_attempt_happens_before_it_is_started(world: World) -> None:
    world.write("def quick(context):\n    pass\ndef go(context):\n    open('begun', 'w')\n")
    world.success(world.order("quick"))
    order = world.order("go")
    assert world.executor.make_ready(order)
    (worker,) = world.executor._workers  # type: ignore[attr-defined]
    while _bytes_in(worker._taken_back):
        """The worker has not read it yet."""
    # It comes behind, so that the worker has dealt with what it read by the time that this has ended.
    behind = world.order("quick", attempt=2)
    worker.ready = None
    world.success(behind)
    assert not (world.folder / "begun").exists()
    assert not Path(order.log).exists()


def test_what_was_made_ready_is_lost_with_its_worker_and_not_run(world: World) -> None:
    world.write(SHORT_AND_LONG)
    process = world.success(world.order("short", attempt=1)).values["process"]
    order = world.order("short", attempt=2)
    assert world.executor.make_ready(order)
    os.kill(process, signal.SIGKILL)
    wait_for_death(process)
    world.executor.start(order)
    assert world.wait(Lost, order.token).why == "its worker process ended before it took the order"
    assert world.success(world.order("short", attempt=3)).values["process"] != process


def _bytes_in(pipe: int) -> int:
    waiting: int = struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4))[0]
    return waiting


def test_nothing_but_logs_is_left_in_their_folder(world: World) -> None:
    world.write("def silent(context):\n    pass\ndef loud(context):\n    print('loud')\n")
    for attempt in range(3):
        for name in ("loud", "silent"):
            world.success(world.order(name, attempt=attempt))
    world.executor.close()
    logs = world.folder / "logs"
    assert {path.name: path.read_text() for path in logs.iterdir()} == {f"loud.{n}.log": "loud\n" for n in range(3)}


def test_a_worker_that_cannot_begin_loses_its_orders(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trc.backends.local.process._HOME", "/nowhere")
    monkeypatch.setattr("trc.backends.local.process._BOOTSTRAP", "import nothing_of_this_name")
    order = world.order("go")
    world.executor.start(order)
    why = world.wait(Lost, order.token).why
    assert why.startswith("never started: the worker process ended at once: ModuleNotFoundError")


def test_workers_die_with_their_parent(world: World) -> None:
    world.write(
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
    told = world.fifo("told")
    driver = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys; from pathlib import Path; from tests.backends.local.test_workers import drive; drive(Path(sys.argv[1]))",
            str(world.folder),
        ],
        cwd=Path(__file__).parents[3],
    )
    processes = [int(one) for one in told.read_text().split()]
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


def query_over(world: World, size: int, number: int = 0, *, threads: int | None = None) -> TaskOrder:
    """A query over a file of that many bytes: it tells that it began, and ends when its gate is written to."""
    data = world.folder / f"data{number}"
    with data.open("wb") as file:
        file.truncate(size)
    args = {"told": str(world.fifo(f"told{number}")), "gate": str(world.fifo(f"gate{number}"))}
    read = OrderInput("orders", "csv", (str(data),))
    return replace(world.order("hold", attempt=number, args=args), query="SELECT 1", inputs=(read,), threads=threads)


def await_beginning(order: TaskOrder) -> None:
    assert Path(order.params["args"]["told"]).read_text()


def open_gate(order: TaskOrder) -> None:
    Path(order.params["args"]["gate"]).write_text("open")


def test_queries_over_much_data_take_turns_and_keep_no_worker_from_others(world: World) -> None:
    world.write(SHORT_AND_LONG)
    first, second, third = (query_over(world, MUCH, number) for number in range(3))
    for order in (first, second, third):
        world.executor.start(order)
    await_beginning(first)
    quick = [world.order("short", attempt=number) for number in range(10, 14)]
    assert world.executor.slots == 4 + 2, "what waits for its turn takes no place"
    for order in quick:
        world.executor.start(order)
    for order in quick:
        world.wait(Ended, order.token)
    begun = {report.token for report in world.reports if isinstance(report, Started)}
    assert begun.isdisjoint({second.token, third.token})
    for now, later in ((first, second), (second, third)):
        open_gate(now)
        world.wait(Ended, now.token)
        await_beginning(later)
    open_gate(third)
    world.wait(Ended, third.token)


@pytest.mark.parametrize(
    ("size", "threads"), [pytest.param(MUCH - 1, None, id="little data"), pytest.param(MUCH, 1, id="its own threads")]
)
def test_other_queries_run_beside_each_other(world: World, size: int, threads: int | None) -> None:
    world.write(SHORT_AND_LONG)
    orders = [query_over(world, size, number, threads=threads) for number in range(2)]
    for order in orders:
        world.executor.start(order)
    for order in orders:
        await_beginning(order)
    for order in orders:
        open_gate(order)
        world.wait(Ended, order.token)


@pytest.mark.parametrize(
    ("workers", "processors", "most", "threads"), [(2, 2, 1, 2), (16, 16, 4, 4), (1, 8, 1, 8), (8, 3, 1, 3)]
)
def test_machine_is_shared_among_as_many_as_keep_it_busy(
    workers: int, processors: int, most: int, threads: int
) -> None:
    turns = Turns(workers, processors)
    assert (turns.most, turns.threads) == (most, threads)


def test_query_over_much_data_has_the_threads_of_its_turn(world: World) -> None:
    orders = [query_over(world, MUCH, 1), query_over(world, MUCH - 1, 2), query_over(world, MUCH, 3, threads=7)]
    executor = make(2)
    executor._turns = Turns(16, 16)
    assert [json.loads(executor._handed(one).line)["threads"] for one in orders] == [4, None, 7]
    executor.close()


def test_workers_load_what_the_first_tasks_need_before_there_is_an_order(world: World) -> None:
    world.write("import sys\ndef go(context):\n    return {'has': 'duckdb' in sys.modules}\n")
    spec = TaskSpec("rows", "duckdb_sql", "trc.stdlib_tasks.duckdb_sql.run:run", (), SkipSpec(can_skip=True))
    assert world.success(world.order("go")).values == {"has": False}
    executor = replaced(world, 1)
    executor.expect([spec, spec])
    assert len(executor._workers) == 1
    assert world.success(world.order("go", attempt=2)).values == {"has": True}


def test_what_cannot_be_loaded_ahead_is_told_by_the_order(world: World) -> None:
    world.write("def go(context):\n    pass\n")
    world.executor.expect([TaskSpec("rows", "nothing", "no.such.module:run", (), SkipSpec(can_skip=True))])
    world.success(world.order("go"))


FIRST = TaskSpec("rows", "python", "trc.stdlib_tasks.python.run:run", (), SkipSpec(can_skip=True))


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param(replace(FIRST, environment="e1"), id="environment"),
        pytest.param(replace(FIRST, secrets=(SecretSpec("env:X", ()),)), id="secrets"),
        pytest.param(replace(FIRST, is_async=True), id="asynchronous"),
    ],
)
def test_nothing_is_loaded_ahead_for_a_process_of_another_kind(spec: TaskSpec) -> None:
    executor = make(2)
    executor.expect([spec])
    assert executor._workers == []
    executor.close()


def test_numbers_that_are_none_reach_the_task(world: World) -> None:
    """JSON has no word for them, and writers of it that are fast say null."""
    world.write(
        "def go(context):\n    return {'all': [repr(one) for one in (*context.args['numbers'], context.item)]}\n"
    )
    numbers = [float("nan"), float("-inf"), 1.5, 1 << 70]
    order = world.order("go", args={"numbers": numbers}, item=OrderItem(float("inf")))
    assert world.success(order).values == {"all": ["nan", "-inf", "1.5", str(1 << 70), "inf"]}


NAN = float("nan")
CHECK = OrderCheck("accepted_values(x)", "accepted_values", {"column": "x", "values": [NAN]})


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({"args": {"deep": [{"x": NAN}]}}, id="arguments"),
        pytest.param({"item": OrderItem([NAN])}, id="an item"),
        pytest.param({"handed": {"x": NAN}}, id="results of others"),
        pytest.param({"checks": OrderChecks("c:c", OrderInput("x", "csv", ()), "", (CHECK,))}, id="expectations"),
    ],
)
def test_what_data_may_hold_is_written_as_it_is(world: World, more: dict[str, Any]) -> None:
    executor = make(1)
    assert b"NaN" in executor._handed(world.order("go", **more)).line
    executor.close()
