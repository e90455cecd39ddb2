"""A shared worker: one process with an event loop, which runs many asynchronous attempts at the same time."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import sys
import time
from collections.abc import Coroutine, Iterator, Mapping
from contextvars import ContextVar
from typing import Any

from trc.runtime.taskside.descriptors import out_of_the_way
from trc.runtime.taskside.errors import AttemptFailed
from trc.runtime.taskside.failures import failure_of
from trc.runtime.taskside.order import TaskOrder
from trc.runtime.taskside.outputs import measure
from trc.runtime.taskside.result import AttemptResult, Failure, WrittenOutput
from trc.runtime.taskside.run import context_of, function_of, judged, tell
from trc.runtime.taskside.task import TaskResult
from trc.runtime.taskside.worker import LOST_PIPE, Reporter, beginning, prepare_process

_CHUNK = 1 << 16
_SETTLE = 1.0
"""Seconds for tasks that an attempt left behind to end, once they are canceled."""
# One for all messages: `json.dumps` with separators builds a new one each time.
_encode = json.JSONEncoder(separators=(",", ":")).encode


def work(orders: int, messages: int, memory: int | None = None, control: int | None = None) -> None:
    """Runs what comes in through the descriptor `orders` until it ends: orders, and the tokens of attempts to cancel.

    Each attempt is told of as it begins, and as it ends. What Python prints goes to the log of the attempt that prints it;
    what C libraries and child processes print has no attempt.
    """
    assert memory is None, "what limits the process would limit all attempts in it"
    assert control is None, "what one attempt is given, all could read"
    prepare_process(None)
    streams: Any = sys
    for name in ("stdout", "stderr"):
        routed = _Routed(getattr(sys, name))
        setattr(streams, name, routed)
        setattr(streams, f"__{name}__", routed)
    asyncio.run(_serve(out_of_the_way(orders), out_of_the_way(messages)))


async def _serve(orders: int, messages: int) -> None:
    loop = asyncio.get_running_loop()
    factory: Any = _owned
    loop.set_task_factory(factory)
    outbox = _Outbox(messages, loop)
    live: dict[str, _Attempt] = {}
    held = bytearray()

    def take() -> None:
        try:
            chunk = os.read(orders, _CHUNK)
        except BlockingIOError:
            return
        except OSError:  # a task closed it
            os._exit(LOST_PIPE)
        if not chunk:
            # The guardian is ending all that runs: were it unwound first, it would be told as failures.
            os._exit(0)
        *lines, rest = (bytes(held) + chunk).split(b"\n") if held else chunk.split(b"\n")
        held[:] = rest
        for line in lines:
            begin(json.loads(line.decode()))

    def begin(raw: dict[str, Any]) -> None:
        if "cancel" in raw:
            attempt = live.get(raw["cancel"])
            if attempt is not None:
                attempt.cancel()
            return
        attempt = _Attempt(TaskOrder.from_dict(raw), outbox)
        live[attempt.token] = attempt
        attempt.begin(loop).add_done_callback(lambda _task: live.pop(attempt.token, None))

    os.set_blocking(orders, False)
    loop.add_reader(orders, take)
    await asyncio.Event().wait()


class _Outbox:
    """Messages of a line each; those of one turn of the loop go out in one write."""

    def __init__(self, descriptor: int, loop: asyncio.AbstractEventLoop) -> None:
        self._descriptor = descriptor
        self._loop = loop
        self._held: list[str] = []

    def send(self, message: Mapping[str, Any]) -> None:
        """Can be called from any thread."""
        self._held.append(_encode(message))
        if len(self._held) == 1:
            self._loop.call_soon_threadsafe(self._flush)

    def _flush(self) -> None:
        held, self._held = self._held, []
        data = ("\n".join(held) + "\n").encode()
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError:  # nobody is left to be told, or a task closed it
            os._exit(LOST_PIPE)


class _Attempt:
    """One attempt that goes on."""

    def __init__(self, order: TaskOrder, outbox: _Outbox) -> None:
        self.token = order.token
        self.children: set[asyncio.Task[Any]] = set()
        """The tasks that its code has made, and that go on."""
        self.log = _Log(order.log)
        self._order = order
        self._outbox = outbox
        self._is_canceled = False
        self._task: asyncio.Task[None] | None = None

    def begin(self, loop: asyncio.AbstractEventLoop) -> asyncio.Task[None]:
        self._task = loop.create_task(self._run())
        return self._task

    def cancel(self) -> None:
        """Asks its code to end; it may take its time."""
        self._is_canceled = True
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        _CURRENT.set(self)
        order = self._order
        self._outbox.send({"started": beginning(order)})
        started_at = time.time()
        failure, outcome = await self._tried()
        await self._settled()
        outputs: tuple[WrittenOutput, ...] = ()
        if failure is None and order.outputs:
            try:
                # Its bytes are read for their digest, while others go on.
                outputs = await asyncio.get_running_loop().run_in_executor(None, self._measured, outcome)
            except (AttemptFailed, OSError) as error:
                failure = failure_of(error)
            except asyncio.CancelledError:
                failure = _stopped()
        self.log.close()
        result = AttemptResult(
            order.token,
            failure,
            outputs,
            outcome.values,
            outcome.message,
            started_at,
            time.time(),
            submitted=outcome.submitted,
        )
        self._outbox.send({"result": result.to_dict()})

    async def _tried(self) -> tuple[Failure | None, TaskResult]:
        order = self._order
        raised: BaseException
        try:
            # That it has begun is told first: if it then keeps the loop from turning, its time runs out all the same.
            await asyncio.sleep(0)
            with _in_project(order.project):
                function = function_of(order.runs)
                context = context_of(order, Reporter(order.token, self._outbox.send), self.log.flush)
                returned = function(order, context)
            if asyncio.iscoroutine(returned) or asyncio.isfuture(returned) or hasattr(returned, "__await__"):
                returned = await returned
            return judged(order, returned, context)
        except asyncio.CancelledError as error:
            if self._is_canceled:
                return _stopped(), TaskResult()
            raised = error
        except BaseException as error:  # noqa: BLE001 - a task may raise anything, SystemExit included
            raised = error
        failure = failure_of(raised, order.retry_on)
        if failure is not None and failure.trace:
            tell(failure.trace)
        return failure, TaskResult()

    async def _settled(self) -> None:
        """Ends what its code has left running: it would go on in nobody's name."""
        left = [one for one in self.children if not one.done()]
        for one in left:
            one.cancel()
        if left:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait(left, timeout=_SETTLE)

    def _measured(self, outcome: TaskResult) -> tuple[WrittenOutput, ...]:
        return tuple(measure(one, outcome) for one in self._order.outputs)


