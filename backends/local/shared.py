"""Asynchronous attempts: many at a time, in one process with an event loop."""

from __future__ import annotations

import fcntl
import json
import os
import selectors
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import IO, Any, Final

from trc.backends.local.endings import failure_at_end
from trc.backends.local.process import Kind, Lines, spawn
from trc.runtime.clock import Clock
from trc.runtime.executor import Ended, Lost, Progressed, Report, Started
from trc.runtime.taskside.order import TaskOrder
from trc.runtime.taskside.result import AttemptResult

_PIPE_SIZE: Final = 1 << 20
"""Bytes that are asked for, so that many orders at once find place."""
# One for all orders: `json.dumps` with separators builds a new one each time.
_encode: Final = json.JSONEncoder(separators=(",", ":")).encode


class SharedWorker:
    """The process, which is started with the first order, and again after its end. `tell` takes reports."""

    def __init__(
        self,
        environ: Mapping[str, str],
        errors: IO[bytes],
        selector: selectors.BaseSelector,
        clock: Clock,
        tell: Callable[[Report], None],
    ) -> None:
        self._environ = environ
        self._errors = errors
        self._selector = selector
        self._clock = clock
        self._tell = tell
        self._live: dict[str, TaskOrder] = {}
        """By token, the attempts that it was given and has not ended."""
        self._stopping: dict[str, float] = {}
        """The attempts that it was asked to end, and when it is ended itself for them, on the monotonic clock."""
        self._overdue: set[str] = set()
        """Those for which it is being ended."""
        self._suspects: set[str] = set()
        """The tasks of which attempts ran as it ended by itself: any of them may be why."""
        self._process: _Process | None = None

    @property
    def is_busy(self) -> bool:
        return bool(self._live)

    @property
    def deadline(self) -> float | None:
        """When there is something to be done although nothing is heard, on the monotonic clock."""
        return min(self._stopping.values(), default=None)

    def takes(self, order: TaskOrder) -> bool:
        """Whether the order is for it: a task that may have ended it shows what it does in a process of its own."""
        return order.is_async and order.task not in self._suspects

    def start(self, order: TaskOrder) -> None:
        """Hands an attempt over."""
        self._live[order.token] = order
        self._send(order.to_dict())

    def stop(self, token: str, grace: float) -> bool:
        """Cancels an attempt; one that goes on after `grace` seconds costs all the process. False if it has none such."""
        if token not in self._live:
            return False
        self._stopping[token] = time.monotonic() + grace
        self._send({"cancel": token})
        return True

    def force_overdue(self) -> None:
        """Ends the process where it keeps an attempt going that was to end."""
        now = time.monotonic()
        overdue = {token for token, until in self._stopping.items() if until <= now}
        if overdue and self._process is not None:
            self._overdue |= overdue
            self._stopping.clear()
            self._release(self._process)
            self._process.kill()

    def close(self) -> None:
        """Ends the process, with all attempts in it."""
        if self._process is not None:
            self._process.kill()
            self._process.collect()
            self._process = None
        self._live.clear()

    def _send(self, message: Mapping[str, Any]) -> None:
        process = self._process
        if process is None:
            process = self._process = _Process(self._environ, self._errors)
            self._selector.register(process.messages, selectors.EVENT_READ, self._receive)
            self._selector.register(process.exit, selectors.EVENT_READ, self._bury)
        is_waited_for = process.has_unsent
        process.send(_encode(message).encode() + b"\n")
        if process.has_unsent and not is_waited_for:
            self._selector.register(process.orders, selectors.EVENT_WRITE, self._send_rest)

    def _send_rest(self) -> None:
        process = self._process
        if process is not None and process.send_rest():
            self._selector.unregister(process.orders)

    def _receive(self) -> None:
        process = self._process
        if process is None:
            return
        lines = process.lines.receive(process.messages)
        if lines is None:  # its end is seen at `exit`
            if process.messages in self._selector.get_map():
                self._selector.unregister(process.messages)
            return
        for line in lines:
            self._hear(json.loads(line.decode()))

    def _hear(self, message: Mapping[str, Any]) -> None:
        if "result" in message:
            result = AttemptResult.from_dict(message["result"])
            if self._live.pop(result.token, None) is not None:
                self._stopping.pop(result.token, None)
                self._tell(Ended(result.token, result.ended_at, result))
        elif "started" in message:
            self._tell(Started(message["started"]["token"], message["started"]["at"]))
        else:
            told = message["progress"]
            self._tell(Progressed(told["token"], told["at"], told["done"], told["total"]))

    def _release(self, process: _Process) -> None:
        if process.has_unsent:
            self._selector.unregister(process.orders)
            process.forget_unsent()

    def _bury(self) -> None:
        """The process is gone: says what became of its attempts."""
        process = self._process
        assert process is not None
        self._receive()
        for descriptor in (process.messages, process.exit):
            if descriptor in self._selector.get_map():
                self._selector.unregister(descriptor)
        self._release(process)
        code = process.collect()
        self._process = None
        live, self._live = self._live, {}
        overdue, self._overdue = self._overdue, set()
        self._stopping.clear()
        if not overdue:
            self._suspects |= {order.task for order in live.values()}
        now = self._clock.now()
        for token, order in live.items():
            if overdue:
                why = "stopped" if token in overdue else "its worker process was ended for another attempt"
                self._tell(Lost(token, now, why))
            elif len(live) == 1:
                failure = failure_at_end(code, None, order.retry_on)
                self._tell(Ended(token, now, AttemptResult(token, failure, ended_at=now)))
            else:
                others = f"{len(live) - 1:,} other attempt{'s' * (len(live) > 2)} ran"
                self._tell(Lost(token, now, f"its worker process ended while {others} in it"))


