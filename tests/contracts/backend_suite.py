"""How attempts run, whatever backend runs them: subclass `BackendSuite` and say how an executor is made."""

from __future__ import annotations

import contextlib
import hashlib
import os
import select
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from trc.runtime.executor import Ended, Executor, Lost, Prepared, Progressed, Queued, Report, Started
from trc.runtime.taskside.order import OrderOutput, OrderSecret, TaskOrder
from trc.runtime.taskside.result import AttemptResult, Failure

LONG = 60.0
"""Seconds after which a report that does not come fails the test."""

RAISED = {
    "raise TemporaryError('later')": "temporary error [TemporaryError] later",
    "raise PermanentError('never')": "permanent error [PermanentError] never",
    "raise ValueError('odd é')": "unknown error [ValueError] odd é",
    "raise ValueError": "unknown error [ValueError] ValueError",
    "raise Hostile": "unknown error [Hostile] Hostile",
    "raise MemoryError": "unknown memory [MemoryError] the task ran out of memory",
    "raise GeneratorExit": "unknown error [GeneratorExit] GeneratorExit",
    "return TaskResult(success=False, message='no')": "unknown error [] no",
    "return TaskResult(success=False, error='permanent')": (
        "permanent error [] the task reported a failure without a message"
    ),
    "return 7": (
        "permanent error [PermanentError] "
        "the task returned a int; it may return a TaskResult, a mapping of small values, or None"
    ),
    "return {'x': {1}}": (
        "permanent error [PermanentError] "
        "the task returned values that JSON cannot hold: Object of type set is not JSON serializable"
    ),
    "return {'x': 'y' * 300_000}": (
        "permanent error [PermanentError] "
        "the task returned 300,009 bytes of values; at most 262,144 are kept: write data to an output"
    ),
    "return TaskResult(rows={'other': 1})": (
        'permanent error [PermanentError] the task counted rows of "other", which is not among its outputs: '
    ),
    "import asyncio; return asyncio.sleep(0, 7)": (
        "permanent error [PermanentError] "
        "the task returned a int; it may return a TaskResult, a mapping of small values, or None"
    ),
}
"""The body of a task, and how its failure is told: kind, reason, class, message."""

_Report = TypeVar("_Report", Started, Progressed, Ended, Lost)


class World:
    """A project folder, orders for functions in its `tasks.py`, and an executor that is told to run them."""

    def __init__(self, folder: Path, executor: Executor, workers: int = 1) -> None:
        self.folder = folder
        self.executor = executor
        self.workers = workers
        self.reports: list[Report] = []
        for name in ("logs", "staged"):
            (folder / name).mkdir(exist_ok=True)

    def write(self, code: str, file: str = "tasks.py") -> None:
        path = self.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(code), encoding="utf-8")

    def order(
        self, name: str, *, file: str = "tasks.py", attempt: int = 1, output: bool = False, **more: Any
    ) -> TaskOrder:
        """An order for the function `name`, which is given `args`."""
        token = f"{name}/{attempt}"
        staged = str(self.folder / "staged" / f"{name}.{attempt}")
        fields: dict[str, Any] = {
            "run": "r1",
            "pipeline": "p",
            "task": name,
            "attempt": attempt,
            "token": token,
            "runs": "trc.stdlib_tasks.python.run:run",
            "project": str(self.folder),
            "log": str(self.folder / "logs" / f"{name}.{attempt}.log"),
            "run_time": "2026-01-15T02:00:00+01:00",
            "idempotency_key": f"r1/{name}",
            "params": {"entrypoint": f"{file}:{name}", "args": more.pop("args", {})},
            "outputs": (OrderOutput("output", "file", staged, "/data/out.txt"),) if output else (),
        }
        return TaskOrder(**{**fields, **more})

    def wait(self, kind: type[_Report], token: str) -> _Report:
        """The report of that kind and token, past or to come; what else is reported meanwhile is kept."""
        seen = 0
        while True:
            for report in self.reports[seen:]:
                if isinstance(report, kind) and report.token == token:
                    return report
            seen = len(self.reports)
            self.reports += self.executor.poll(LONG)
            assert len(self.reports) > seen, f"no {kind.__name__} of {token}; there are: {self.reports}"

    def result(self, order: TaskOrder) -> AttemptResult:
        """Runs an order to its end."""
        self.executor.start(order)
        return self.wait(Ended, order.token).result

    def success(self, order: TaskOrder) -> AttemptResult:
        result = self.result(order)
        assert result.failure is None, result.failure
        return result

    def failure(self, order: TaskOrder) -> Failure:
        failure = self.result(order).failure
        assert failure is not None
        return failure

    def log(self, order: TaskOrder) -> str:
        return Path(order.log).read_text(encoding="utf-8")

    def fifo(self, name: str) -> Path:
        """A pipe in the project folder: whoever opens one end waits for the other."""
        path = self.folder / name
        os.mkfifo(path)
        return path


