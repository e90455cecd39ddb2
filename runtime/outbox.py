"""Delivers what hooks have written down, in a thread beside the run: at least once, each endpoint's messages one after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from queue import Empty, SimpleQueue
from random import Random
from threading import Thread
from typing import Final, Protocol

from trc.addresses import Allowed, Refused, read_url
from trc.runtime.clock import Clock
from trc.runtime.drivers import is_alive, this_driver
from trc.runtime.scheduler.breaker import Breaker
from trc.runtime.scheduler.retry import delay
from trc.runtime.spec import RetrySpec
from trc.runtime.store.journal import Driver, Message, MessageState, Transaction
from trc.runtime.taskside.records import record
from trc.runtime.webhooks import Tried

WAIT: Final = 10.0
"""Seconds that the end of a run waits for messages that are due."""


_RETRY: Final = RetrySpec(16, "exponential", initial_delay=2.0, factor=2.0, max_delay=1800.0, jitter="equal")


@record(frozen=True, slots=True)
class Rules:
    """How often and for how long a message is tried; times in seconds.

    A message that fails is given up after `retry.max_attempts` tries, or once it is older than `age`. `lease` is how long one
    who has taken a message may be at it. `lanes` is how many endpoints are called at a time.
    """

    retry: RetrySpec = _RETRY
    age: float = 3 * 86_400.0
    lease: float = 60.0
    lanes: int = 4
    batch: int = 64


class Box(Protocol):
    """What is asked of the store."""

    def transaction(self) -> AbstractContextManager[Transaction]:
        """As the journal's."""
        ...

    def enrol(self, driver: Driver, lease_until: float) -> None:
        """As the journal's."""
        ...

    def drivers(self) -> Mapping[str, tuple[Driver, float]]:
        """As the journal's."""
        ...

    def messages(
        self, *, run: str | None = None, state: MessageState | None = None, limit: int = 1000
    ) -> list[Message]:
        """As the journal's."""
        ...

    def next_message_at(self) -> float | None:
        """As the journal's."""
        ...


@record(frozen=True, slots=True)
class _Ended:
    message: Message
    tried: Tried


class _Woken:
    """There may be something new to be delivered."""


