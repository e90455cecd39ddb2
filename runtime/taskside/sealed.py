"""Runs attempts that are given secrets: the values go in by the order, and no text that comes out holds them."""

from __future__ import annotations

import contextlib
import copy
import json
import os
import resource
import socket
import stat
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Callable

from trc.runtime.taskside.capture import flush, put_back
from trc.runtime.taskside.descriptors import identity, out_of_the_way
from trc.runtime.taskside.logfilter import END, LENGTH, SETTLE
from trc.runtime.taskside.masking import Masker
from trc.runtime.taskside.order import TaskOrder
from trc.runtime.taskside.result import AttemptResult, Verdict
from trc.runtime.taskside.run import execute
from trc.runtime.taskside.task import Report

_OUT_AND_ERROR = (1, 2)


class Sealed:
    """Runs such attempts, with the process that masks their logs at the other end of the socket `control`."""

    def __init__(self, control: int, lost: Callable[[], None]) -> None:
        self._control = socket.socket(fileno=out_of_the_way(control))
        self._identity = identity(self._control.fileno())
        self._lost = lost
        """Ends this process: the task closed what it did not open."""
        # What a process leaves behind when it crashes would hold the values.
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    def execute(self, order: TaskOrder, report: Report, settle: Callable[[], None]) -> AttemptResult:
        """As `run.execute`, with the values where the order wants them, and masked in whatever is told."""
        values = [one.value for one in order.secrets]
        masker = Masker(values)

        def capture(log: str) -> contextlib.AbstractContextManager[None]:
            return self._captured(log, values)

        def flush_log() -> None:
            flush()
            self._ask(SETTLE)

        return masked(execute(opened(order), report, settle, capture, flush_log, masker.text), masker)

    @contextlib.contextmanager
    def _captured(self, log: str, values: Sequence[str]) -> Iterator[None]:
        """Points file descriptors 1 and 2 at the process that masks; an empty log is removed."""
        flush()
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        reader, writer = os.pipe2(os.O_CLOEXEC)
        try:
            self._begin(values, (descriptor, reader))
        finally:
            os.close(descriptor)
            os.close(reader)
        streams = (sys.stdin, sys.stdout, sys.stderr)
        try:
            for number in _OUT_AND_ERROR:
                os.dup2(writer, number)
            os.close(writer)
            yield
        finally:
            flush()
            # What is printed between attempts has no log to be masked in.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            for number in _OUT_AND_ERROR:
                os.dup2(nowhere, number)
            if nowhere not in _OUT_AND_ERROR:
                os.close(nowhere)
            put_back(streams)
            self._ask(END)
            _remove_if_empty(log)

    def _begin(self, values: Sequence[str], descriptors: Sequence[int]) -> None:
        told = json.dumps(list(values)).encode()
        try:
            socket.send_fds(self._socket(), [LENGTH.pack(len(told))], descriptors)
            self._control.sendall(told)
            self._answer()
        except OSError:
            self._lost()

    def _ask(self, what: bytes) -> None:
        try:
            self._socket().sendall(what)
            self._answer()
        except OSError:
            self._lost()

    def _answer(self) -> None:
        if not self._control.recv(1):
            self._lost()

    def _socket(self) -> socket.socket:
        if identity(self._control.fileno()) != self._identity:
            self._lost()
        return self._control


def opened(order: TaskOrder) -> TaskOrder:
    """The order with the values of its secrets where they are wanted, and no list of them."""
    env: dict[str, Any] = dict(order.env)
    params: dict[str, Any] = copy.deepcopy(order.params)
    for one in order.secrets:
        for root, *path in one.places:
            inner: Any = env if root == "env" else params
            for step in path[:-1]:
                inner = inner[step]
            inner[path[-1]] = one.value
    return replace(order, env=env, params=params, secrets=())


def masked(result: AttemptResult, masker: Masker) -> AttemptResult:
    """The result without the values."""
    failure = result.failure
    if failure is not None:
        failure = replace(
            failure,
            message=masker.text(failure.message),
            type=masker.text(failure.type),
            trace=masker.text(failure.trace),
        )
    return replace(
        result,
        failure=failure,
        values=masker.value(result.values),
        submitted=tuple(masker.value(one) for one in result.submitted),
        message=masker.text(result.message),
        checks=tuple(_masked(one, masker) for one in result.checks),
    )


def _masked(verdict: Verdict, masker: Masker) -> Verdict:
    """What was found in the data; the name is as the pipeline has it, and finds the expectation there."""
    return replace(
        verdict,
        found=masker.text(verdict.found),
        error=masker.text(verdict.error),
        sample=tuple(masker.value(row) for row in verdict.sample),
    )


def _remove_if_empty(log: str) -> None:
    with contextlib.suppress(OSError):
        found = os.lstat(log)
        if stat.S_ISREG(found.st_mode) and found.st_size == 0:
            os.unlink(log)