class _Process:
    """The pipes of the process, and what is still to go into them."""

    def __init__(self, environ: Mapping[str, str], errors: IO[bytes]) -> None:
        theirs, self.orders = os.pipe2(os.O_CLOEXEC)
        self.messages, own = os.pipe2(os.O_CLOEXEC)
        try:
            for descriptor in (self.orders, self.messages):
                os.set_blocking(descriptor, False)
            _widen(self.orders)
            self._process = spawn(Kind(), environ, errors, theirs, own, is_shared=True)
        except OSError:
            os.close(self.orders)
            os.close(self.messages)
            raise
        finally:
            os.close(theirs)
            os.close(own)
        self.exit = os.pidfd_open(self._process.pid)
        self.lines = Lines()
        self._unsent = bytearray()

    @property
    def has_unsent(self) -> bool:
        return bool(self._unsent)

    def send(self, line: bytes) -> None:
        """Puts a line into the pipe, or as much as fits: the rest follows with `send_rest`."""
        is_behind = bool(self._unsent)
        self._unsent += line
        if not is_behind:
            self.send_rest()

    def send_rest(self) -> bool:
        """Sends on; tells whether all is sent."""
        try:
            while self._unsent:
                del self._unsent[: os.write(self.orders, self._unsent)]
        except BlockingIOError:
            pass
        except BrokenPipeError:  # its end is about to be seen
            self._unsent.clear()
        return not self._unsent

    def forget_unsent(self) -> None:
        self._unsent.clear()

    def kill(self) -> None:
        """Has all of its processes ended, whatever they do."""
        if self.orders >= 0:
            os.close(self.orders)
            self.orders = -1

    def collect(self) -> int:
        """Waits for the end, which is near, and returns the exit code; a signal's number is negative."""
        self.kill()
        code = self._process.wait()
        for descriptor in (self.messages, self.exit):
            os.close(descriptor)
        return code


def _widen(pipe: int) -> None:
    with suppress(OSError):  # the user's pipes hold much already
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_SIZE)
