"""What attempts with secrets print, tell and leave behind in the local backend: never a secret."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.contracts.backend_suite import World

from trc.backends.local.workers import LocalExecutor
from trc.runtime.clock import SystemClock
from trc.runtime.executor import Started
from trc.runtime.surroundings import clean
from trc.runtime.taskside.order import OrderSecret, TaskOrder

VALUE = "hunter2 and/or more"
ARGS = OrderSecret("env:TOKEN", VALUE, (("params", "args", "token"), ("env", "TOKEN")))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    executor = LocalExecutor(2, clean(os.environ), SystemClock())
    yield World(tmp_path, executor)
    executor.close()


def order(world: World, name: str, secrets: tuple[OrderSecret, ...] = (ARGS,), **more: Any) -> TaskOrder:
    args = {"token": {"secret": "env:TOKEN"}, **more.pop("args", {})}
    return world.order(name, args=args, secrets=secrets, **more)


def test_code_sees_the_value_where_the_order_says(world: World) -> None:
    world.write(
        """
        import os
        def go(context):
            return {"same": context.args["token"] == os.environ["TOKEN"], "length": len(context.args["token"]),
                    "names": sorted(name for name in os.environ if "TOKEN" in name)}
        """
    )
    assert world.success(order(world, "go")).values == {"same": True, "length": len(VALUE), "names": ["TOKEN"]}


def test_a_value_deep_in_the_arguments_is_put_there(world: World) -> None:
    world.write("def go(context):\n    return {'n': len(context.args['a'][1]['b'])}\n")
    deep = OrderSecret("file:x", VALUE, (("params", "args", "a", 1, "b"),))
    args = {"a": [0, {"b": {"secret": "file:x"}}]}
    assert world.success(world.order("go", args=args, secrets=(deep,))).values == {"n": len(VALUE)}


def test_whatever_prints_it_the_log_is_masked(world: World) -> None:
    world.write(
        """
        import base64, logging, os, subprocess, sys
        from urllib.parse import quote
        def go(context):
            value = context.args["token"]
            print("printed", value)
            print("encoded", base64.b64encode(value.encode()).decode(), quote(value, safe=""))
            logging.warning("logged %s", value)
            os.write(1, b"in " + value[:7].encode())
            os.write(2, value[7:].encode() + b" pieces\\n")
            subprocess.run(["/bin/sh", "-c", 'echo "by a child $TOKEN"'], check=True)
        """
    )
    log_of = order(world, "go")
    world.success(log_of)
    assert world.log(log_of).splitlines() == [
        "printed ***", "encoded *** ***", "WARNING:root:logged ***", "in *** pieces", "by a child ***",
    ]  # fmt: skip


def test_a_failure_tells_nothing(world: World) -> None:
    world.write(
        """
        def go(context):
            try:
                {}[context.args["token"]]
            except KeyError as error:
                raise type("Wrong " + context.args["token"], (ValueError,), {})("no such user: " + context.args["token"]) from error
        """
    )
    failed = order(world, "go")
    failure = world.failure(failed)
    assert (failure.message, failure.type) == ("no such user: ***", "Wrong ***")
    assert "KeyError: '***'" in failure.trace
    assert VALUE not in failure.trace + world.log(failed)


def test_a_trace_that_is_cut_holds_no_half_of_it(world: World) -> None:
    """Where the trace is cut off, what is left of a value is not known as one any more."""
    world.write(
        """
        def go(context):
            raise ValueError(context.args["token"] * 3000 + "x" * 10)
        """
    )
    failed = order(world, "go")
    failure = world.failure(failed)
    for text in (failure.trace, failure.message, world.log(failed)):
        assert "hunter2" not in text
        assert "more" not in text.replace("most recent call last", "")


def test_what_a_task_returns_is_masked(world: World) -> None:
    world.write(
        """
        from trc import TaskResult
        def go(context):
            value = context.args["token"]
            return TaskResult(message="done for " + value, values={value: [value, {"x": value + "!"}], "n": 1})
        def fails(context):
            return TaskResult(success=False, message="not for " + context.args["token"])
        """
    )
    done = world.success(order(world, "go"))
    assert (done.message, done.values) == ("done for ***", {"***": ["***", {"x": "***!"}], "n": 1})
    assert world.failure(order(world, "fails")).message == "not for ***"


def test_a_killed_worker_leaves_a_masked_log(world: World) -> None:
    world.write(
        """
        import os, signal
        def go(context):
            print("before " + context.args["token"], flush=True)
            os.write(1, context.args["token"][:9].encode())
            os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    killed = order(world, "go")
    assert world.failure(killed).reason == "signal"
    assert world.log(killed) == "before ***\n***"


def test_what_was_printed_before_a_stop_is_masked(world: World) -> None:
    gate = world.fifo("gate")
    world.write(
        """
        import signal
        def go(context):
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            print(context.args["token"], flush=True)
            with open("gate") as gate:
                gate.read()
        """
    )
    stopped = order(world, "go")
    world.executor.start(stopped)
    world.wait(Started, stopped.token)
    with gate.open("w"):
        world.executor.stop(stopped.token, 0)
        while not any(getattr(one, "token", None) == stopped.token for one in world.executor.poll(5)):
            pass
    assert world.log(stopped) == "***\n"


