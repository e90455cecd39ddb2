"""Does one thing at a time in a second thread, while the first waits for the disk."""

from __future__ import annotations

from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from types import TracebackType
from typing import Self


class Beside:
    """A context; within it, `begin` has something done and `finish` waits for its end.

    A commit holds no lock of the interpreter while it waits for the disk: what was begun just before runs then.
    """

    def __init__(self) -> None:
        self._asked: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._done: SimpleQueue[BaseException | None] = SimpleQueue()
        self._thread: Thread | None = None
        self._is_busy = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._thread is not None:
            self._asked.put(None)
            self._thread.join()

    def begin(self, action: Callable[[], None]) -> None:
        """Has the action run. It must not touch what the caller uses before `finish`."""
        assert not self._is_busy, "one thing at a time"
        if self._thread is None:
            self._thread = Thread(target=self._work, name="beside", daemon=True)
            self._thread.start()
        self._is_busy = True
        self._asked.put(action)

    def finish(self) -> None:
        """Waits until the action that was begun is done, if one was; raises what it raised."""
        if self._is_busy:
            raised = self._done.get()
            self._is_busy = False
            if raised is not None:
                raise raised

    def _work(self) -> None:
        while (action := self._asked.get()) is not None:
            try:
                action()
            except BaseException as error:  # noqa: BLE001 - told to whoever waits
                self._done.put(error)
            else:
                self._done.put(None)
