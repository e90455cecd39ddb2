"""Runs one function on many items in forked processes; an item that ends its process ends no other's work."""

from __future__ import annotations

import os
import selectors
import signal
import struct
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Final, NoReturn

from trc.runtime.taskside.records import record

_ITEM: Final = struct.Struct("<q")
_LENGTH: Final = struct.Struct("<q")
_RAISED: Final = -1
"""In place of a length: the work raised."""


@record(frozen=True, slots=True)
class Done:
    data: bytes


@record(frozen=True, slots=True)
class Raised:
    """The work raised an exception, which could not leave its process."""


@record(frozen=True, slots=True)
class Ended:
    """The process ended twice at this item: with an exit code, or, if that is negative, by a signal."""

    code: int


def can_fork() -> bool:
    """Whether this process may be copied: only a process of one thread has its copies work."""
    try:
        return hasattr(os, "fork") and len(os.listdir("/proc/self/task")) == 1  # noqa: PTH208 - their number
    except OSError:
        return False


def run_all(
    work: Callable[[int], bytes], items: Sequence[int], processes: int
) -> Iterator[tuple[int, Done | Raised | Ended]]:
    """Yields each item with what came of it, as they are done. The processes are gone at the end, whatever ends it."""
    waiting, again, tried = deque(items), deque[int](), set[int]()
    workers: dict[int, _Worker] = {}
    with selectors.DefaultSelector() as selector:
        try:
            while waiting or again or workers:
                while (waiting or again) and len(workers) < processes:
                    worker = _started(work, workers.values())
                    workers[worker.answers.fileno()] = worker
                    selector.register(worker.answers, selectors.EVENT_READ)
                    # What ended a process is tried once more, in one that has done nothing else.
                    worker.take((again or waiting).popleft())
                for key, _ in selector.select():
                    worker = workers[key.fd]
                    item, outcome = worker.item, worker.outcome()
                    if not isinstance(outcome, Ended) and waiting:
                        worker.take(waiting.popleft())
                    else:
                        selector.unregister(worker.answers)
                        del workers[key.fd]
                        worker.close()
                    if isinstance(outcome, Ended) and item not in tried:
                        tried.add(item)
                        again.append(item)
                    else:
                        yield item, outcome
        finally:
            for worker in workers.values():
                worker.kill()


@dataclass(slots=True)
class _Worker:
    pid: int
    orders: IO[bytes]
    answers: IO[bytes]
    item: int = 0

    def take(self, item: int) -> None:
        self.item = item
        with suppress(BrokenPipeError):  # its end is seen where its answer is read
            self.orders.write(_ITEM.pack(item))
            self.orders.flush()

    def outcome(self) -> Done | Raised | Ended:
        head = self.answers.read(_LENGTH.size)
        if len(head) == _LENGTH.size:
            (length,) = _LENGTH.unpack(head)
            if length == _RAISED:
                return Raised()
            data = self.answers.read(length)
            if len(data) == length:
                return Done(data)
        return Ended(os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1]))

    def close(self) -> None:
        """Lets the process end, which has nothing more to do."""
        for pipe in (self.orders, self.answers):
            with suppress(OSError):
                pipe.close()
        with suppress(ChildProcessError):
            os.waitpid(self.pid, 0)

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        self.close()


def _started(work: Callable[[int], bytes], others: Iterable[_Worker]) -> _Worker:
    orders_in, orders_out = os.pipe()
    answers_in, answers_out = os.pipe()
    # What waits in a buffer would be printed by every copy.
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    # An end of a pipe that a copy holds, too, would never be seen to close.
    foreign = [orders_out, answers_in]
    foreign += [pipe.fileno() for other in others for pipe in (other.orders, other.answers)]
    pid = os.fork()
    if pid == 0:
        _serve(work, orders_in, answers_out, foreign)
    os.close(orders_in)
    os.close(answers_out)
    return _Worker(pid, os.fdopen(orders_out, "wb"), os.fdopen(answers_in, "rb"))


def _serve(work: Callable[[int], bytes], orders: int, answers: int, foreign: Sequence[int]) -> NoReturn:
    """The life of a worker: it ends with its orders, with its parent, or by the signal that ends both."""
    try:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        for descriptor in foreign:
            os.close(descriptor)
        with os.fdopen(orders, "rb") as source, os.fdopen(answers, "wb") as target:
            while len(order := source.read(_ITEM.size)) == _ITEM.size:
                target.write(_answer(work, _ITEM.unpack(order)[0]))
                target.flush()
    except BrokenPipeError:
        pass
    finally:
        os._exit(0)


def _answer(work: Callable[[int], bytes], item: int) -> bytes:
    try:
        data = work(item)
    except Exception:  # noqa: BLE001 - the parent does the work again, and meets the exception itself
        return _LENGTH.pack(_RAISED)
    return _LENGTH.pack(len(data)) + data