def test_a_process_serves_only_tasks_of_the_same_secrets(world: World) -> None:
    world.write("import os\ndef go(context):\n    return {'process': os.getpid()}\n")
    other = OrderSecret("env:OTHER", "correct horse", (("params", "args", "token"),))

    def process(secrets: tuple[OrderSecret, ...], attempt: int) -> int:
        return int(world.success(order(world, "go", secrets, attempt=attempt)).values["process"])

    first, again = process((ARGS,), 1), process((ARGS,), 2)
    with_none = process((), 3)
    with_another, with_both = process((other,), 4), process((ARGS, other), 5)
    assert first == again
    assert len({first, with_none, with_another, with_both}) == 4


def test_the_value_is_in_no_argument_and_no_variable_of_the_worker(world: World) -> None:
    world.write(
        """
        import os
        def go(context):
            told = []
            for process in ("self", str(os.getppid())):
                for name in ("cmdline", "environ"):
                    with open(f"/proc/{process}/{name}", "rb") as file:
                        told.append(context.args["token"].encode() in file.read())
            return {"told": told}
        """
    )
    assert world.success(order(world, "go")).values == {"told": [False] * 4}


def test_a_quiet_attempt_leaves_no_log(world: World) -> None:
    world.write("def go(context):\n    pass\n")
    quiet = order(world, "go")
    world.success(quiet)
    assert not Path(quiet.log).exists()


def test_much_output_comes_through_in_order(world: World) -> None:
    world.write(
        """
        def go(context):
            for number in range(20_000):
                print(number, context.args["token"])
        """
    )
    loud = order(world, "go")
    world.success(loud)
    assert world.log(loud) == "".join(f"{number} ***\n" for number in range(20_000))


def test_what_a_task_left_running_prints_no_more(world: World) -> None:
    """Its process would hold on to the pipe, and print into nobody's log."""
    world.write(
        """
        import os, subprocess
        def go(context):
            subprocess.Popen(["/bin/sh", "-c", "sleep 600; echo $TOKEN"])
            print("gone")
        def keeps(context):
            keeps.copy = os.dup(1)
        """
    )
    left = order(world, "go")
    world.success(left)
    assert world.log(left) == "gone\n"
    world.success(order(world, "keeps"))
    world.success(order(world, "keeps", attempt=2))


def test_a_command_that_fails_is_told_by_its_last_line(world: World) -> None:
    failed = order(world, "go", runs="trc.stdlib_tasks.shell.run:run", attempt=1)
    params = {**failed.params, "command": 'echo "first $TOKEN"; echo "no password $TOKEN here" >&2; exit 7'}
    failed = TaskOrder(**{**failed.__dict__, "params": params})
    assert world.failure(failed).message == "the command ended with exit code 7: no password *** here"


def test_who_prints_for_ever_holds_up_nobody(world: World) -> None:
    """What is in the log when a command has failed is all that was there then, and not all that will ever be."""
    failed = order(world, "go", runs="trc.stdlib_tasks.shell.run:run")
    params = {**failed.params, "command": 'yes "$TOKEN" & echo "$TOKEN"; exit 3'}
    failed = TaskOrder(**{**failed.__dict__, "params": params})
    assert world.failure(failed).message.startswith("the command ended with exit code 3")
    assert set(world.log(failed).split("\n")) <= {"***", "", *(VALUE[:length] for length in range(4))}


def test_a_task_that_closes_everything_loses_its_result_and_tells_nothing(world: World) -> None:
    world.write(
        """
        import os
        def go(context):
            print(context.args["token"], flush=True)
            os.closerange(3, 4096)
        """
    )
    closed = order(world, "go")
    assert "closed file descriptors that it did not open" in world.failure(closed).message
    assert world.log(closed) == "***\n"


def test_a_dead_mask_ends_what_is_printed(world: World) -> None:
    """Whoever kills the process that masks gets no log, and no secret in one."""
    world.write(
        """
        import os
        def go(context):
            with open(f"/proc/{os.getppid()}/task/{os.getppid()}/children") as file:
                mask = next(int(one) for one in file.read().split() if int(one) != os.getpid())
            os.kill(mask, 9)
            while True:
                print(context.args["token"], flush=True)
        """
    )
    dead = order(world, "go")
    assert world.failure(dead).reason == "exit"
    assert not Path(dead.log).exists() or VALUE not in world.log(dead)


def test_without_secrets_nothing_of_it_is_loaded(world: World) -> None:
    world.write(
        """
        import sys
        def go(context):
            return {"loaded": sorted(name for name in sys.modules if "sealed" in name or "mask" in name or "filter" in name)}
        """
    )
    assert world.success(world.order("go")).values == {"loaded": []}


def test_no_core_is_dumped(world: World) -> None:
    world.write(
        """
        import resource
        def go(context):
            return {"core": list(resource.getrlimit(resource.RLIMIT_CORE))}
        """
    )
    assert world.success(order(world, "go")).values == {"core": [0, 0]}


def test_the_orchestrator_dies_and_so_does_the_mask(world: World) -> None:
    world.write(
        """
        import os
        def go(context):
            with open(f"/proc/{os.getppid()}/task/{os.getppid()}/children") as file:
                return {"masks": [int(one) for one in file.read().split() if int(one) != os.getpid()]}
        """
    )
    [mask] = world.success(order(world, "go")).values["masks"]
    world.executor.close()
    with pytest.raises(ProcessLookupError):
        os.kill(mask, signal.SIGCONT)


def test_values_are_not_shown_of_orders(world: World) -> None:
    secret = order(world, "go")
    assert VALUE not in repr(secret)
    assert isinstance(world.executor, LocalExecutor)
    assert VALUE not in repr(world.executor._handed(secret))
