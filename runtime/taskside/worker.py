"""A warm worker: takes one order after the other from a pipe, runs it, and tells what happens through another."""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from typing import Any, Callable

from trc.runtime.taskside.capture import Blank, blank_name, captured, open_stream
from trc.runtime.taskside.descriptors import identity, out_of_the_way
from trc.runtime.taskside.order import TaskOrder
from trc.runtime.taskside.processes import end_children, has_children
from trc.runtime.taskside.result import AttemptResult
from trc.runtime.taskside.run import execute

LOST_PIPE = 113
"""The exit code of a worker that lost its pipes: its task closed descriptors that it did not open."""
READY = b"?"
"""Before an order: it is to be read, and not begun."""
BEGIN = b"!\n"
"""The order that was read last is to be begun. Any other packet takes its place."""
PRELOAD = b"+"
"""Before the name of what an order will run, none of which is there yet."""
_CHUNK = 1 << 16
"""As much as a pipe holds. The memory for more than that would be mapped and given back for each read."""
_REPORT_EVERY = 0.05
# One for all messages: `json.dumps` with separators builds a new one each time.
_encode = json.JSONEncoder(separators=(",", ":")).encode


def work(orders: int, messages: int, memory: int | None = None, control: int | None = None) -> None:
    """Runs what comes in through the descriptor `orders` until it ends; `memory` bounds the process, in bytes.

    The first order is answered with a message `started`. A later one that was there before the
    result of the one ahead went out is told with that result, as its `next`; one that comes while
    this process waits begins at once and needs no telling, for each message wakes a process.
    With `control`, every order holds secrets, and what it prints is masked at the other end.
    """
    prepare_process(memory)
    inbox = _Inbox(out_of_the_way(orders))
    outbox = _Outbox(out_of_the_way(messages))
    blank = Blank(blank_name(os.getppid()))
    sealed = None if control is None else _sealed(control)
    order = inbox.next(wait=True)
    if order is not None:
        outbox.send({"started": beginning(order)})
    while order is not None:
        done, is_fit = _run(order, outbox, blank, sealed)
        order = inbox.next(wait=False) if is_fit else None
        outbox.send(
            {"result": done.to_dict(), "is_last": not is_fit, "next": None if order is None else beginning(order)}
        )
        if order is None and is_fit:
            order = inbox.next(wait=True)


def beginning(order: TaskOrder) -> dict[str, Any]:
    """What is told of an attempt that begins now."""
    return {"token": order.token, "at": time.time()}


def _sealed(control: int) -> Any:
    # Loaded for sealed workers only.
    return import_module("trc.runtime.taskside.sealed").Sealed(control, lambda: os._exit(LOST_PIPE))


def _run(order: TaskOrder, outbox: _Outbox, blank: Blank, sealed: Any) -> tuple[AttemptResult, bool]:
    """Runs one order; tells also whether this process is fit for another."""
    leftovers = []

    def settle() -> None:
        if has_children():
            end_children()
            leftovers.append("processes")

    reporter = Reporter(order.token, outbox.send)
    # Of two containers, guardians may have one id: neither may take the other's blank log for its own.
    capture = captured if order.scratch else blank.capture
    result: AttemptResult = (
        execute(order, reporter, settle, capture) if sealed is None else sealed.execute(order, reporter, settle)
    )
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # A thread that the task left behind would go on in the next task's time, and print into its log.
    return result, not leftovers and threading.active_count() == 1


class Reporter:
    """Passes on how far a task is, at a pace that costs the task nothing."""

    def __init__(self, token: str, send: Callable[[Mapping[str, Any]], None]) -> None:
        self._token = token
        self._send = send
        self._next = 0.0

    def __call__(self, done: int | None, total: int | None) -> None:
        now = time.time()
        if now < self._next and (done is None or done != total):
            return
        self._next = now + _REPORT_EVERY
        whole = None if total is None else int(total)
        self._send(
            {"progress": {"token": self._token, "at": now, "done": None if done is None else int(done), "total": whole}}
        )


class _Inbox:
    """Lines from a pipe that does not block: another process may take an order back before it is read."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._held = b""
        self._ready: TaskOrder | None = None
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLIN)

    def next(self, wait: bool) -> TaskOrder | None:
        """The next order that is to be begun; None at the end, or without `wait` where there is none yet."""
        while True:
            if wait or self._held:
                self._poll.poll()
            try:
                chunk = os.read(self._descriptor, _CHUNK)
            except BlockingIOError:  # nothing there, or it was taken back just now
                if not wait and not self._held:
                    return None
                continue
            except OSError:  # the task closed it
                os._exit(LOST_PIPE)
            if not chunk:
                return None
            order = self._taken(chunk)
            if order is not None:
                return order

    def _taken(self, chunk: bytes) -> TaskOrder | None:
        """The order that is to be begun now, if there is one."""
        if chunk == BEGIN and not self._held:
            # Without an order it means nothing: that was taken back before we read it.
            order, self._ready = self._ready, None
            return order
        if chunk.startswith(PRELOAD) and not self._held:
            _preload(chunk[len(PRELOAD) :].decode().rstrip())
            return None
        if chunk.startswith(READY) and not self._held:
            self._ready = TaskOrder.from_json(chunk[len(READY) :])
            return None
        self._ready = None
        self._held += chunk
        if not self._held.endswith(b"\n"):
            return None
        line, self._held = self._held, b""
        return TaskOrder.from_json(line)


def _preload(runs: str) -> None:
    """Loads the task type's own side, and what that loads for each of its tasks."""
    # Whatever is wrong with it, the first order will say.
    with suppress(Exception):
        warm_up = getattr(import_module(runs.partition(":")[0]), "warm_up", None)
        if warm_up is not None:
            warm_up()


class _Outbox:
    """Messages of a line each; one that is shorter than what a pipe keeps whole can come from any thread."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._identity = identity(descriptor)

    def send(self, message: Mapping[str, Any]) -> None:
        data = _encode(message).encode() + b"\n"
        if identity(self._descriptor) != self._identity:
            os._exit(LOST_PIPE)
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
        except BrokenPipeError:  # nobody is left to be told
            os._exit(LOST_PIPE)


def prepare_process(memory: int | None) -> None:
    """Makes signals and streams what a worker's are, and bounds its memory, in bytes."""
    signal.signal(signal.SIGINT, lambda _number, _frame: None)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    streams: Any = sys
    streams.stdout = streams.__stdout__ = open_stream(1)
    streams.stderr = streams.__stderr__ = open_stream(2)
    if memory is not None:
        _limit_memory(memory)


def _limit_memory(memory: int) -> None:
    # Of the two limits that the kernel knows, this one counts what can be written to: engines
    # reserve address space without using it. What the interpreter itself holds is not the task's.
    limit = memory + _own_data()
    _soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))


def _own_data() -> int:
    try:
        with open("/proc/self/statm", encoding="ascii") as sizes:
            return int(sizes.read().split()[5]) * resource.getpagesize()
    except OSError:
        return 0
