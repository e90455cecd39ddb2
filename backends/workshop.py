"""Threads for calls that take as long as somebody else does, and the way back of what they answer."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Final

from trc.runtime.taskside.records import record

_PATIENCE: Final = 20.0
"""Seconds in which what was begun has to be done at the end."""


@record(frozen=True, slots=True)
class _Job:
    call: Callable[[], Callable[[], None] | None]


class Workshop:
    """Calls what it is given beside the run; what a call answers is called by `settle`, in the thread of the run."""

    def __init__(self, threads: int) -> None:
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._answers: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._news, self._wake = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._is_open = True
        self._closing = Lock()
        self._most = threads
        self._threads: list[Thread] = []

    @property
    def news(self) -> int:
        """Readable when there is something to settle."""
        return self._news

    def do(self, call: Callable[[], Callable[[], None] | None]) -> None:
        """Has something done by one of the threads, which keep their connections."""
        if len(self._threads) < self._most:
            self._threads.append(Thread(target=self._work, name="beside", daemon=True))
            self._threads[-1].start()
        self._jobs.put(_Job(call))

    def do_at_length(self, call: Callable[[], Callable[[], None] | None]) -> None:
        """Has something done that may take minutes, such as a build: the others do not wait behind it."""
        Thread(target=partial(self._done, call), name="at-length", daemon=True).start()

    def tell(self, call: Callable[[], None]) -> None:
        """Has something called by `settle` while what tells it goes on."""
        self._answers.put(call)
        # What is done after the end wakes nobody: by then the descriptor may be another one's.
        with self._closing:
            if self._is_open:
                with suppress(BlockingIOError):
                    os.write(self._wake, b".")

    def settle(self) -> None:
        """Calls what was answered."""
        with suppress(BlockingIOError):
            while os.read(self._news, 4096):
                pass
        while not self._answers.empty():
            self._answers.get()()

    def close(self) -> None:
        """Waits for what was begun, as long as that is reasonable; no build is waited for."""
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join(_PATIENCE)
        self._threads.clear()
        with self._closing:
            if self._is_open:
                self._is_open = False
                os.close(self._news)
                os.close(self._wake)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            self._done(job.call)

    def _done(self, call: Callable[[], Callable[[], None] | None]) -> None:
        answer = call()
        if answer is not None:
            self.tell(answer)