@dataclass(slots=True)
class Courier:
    """Takes messages that are due and delivers them, from `start` until `close`.

    `store` opens the store, in the courier's own thread. Whatever goes wrong ends the courier, and not the run: `broken` says
    what it was, and what is left is delivered by the next one.
    """

    store: Callable[[], AbstractContextManager[Box]]
    deliver: Callable[[Message, float], Tried]
    allowed: Allowed
    clock: Clock
    rules: Rules = field(default_factory=Rules)
    random: Random = field(default_factory=Random)
    died: list[Message] = field(default_factory=list[Message])
    """The messages that were given up meanwhile."""
    counts: Counter[str] = field(default_factory=Counter[str])
    """How often messages were tried, by how that ended: `delivered`, `failed` or `dead`."""
    broken: str = ""
    _inbox: SimpleQueue[_Ended | _Woken] = field(default_factory=SimpleQueue["_Ended | _Woken"])
    _thread: Thread | None = None
    _closes_at: float | None = None
    """When it stops whatever is left; before that it stops once nothing is due."""

    def start(self) -> None:
        """Begins to deliver."""
        self._thread = Thread(target=self._work, name="hooks", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Something was written down."""
        self._inbox.put(_Woken())

    def close(self, wait: float = WAIT) -> None:
        """Waits until nothing is due any more, and at most so many seconds; what is left, the next run delivers."""
        if self._thread is None:
            return
        self._closes_at = self.clock.now() + wait
        self.wake()
        self._thread.join(wait + _GRACE)

    def _work(self) -> None:
        try:
            with self.store() as store:
                _Round(self, store, this_driver(self.clock)).work()
        except Exception as error:  # noqa: BLE001 - told at the end of the run, which goes on
            self.broken = f"{type(error).__name__}: {error}"

    def try_one(self, message: Message) -> None:
        """Delivers a message in a thread of its own: an endpoint may take its time, and nobody waits for it."""

        def work() -> None:
            try:
                tried = self.deliver(message, self.clock.now())
            except Exception as error:  # noqa: BLE001 - of one message; the others have theirs
                tried = Tried("failed", f"{type(error).__name__}: {error}")
            self._inbox.put(_Ended(message, tried))

        Thread(target=work, name="hook", daemon=True).start()

    def hear(self, seconds: float | None) -> list[_Ended]:
        """Waits for news, and answers what has ended."""
        heard: list[_Ended | _Woken] = []
        try:
            heard.append(self._inbox.get(timeout=seconds))
            while True:
                heard.append(self._inbox.get_nowait())
        except Empty:
            pass
        return [one for one in heard if isinstance(one, _Ended)]

    @property
    def closes_at(self) -> float | None:
        return self._closes_at


_GRACE: Final = 1.0
_LOOK_AGAIN: Final = 30.0
"""Seconds after which somebody else's messages are looked for, where nothing is known to be due."""


@dataclass(slots=True)
class _Round:
    """The courier's work with an open store: what it has taken, what is under way, and what it learned."""

    courier: Courier
    store: Box
    driver: Driver
    _waiting: list[Message] = field(default_factory=list[Message])
    """Taken, and not yet begun with, in order."""
    _under_way: dict[str, Message] = field(default_factory=dict[str, Message])
    """By endpoint, the message that is on its way."""
    _learned: list[Message] = field(default_factory=list[Message])
    """How messages stand, to be written down."""
    _breakers: dict[str, Breaker] = field(default_factory=dict[str, Breaker])

    def work(self) -> None:
        self._free()
        while True:
            # Asked first: whoever wants the end has written down all before, and the store is looked at afterwards.
            closes_at = self.courier.closes_at
            now = self.courier.clock.now()
            next_at = self._exchange(now)
            self._begin(now)
            if self._learned:
                continue
            if self._may_stop(now, next_at, closes_at):
                break
            for ended in self.courier.hear(self._pause(now, next_at)):
                self._ended(ended)
        self._learned.extend(replace(one, taken_by=None, due_at=now) for one in self._waiting)
        self._write_down(now, takes=False)

    def _free(self) -> None:
        """What dead couriers had taken is anybody's."""
        takers = {one.taken_by for one in self.store.messages(state="pending", limit=_ALL) if one.taken_by is not None}
        drivers, now = self.store.drivers(), self.courier.clock.now()
        dead = [one for one in sorted(takers) if one not in drivers or not is_alive(*drivers[one], now, self.driver)]
        if dead:
            with self.store.transaction() as change:
                for one in dead:
                    change.free_messages(one, now)

    def _exchange(self, now: float) -> float | None:
        """Writes down what was learned, takes what is due, and answers when more will be."""
        next_at = self.store.next_message_at()
        takes = next_at is not None and next_at <= now and len(self._waiting) < self.courier.rules.batch
        if takes or self._learned:
            self._write_down(now, takes=takes)
            next_at = self.store.next_message_at()
        return next_at

    def _write_down(self, now: float, *, takes: bool) -> None:
        if not takes and not self._learned:
            return
        rules = self.courier.rules
        if takes:
            self.store.enrol(self.driver, now + rules.lease)
        with self.store.transaction() as change:
            change.put_tried(self._learned)
            if takes:
                room = rules.batch - len(self._waiting)
                self._waiting += change.take_messages(self.driver.id, now, now + rules.lease, room)
        self._learned.clear()

    def _begin(self, now: float) -> None:
        """Has messages delivered, one at a time to each endpoint; those of an endpoint that rests wait without a try."""
        waiting, self._waiting = self._waiting, []
        for message in waiting:
            where = endpoint_of(message, self.courier.allowed)
            breaker = self._breakers.get(where, Breaker())
            if message.due_at <= now:
                # It was held for so long that others may have taken it: they, or this one, take it again.
                continue
            if where in self._under_way or len(self._under_way) >= self.courier.rules.lanes:
                self._waiting.append(message)
            elif not breaker.may_call(now):
                told = message.error or "the endpoint does not work, and is left alone for a while"
                due_at = now + breaker.wait(now)
                self._learned.append(replace(message, due_at=due_at, taken_by=None, error=told))
            else:
                self._breakers[where] = breaker.called(now)
                self._under_way[where] = message
                self.courier.try_one(message)

    def _ended(self, ended: _Ended) -> None:
        now = self.courier.clock.now()
        where = endpoint_of(ended.message, self.courier.allowed)
        self._under_way.pop(where, None)
        breaker = self._breakers.get(where, Breaker())
        self._breakers[where] = breaker.failed(now) if ended.tried.is_down else breaker.succeeded()
        message = after(ended.message, ended.tried, now, self.courier.rules, self.courier.random)
        self.courier.counts["failed" if message.state == "pending" else message.state] += 1
        if message.state == "dead":
            self.courier.died.append(message)
        self._learned.append(message)

    def _may_stop(self, now: float, next_at: float | None, closes_at: float | None) -> bool:
        if closes_at is None:
            return False
        is_done = not self._waiting and not self._under_way and (next_at is None or next_at > now)
        return is_done or now >= closes_at

    def _pause(self, now: float, next_at: float | None) -> float:
        pause = _LOOK_AGAIN
        if next_at is not None and len(self._waiting) < self.courier.rules.batch:
            pause = min(pause, max(0.0, next_at - now))
        if self.courier.closes_at is not None:
            pause = min(pause, max(0.0, self.courier.closes_at - now))
        return pause


def after(message: Message, tried: Tried, now: float, rules: Rules, random: Random) -> Message:
    """How a message stands after a try."""
    tries = message.tries + 1
    known = replace(message, tries=tries, taken_by=None, error=tried.error)
    if tried.end == "delivered":
        return replace(known, state="delivered", settled_at=now, error="")
    if tried.end == "dead" or tries >= rules.retry.max_attempts or now - message.created_at > rules.age:
        return replace(known, state="dead", settled_at=now)
    return replace(known, due_at=now + max(tried.later, delay(rules.retry, tries, random)))


def endpoint_of(message: Message, allowed: Allowed) -> str:
    """What messages share a queue and a circuit breaker by: scheme, host and port."""
    try:
        return read_url(message.url, allowed).origin
    except Refused:
        return message.url


_ALL: Final = 1 << 62
