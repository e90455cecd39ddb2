"""The threads of a synchronisation: many for small things, few for parts of large ones, none of which goes on once one has failed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from threading import Event
from typing import Final, TypeVar

from trc.runtime.storage.s3_client import CONNECTIONS
from trc.runtime.storage.s3_transfer import Stopped

_PARTS: Final = 4
"""Parts that are in memory at a time."""
_LARGE: Final = 4
"""Large things at a time, whose parts share those places."""
_AHEAD: Final = 4

_T = TypeVar("_T")
_R = TypeVar("_R")


class Crew:
    """`stop` is set by whoever does not want the whole any more."""

    def __init__(self, stop: Event) -> None:
        self._stop = stop
        self._failure: Exception | None = None
        self._small = ThreadPoolExecutor(CONNECTIONS, "sync")
        self._large = ThreadPoolExecutor(_LARGE, "sync-large")
        self._parts = ThreadPoolExecutor(_PARTS, "sync-part")

    def go_on(self) -> None:
        """Raises `Stopped` where nobody wants what is being done."""
        if self._stop.is_set() or self._failure is not None:
            raise Stopped("it was stopped")

    def finish(self) -> None:
        """As `go_on`, for what has begun and is worth having even if all else fails: a part that comes is not fetched again."""
        if self._stop.is_set():
            raise Stopped("it was stopped")

    def small(self, do: Callable[[_T], _R], items: Iterable[_T]) -> Iterator[_R]:
        """Does it for each, many at a time; answers in order."""
        return self._each(self._small, CONNECTIONS, do, items)

    def large(self, do: Callable[[_T], _R], items: Iterable[_T]) -> Iterator[_R]:
        """As `small`, few at a time."""
        return self._each(self._large, _LARGE, do, items)

    def parts(self, do: Callable[[_T], _R], items: Iterable[_T]) -> list[_R]:
        """As `small`, for what needs a part's memory."""
        return list(self._each(self._parts, _PARTS, do, items))

    def _each(
        self, threads: ThreadPoolExecutor, width: int, do: Callable[[_T], _R], items: Iterable[_T]
    ) -> Iterator[_R]:
        left = iter(items)
        running: deque[Future[_R]] = deque()
        try:
            while True:
                # Of very many, a few are handed over at a time: what waits costs memory.
                running.extend(
                    threads.submit(self._one, do, item) for item in islice(left, width * _AHEAD - len(running))
                )
                if not running:
                    return
                yield running.popleft().result()
        except Stopped:
            # What the others were stopped for is what there is to tell.
            if self._failure is not None:
                raise self._failure from None
            raise
        finally:
            _finish(running)

    def _one(self, do: Callable[[_T], _R], item: _T) -> _R:
        self.go_on()
        try:
            return do(item)
        except Exception as error:
            if self._failure is None and not isinstance(error, Stopped):
                self._failure = error
            raise

    def close(self) -> None:
        for threads in (self._large, self._small, self._parts):
            threads.shutdown(cancel_futures=True)


def _finish(running: Iterable[Future[_R]]) -> None:
    """Waits for what has begun; what has failed meanwhile is told already."""
    running = tuple(running)
    for one in running:
        one.cancel()
    for one in running:
        if not one.cancelled():
            one.exception()