def wait_for_death(process: int) -> None:
    """Returns when the process is gone."""
    with contextlib.suppress(ProcessLookupError):
        descriptor = os.pidfd_open(process)
        try:
            assert select.select([descriptor], [], [], LONG)[0], f"process {process} lives on"
        finally:
            os.close(descriptor)


class BackendSuite:
    """A subclass implements `make_executor`."""

    def make_executor(self, workers: int, folder: Path) -> Executor:
        raise NotImplementedError

    def processes(self, world: World, *told: int) -> list[int]:
        """What this machine calls the processes whose numbers tasks told, those that live."""
        del world
        return [process for process in told if Path(f"/proc/{process}").exists()]

    @pytest.fixture(params=[1, 2], ids=["one-worker", "two-workers"])
    def world(self, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
        executor = self.make_executor(request.param, tmp_path)
        yield World(tmp_path, executor, request.param)
        executor.close()

    # ── what an attempt gives ──

    def test_an_output_is_measured(self, world: World) -> None:
        world.write(
            """
            from trc import TaskResult, task
            @task
            def write(context):
                with open(context.output.path, "w") as file:
                    file.write("a,b\\n1,2\\n")
                return TaskResult(rows={"output": 1}, values={"best": [1, None, "é"]}, message="done")
            """
        )
        order = world.order("write", output=True)
        result = world.success(order)
        (output,) = result.outputs
        assert (output.name, output.path, output.size, output.rows) == ("output", order.outputs[0].path, 8, 1)
        assert output.digest == "sha256:" + hashlib.sha256(b"a,b\n1,2\n").hexdigest()
        assert result.values == {"best": [1, None, "é"]}
        assert result.message == "done"
        assert result.started_at <= result.ended_at
        assert result.peak_memory > 1_000_000
        started = [type(report).__name__ for report in world.reports]
        assert started == ["Started", "Ended"]

    def test_a_class_is_a_task_and_sees_its_context(self, world: World) -> None:
        world.write(
            """
            from trc import BaseTask
            class Tell(BaseTask):
                def execute(self, context):
                    return {"who": [context.run, context.pipeline, context.task, context.attempt],
                            "when": context.run_time, "key": context.idempotency_key, "args": dict(context.args)}
            """
        )
        told = world.success(world.order("Tell", attempt=3, args={"n": 1})).values
        assert told == {
            "who": ["r1", "p", "Tell", 3],
            "when": "2026-01-15T02:00:00+01:00",
            "key": "r1/Tell",
            "args": {"n": 1},
        }

    def test_progress_is_reported(self, world: World) -> None:
        world.write("def go(context):\n    context.progress(3, 10)\n")
        order = world.order("go")
        world.success(order)
        report = world.wait(Progressed, order.token)
        assert (report.done, report.total) == (3, 10)

    def test_an_order_may_be_larger_than_a_pipe(self, world: World) -> None:
        world.write("def go(context):\n    return {'length': len(context.args['text'])}\n")
        orders = [world.order("go", attempt=n, args={"text": "é" * 700_000}) for n in (1, 2, 3)]
        for order in orders:
            world.executor.start(order)
        assert [world.wait(Ended, order.token).result.values for order in orders] == [{"length": 700_000}] * 3

    def test_many_orders_all_end_once(self, world: World) -> None:
        world.write("def go(context):\n    return {'n': context.args['n']}\n")
        waiting = [world.order("go", attempt=n, args={"n": n}) for n in range(200)]
        under_way = 0
        while waiting or under_way:
            while waiting and under_way < world.executor.slots:
                world.executor.start(waiting.pop())
                under_way += 1
            reports = world.executor.poll(LONG)
            assert reports
            under_way -= sum(isinstance(report, Ended) for report in reports)
            world.reports += reports
        ended = [report.result for report in world.reports if isinstance(report, Ended)]
        assert sorted(result.values["n"] for result in ended) == list(range(200))
        begun = [report.token for report in world.reports if isinstance(report, Started)]
        assert len(begun) == len(set(begun)) == 200
        for result in ended:
            told = [
                one for one in world.reports if not isinstance(one, (Queued, Prepared)) and one.token == result.token
            ]
            kinds = [type(report).__name__ for report in told]
            assert kinds == ["Started", "Ended"]

    # ── failures ──

    @pytest.mark.parametrize(("body", "told"), RAISED.items())
    def test_what_a_task_raises_or_returns_is_told(self, world: World, body: str, told: str) -> None:
        world.write(
            f"""
            from trc import PermanentError, TaskResult, TemporaryError
            class Hostile(Exception):
                def __str__(self):
                    raise RuntimeError("no text")
            def go(context):
                {body}
            def after(context):
                return {{"fine": True}}
            """
        )
        failure = world.failure(world.order("go"))
        assert f"{failure.kind} {failure.reason} [{failure.type}] {failure.message}" == told
        assert world.success(world.order("after")).values == {"fine": True}

    def test_a_trace_holds_the_tasks_own_frames_alone(self, world: World) -> None:
        world.write(
            """
            def deep(n):
                return {}["key"] if n == 0 else deep(n - 1)
            def go(context):
                try:
                    deep(1)
                except KeyError as error:
                    raise RuntimeError("outer") from error
            """
        )
        order = world.order("go")
        trace = world.failure(order).trace
        assert trace.count('tasks.py"') == 4
        assert "RuntimeError: outer" in trace
        assert "KeyError: 'key'" in trace
        assert "taskside" not in trace
        assert "stdlib_tasks" not in trace
        assert world.log(order) == trace

    @pytest.mark.parametrize(
        ("code", "retry_on", "kind"), [("3", (), "unknown"), ("3", (3, 4), "temporary"), ("3", (4,), "permanent")]
    )
    def test_an_exit_code_is_told_and_judged(
        self, world: World, code: str, retry_on: tuple[int, ...], kind: str
    ) -> None:
        world.write(
            f"import os, sys\ndef polite(context):\n    sys.exit({code})\ndef rude(context):\n    os._exit({code})\n"
        )
        for name in ("polite", "rude"):
            failure = world.failure(world.order(name, retry_on=retry_on))
            assert (failure.reason, failure.exit_code, failure.kind) == ("exit", 3, kind)

    def test_exit_code_zero_is_success_if_the_output_is_there(self, world: World) -> None:
        world.write(
            """
            import sys
            def go(context):
                open(context.output.path, "w").close()
                sys.exit(0)
            def missing(context):
                sys.exit()
            """
        )
        assert world.success(world.order("go", output=True)).outputs[0].size == 0
        assert world.failure(world.order("missing", output=True)).reason == "output_missing"

    @pytest.mark.parametrize(
        ("body", "why"),
        [
            ("pass", "nothing was written there"),
            ("os.mkdir(context.output.path)", "what is there is no plain file"),
            ("os.symlink('/etc/hostname', context.output.path)", "what is there is a link"),
        ],
    )
    def test_an_output_that_is_no_file_fails_the_attempt(self, world: World, body: str, why: str) -> None:
        world.write(f"import os\ndef go(context):\n    {body}\n")
        order = world.order("go", output=True)
        failure = world.failure(order)
        assert (failure.kind, failure.reason) == ("permanent", "output_missing")
        assert failure.message == (
            f'the output "output" was not written to "{order.outputs[0].path}", the path that the task was given: {why}'
        )

    @pytest.mark.parametrize(
        ("entrypoint", "message"),
        [
            ("nothing.py:go", 'the file "nothing.py" does not exist in "{folder}"'),
            ("tasks.py:nothing", '"tasks.py" defines no "nothing"'),
            ("tasks.py", 'the entrypoint "tasks.py" is not of the form "path/to/file.py:Name"'),
            ("tasks.py:NUMBER", '"NUMBER" in "tasks.py" is a int; a function or a BaseTask is needed'),
            ("tasks.py:Plain", 'the class "Plain" in "tasks.py" is not a BaseTask; derive it from trc.BaseTask'),
        ],
    )
    def test_an_entrypoint_that_names_no_task_is_refused(self, world: World, entrypoint: str, message: str) -> None:
        world.write("NUMBER = 1\nclass Plain:\n    pass\n")
        failure = world.failure(world.order("go", params={"entrypoint": entrypoint}))
        assert (failure.kind, failure.message) == ("permanent", message.format(folder=world.folder))

    # ── violent ends ──

    def test_a_crash_takes_nothing_else_with_it(self, world: World) -> None:
        world.write(
            """
            import ctypes, os, signal
            def crash(context):
                print("last words")
                ctypes.string_at(0)
            def killed(context):
                os.kill(os.getpid(), signal.SIGKILL)
            def fine(context):
                return {"n": context.attempt}
            """
        )
        crash, killed = world.order("crash"), world.order("killed")
        fine = [world.order("fine", attempt=n) for n in range(4)]
        for order in (crash, *fine[:2], killed, *fine[2:]):
            world.executor.start(order)
        failure = world.wait(Ended, crash.token).result.failure
        assert failure is not None
        assert (failure.reason, failure.message, failure.kind) == ("signal", "killed by SIGSEGV", "unknown")
        assert "last words" in world.log(crash)
        failure = world.wait(Ended, killed.token).result.failure
        assert failure is not None
        assert (failure.reason, failure.message) == ("signal", "killed by SIGKILL (out of memory?)")
        assert [world.wait(Ended, order.token).result.values for order in fine] == [{"n": n} for n in range(4)]

    def test_running_out_of_its_memory_fails_one_attempt(self, world: World) -> None:
        world.write(
            """
            def greedy(context):
                held = bytearray(400 << 20)
            def modest(context):
                held = bytearray(100 << 20)
                return {"held": len(held)}
            """
        )
        limit = 200 << 20
        orders = [world.order(name, memory=limit) for name in ("greedy", "modest")] + [world.order("greedy", attempt=2)]
        for order in orders:
            world.executor.start(order)
        greedy, modest, unlimited = (world.wait(Ended, order.token).result for order in orders)
        assert greedy.failure is not None
        assert (greedy.failure.reason, greedy.failure.kind) == ("memory", "unknown")
        assert modest.values == {"held": 100 << 20}
        assert unlimited.failure is None

    def test_stopping_ends_the_whole_tree(self, world: World) -> None:
        world.write(
            """
            import os, signal, subprocess
            def stubborn(context):
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                script = "trap '' TERM; setsid sh -c 'trap \\"\\" TERM; sleep 1000' & sleep 1000"
                child = subprocess.Popen(["sh", "-c", script])
                ours, theirs = os.pipe()
                between = os.fork()
                if between == 0:
                    os.setsid()
                    if os.fork() == 0:
                        os.write(theirs, str(os.getpid()).encode())
                        while True:
                            signal.pause()
                    os._exit(0)
                os.waitpid(between, 0)
                daemon = int(os.read(ours, 100))
                with open("told", "w") as told:
                    told.write(f"{os.getpid()} {child.pid} {daemon}")
                while True:
                    signal.pause()
            """
        )
        told = world.fifo("told")
        order = world.order("stubborn")
        world.executor.start(order)
        world.wait(Started, order.token)
        processes = self.processes(world, *map(int, told.read_text().split()))
        assert len(processes) == 3
        world.executor.stop(order.token, 0.05)
        assert world.wait(Lost, order.token).why == "stopped"
        for process in processes:
            wait_for_death(process)

    def test_stopping_is_polite_first(self, world: World) -> None:
        world.write(
            """
            import signal, sys
            def tidy(context):
                def leave(number, frame):
                    with open("tidied", "w") as file:
                        file.write("yes")
                    sys.exit(0)
                signal.signal(signal.SIGTERM, leave)
                with open("ready", "w") as ready:
                    ready.write("go")
                signal.pause()
            def after(context):
                return {"n": 1}
            """
        )
        ready = world.fifo("ready")
        order, after = world.order("tidy"), world.order("after")
        world.executor.start(order)
        world.wait(Started, order.token)
        ready.read_text()
        world.executor.stop(order.token, LONG)
        assert world.wait(Ended, order.token)
        assert (world.folder / "tidied").read_text() == "yes"
        assert world.success(after).values == {"n": 1}

    def test_stopping_what_has_not_begun_costs_the_others_nothing(self, world: World) -> None:
        world.write(
            """
            def hold(context):
                with open(context.args["gate"]) as gate:
                    gate.read()
                return {"held": True}
            def quick(context):
                return {"n": context.attempt}
            """
        )
        slots = world.executor.slots
        if slots <= world.workers:
            pytest.skip("it takes no more attempts than can begin at once")
        gates = [world.fifo(f"gate{n}") for n in range(slots // 2)]
        holding = [world.order("hold", attempt=n, args={"gate": str(gate)}) for n, gate in enumerate(gates)]
        quick = [world.order("quick", attempt=n) for n in range(slots - len(holding))]
        for order in (*holding, *quick):
            world.executor.start(order)
        for order in holding:
            world.wait(Started, order.token)
        world.reports += world.executor.poll(0)
        world.executor.stop(quick[0].token, LONG)
        assert world.wait(Lost, quick[0].token).why == "stopped"
        for gate in gates:
            gate.write_text("open")
        assert all(world.wait(Ended, order.token).result.values == {"held": True} for order in holding)
        assert [world.wait(Ended, one.token).result.values["n"] for one in quick[1:]] == list(range(1, len(quick)))

    def test_closing_ends_what_runs(self, world: World) -> None:
        world.write(
            """
            import os, signal
            def stay(context):
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                with open("told", "w") as told:
                    told.write(str(os.getpid()))
                signal.pause()
            """
        )
        told = world.fifo("told")
        order = world.order("stay")
        world.executor.start(order)
        world.wait(Started, order.token)
        (process,) = self.processes(world, int(told.read_text()))
        world.executor.close()
        wait_for_death(process)

    # ── made ready ──

    def test_what_was_made_ready_runs_once_when_it_is_started(self, world: World) -> None:
        world.write(
            """
            def go(context):
                with open("runs", "a") as runs:
                    print(context.attempt, file=runs)
            """
        )
        orders = [world.order("go", attempt=n) for n in range(5)]
        world.success(orders[0])
        for order in orders[1:]:
            world.executor.make_ready(order)
            world.success(order)
        assert (world.folder / "runs").read_text().split() == ["0", "1", "2", "3", "4"]
        begun = [report.token for report in world.reports if isinstance(report, Started)]
        assert begun == [order.token for order in orders]

    def test_what_was_made_ready_is_ahead_of_what_is_started_after_it(self, world: World) -> None:
        world.write("def go(context):\n    return {'n': context.attempt}\n")
        world.success(world.order("go", attempt=0))
        made_ready, others = world.order("go", attempt=1), [world.order("go", attempt=n) for n in (2, 3, 4)]
        world.executor.make_ready(made_ready)
        for order in (*others, made_ready):
            world.executor.start(order)
        assert [world.wait(Ended, order.token).result.values["n"] for order in (made_ready, *others)] == [1, 2, 3, 4]

    def test_what_was_made_ready_can_be_stopped_once_it_is_started(self, world: World) -> None:
        world.write("def go(context):\n    pass\ndef hold(context):\n    open(context.args['gate']).read()\n")
        world.success(world.order("go"))
        hold = world.order("hold", args={"gate": str(world.fifo("gate"))})
        world.executor.make_ready(hold)
        world.executor.start(hold)
        world.wait(Started, hold.token)
        world.executor.stop(hold.token, 0)
        world.wait(Lost, hold.token)
        world.success(world.order("go", attempt=2))

    # ── one attempt and the next ──

    def test_everything_that_is_printed_is_in_the_log(self, world: World) -> None:
        world.write(
            """
            import ctypes, os, subprocess, sys
            def loud(context):
                sys.stdout.write("from Python, é\\n")
                ctypes.CDLL(None).puts(b"from C")
                print("to stderr", file=sys.stderr)
                os.write(1, b"from the system\\n")
                subprocess.run(["sh", "-c", "echo from a child; echo and its stderr >&2"])
            def much(context):
                for n in range(20_000):
                    print(n, "\\udc80 lone surrogate")
            def silent(context):
                pass
            def closing(context):
                sys.stdout.close()
                os.close(2)
            """
        )
        loud, much, silent = (world.order(name) for name in ("loud", "much", "silent"))
        for order in (loud, much, silent):
            world.success(order)
        assert sorted(world.log(loud).splitlines()) == [
            "and its stderr", "from C", "from Python, é", "from a child", "from the system", "to stderr",
        ]  # fmt: skip
        assert world.log(much).count("\n") == 20_000
        assert not Path(silent.log).exists()
        world.success(world.order("closing"))
        again = world.order("loud", attempt=2)
        world.success(again)
        assert "from Python, é" in world.log(again)

    def test_nothing_of_one_attempt_is_seen_by_the_next(self, world: World) -> None:
        world.write(
            """
            import os, sys, time
            def look(context):
                return {"env": dict(os.environ), "cwd": os.getcwd(), "path": sys.path, "argv": sys.argv,
                        "umask": oct(os.umask(0o22)), "zone": time.tzname[0]}
            def spoil(context):
                os.environ.clear()
                os.environ["MADE"] = "up"
                os.chdir("/")
                sys.path[:] = ["/nowhere"]
                sys.argv[:] = []
                os.umask(0o077)
                os.environ["TZ"] = "Asia/Tokyo"
                time.tzset()
                sys.stdout = None
            """
        )
        before = world.success(world.order("look")).values
        for attempt in (1, 2, 3):
            world.success(world.order("spoil", attempt=attempt))
        after = world.success(world.order("look", attempt=2)).values
        assert after == before
        assert before["cwd"] == str(world.folder)
        assert before["zone"] == "UTC"

    def test_declared_variables_are_those_of_one_task(self, world: World) -> None:
        world.write("import os\ndef look(context):\n    return {'x': os.environ.get('X'), 'tz': os.environ['TZ']}\n")
        seen = [
            world.success(world.order("look", attempt=n, env=env)).values
            for n, env in enumerate(({}, {"X": "é 1"}, {"TZ": "Asia/Tokyo"}, {}, {"X": "2"}))
        ]
        assert [one["x"] for one in seen] == [None, "é 1", None, None, "2"]
        assert [one["tz"] for one in seen] == ["UTC", "UTC", "Asia/Tokyo", "UTC", "UTC"]

    def test_a_secret_reaches_its_task_and_no_text(self, world: World) -> None:
        world.write(
            """
            import os
            def go(context):
                value = context.args["token"]
                print("printed", value, flush=True)
                os.write(2, value.encode())
                if context.attempt == 2:
                    raise ValueError(value)
                return {"told": value, "length": len(value), "variable": os.environ.get("TOKEN") == value}
            """
        )
        secret = OrderSecret("env:TOKEN", "hunter2/and more", (("params", "args", "token"), ("env", "TOKEN")))
        args = {"token": {"secret": "env:TOKEN"}}
        done, failed = (world.order("go", attempt=n, args=args, secrets=(secret,)) for n in (1, 2))
        assert world.success(done).values == {"told": "***", "length": 16, "variable": True}
        assert world.log(done) == "printed ***\n***"
        failure = world.failure(failed)
        assert failure.message == "***"
        assert "hunter2" not in failure.trace + world.log(failed)
        plain = world.order("go", attempt=3, args={"token": "hunter2/and more"})
        assert world.success(plain).values == {"told": "hunter2/and more", "length": 16, "variable": False}

    def test_code_is_never_stale(self, world: World) -> None:
        for attempt, version in enumerate(("a", "b", "c")):
            # Equal sizes in one second: cached bytecode would be taken for current.
            world.write(f"VALUE = '{version}'\n", "helper.py")
            world.write("import helper\ndef go(context):\n    return {'value': helper.VALUE}\n")
            assert world.success(world.order("go", attempt=attempt)).values == {"value": version}
        world.write("VALUE = 'd'\n", "helper.py")
        assert world.success(world.order("go", attempt=4)).values == {"value": "d"}

    def test_two_modules_of_one_name_stay_apart(self, world: World) -> None:
        for folder in ("one", "two"):
            world.write(f"NAME = '{folder}'\n", f"{folder}/helper.py")
            world.write("import helper\ndef go(context):\n    return {'name': helper.NAME}\n", f"{folder}/main.py")
        orders = [world.order("go", attempt=n, file=f"{('one', 'two')[n % 2]}/main.py") for n in range(6)]
        for order in orders:
            assert world.success(order).values == {"name": ("one", "two")[order.attempt % 2]}

    def test_a_task_may_be_called_like_a_module_of_python(self, world: World) -> None:
        world.write("import random\ndef go(context):\n    return {'ok': random.choice([1])}\n", "json.py")
        world.write(
            "from pkg.parts import VALUE\nfrom . import parts\ndef go(context):\n    return {'v': VALUE, 'same': parts.VALUE}\n",
            "pkg/task.py",
        )
        world.write("", "pkg/__init__.py")
        world.write("VALUE = 5\n", "pkg/parts.py")
        assert world.success(world.order("go", file="json.py")).values == {"ok": 1}
        assert world.success(world.order("go", attempt=2, file="pkg/task.py")).values == {"v": 5, "same": 5}

    def test_what_an_attempt_leaves_running_ends_with_it(self, world: World) -> None:
        world.write(
            """
            import os, subprocess, threading
            def leave(context):
                left = subprocess.Popen(["sh", "-c", "sleep 1000 & sleep 1000"])
                threading.Thread(target=threading.Event().wait, daemon=True).start()
                return {"left": left.pid, "own": [os.uname().nodename, os.getpid()]}
            def look(context):
                return {"own": [os.uname().nodename, os.getpid()], "threads": threading.active_count()}
            """
        )
        left = world.success(world.order("leave")).values
        # It is gone before the outputs are measured, and so before the result is told.
        assert not self.processes(world, left["left"])
        seen = world.success(world.order("look")).values
        assert seen["threads"] == 1
        assert seen["own"] != left["own"]

    def test_a_forked_child_does_not_go_on_as_a_worker(self, world: World) -> None:
        world.write(
            """
            import os
            def fork(context):
                child = os.fork()
                if child == 0:
                    raise ValueError("in the child")
                return {"status": os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}
            """
        )
        order = world.order("fork")
        assert world.success(order).values == {"status": 1}
        assert sum(isinstance(report, Ended) for report in world.reports) == 1

    def test_closing_strange_descriptors_fails_one_attempt(self, world: World) -> None:
        world.write(
            """
            import os
            def close_all(context):
                os.closerange(3, 4096)
            def after(context):
                return {"n": 1}
            """
        )
        failure = world.failure(world.order("close_all"))
        assert failure.reason == "exit"
        assert failure.message == "the task closed file descriptors that it did not open; its result is lost"
        assert world.success(world.order("after")).values == {"n": 1}
