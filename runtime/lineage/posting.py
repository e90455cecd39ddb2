"""Posts lineage events to a URL, in a thread beside the run: in order, for as long as it takes little time, and counting what is lost."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Condition, Thread
from time import monotonic
from typing import Final

from trc.addresses import Refused
from trc.runtime.scheduler.breaker import Breaker, Limits
from trc.runtime.ssrf import Answer, Caller
from trc.runtime.taskside.connecting import Unanswered
from trc.runtime.taskside.result import Failure

WAIT: Final = 5.0
"""Seconds that the end of a run waits for events that are still to be posted."""
_MOST: Final = 10_000
"""Events that wait at a time; what comes on top is lost."""
_PAUSES: Final = (0.5, 2.0)
"""Seconds between the tries of an event."""
_BUSY: Final = frozenset({408, 425, 429})
_SERVER: Final = 500
_LIMITS: Final = Limits(failures=3, window=60.0, rest=10.0, longest=60.0)


@dataclass(slots=True)
class Posting:
    """Takes events from `start` until `close`. Lineage is told as well as can be: no run waits for it, and none fails by it.

    `headers` gives what is sent along, or why it cannot be had; it is asked once.
    """

    url: str
    caller: Callable[[], Caller]
    headers: Callable[[], Mapping[str, str] | Failure]
    posted: int = 0
    lost: int = 0
    why: str = ""
    """Why the last one was lost."""
    _waiting: deque[str] = field(default_factory=deque[str])
    _changed: Condition = field(default_factory=Condition)
    _closed: bool = False
    _thread: Thread | None = None
    _breaker: Breaker = field(default_factory=lambda: Breaker(_LIMITS))

    def start(self) -> None:
        """Begins to post."""
        self._thread = Thread(target=self._work, name="lineage", daemon=True)
        self._thread.start()

    def write(self, event: str) -> None:
        """Has an event posted."""
        with self._changed:
            if len(self._waiting) >= _MOST:
                self._lose("more events came than it takes")
            else:
                self._waiting.append(event)
                self._changed.notify()

    def close(self, wait: float = WAIT) -> None:
        """Waits until all is posted, and at most so many seconds; what is left is lost."""
        until = monotonic() + wait
        with self._changed:
            while self._waiting and (left := until - monotonic()) > 0 and self._is_at_work():
                self._changed.wait(left)
            self._closed = True
            if self._waiting:
                self.lost += len(self._waiting)
                self.why = self.why or f"it took longer than {wait:g} s"
                self._waiting.clear()
            self._changed.notify_all()

    def _is_at_work(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _work(self) -> None:
        headers = self.headers()
        with self.caller() as caller:
            while (event := self._next()) is not None:
                if isinstance(headers, Failure):
                    why: str | None = headers.message.partition("\n")[0]
                else:
                    why = self._post(caller, event, headers)
                with self._changed:
                    # It is there until it is told, so that `close` waits for it; then it may be gone already.
                    if self._waiting and self._waiting[0] is event:
                        self._waiting.popleft()
                        if why is None:
                            self.posted += 1
                        else:
                            self._lose(why)
                    self._changed.notify_all()

    def _next(self) -> str | None:
        with self._changed:
            while not self._waiting and not self._closed:
                self._changed.wait()
            return None if self._closed else self._waiting[0]

    def _post(self, caller: Caller, event: str, headers: Mapping[str, str]) -> str | None:
        """Why it could not be posted; None once it is. An endpoint that does not work is left alone for a while."""
        if not self._breaker.may_call(monotonic()):
            return self.why
        self._breaker = self._breaker.called(monotonic())
        why, is_down = _tried(caller, self.url, event, headers)
        for pause in _PAUSES:
            if not is_down or not self._rests(pause):
                break
            why, is_down = _tried(caller, self.url, event, headers)
        self._breaker = self._breaker.failed(monotonic()) if is_down else self._breaker.succeeded()
        return why

    def _rests(self, seconds: float) -> bool:
        """Whether there is still time after a pause."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed, seconds)
            return not self._closed

    def _lose(self, why: str) -> None:
        self.lost += 1
        self.why = why


def _tried(caller: Caller, url: str, event: str, headers: Mapping[str, str]) -> tuple[str | None, bool]:
    """Why it was not taken, and whether it may be another time."""
    try:
        answer = caller.post(url, event.encode(), headers)
    except Refused as refused:
        return refused.message, False
    except Unanswered as unanswered:
        return str(unanswered), True
    return (None, False) if answer.is_success else (f"it answered {answer.status}", _is_down(answer))


def _is_down(answer: Answer) -> bool:
    return answer.status >= _SERVER or answer.status in _BUSY