_CURRENT: ContextVar[_Attempt | None] = ContextVar("trc_attempt", default=None)


def _owned(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any], **others: Any) -> asyncio.Task[Any]:
    """Makes a task, which belongs to the attempt whose code makes it."""
    made: asyncio.Task[Any] = asyncio.Task(coroutine, loop=loop, **others)
    owner = _CURRENT.get()
    if owner is not None:
        owner.children.add(made)
        made.add_done_callback(owner.children.discard)
    return made


def _stopped() -> Failure:
    return Failure("it was stopped", reason="signal")


@contextlib.contextmanager
def _in_project(folder: str) -> Iterator[None]:
    """All orders are of one project: it is where their code is looked for, and where relative paths begin."""
    if os.getcwd() != folder:
        os.chdir(folder)
    yield
    sys.path[:] = dict.fromkeys(sys.path)


class _Log:
    """The file that an attempt prints to: made with the first character."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._file: io.TextIOWrapper | None = None
        self._is_over = False

    def write(self, text: str) -> None:
        if self._is_over:  # a thread that goes on after its attempt
            return
        if self._file is None:
            self._file = open(self._path, "a", encoding="utf-8", errors="backslashreplace", newline="\n", buffering=1)  # noqa: SIM115 - closed with the attempt
        self._file.write(text)

    def flush(self) -> None:
        if self._file is not None:
            self._file.flush()

    def close(self) -> None:
        self._is_over = True
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()


class _Routed(io.TextIOBase):
    """A standard stream that gives each attempt what it prints; all else goes where it always went."""

    encoding = "utf-8"

    def __init__(self, own: Any) -> None:
        self._own = own

    def write(self, text: str) -> int:
        attempt = _CURRENT.get()
        if attempt is None:
            self._own.write(text)
        else:
            attempt.log.write(text)
        return len(text)

    def flush(self) -> None:
        attempt = _CURRENT.get()
        if attempt is None:
            self._own.flush()
        else:
            attempt.log.flush()

    def fileno(self) -> int:
        number: int = self._own.fileno()
        return number

    def close(self) -> None:
        """Stays open: it is every attempt's."""

    def writable(self) -> bool:
        return True
