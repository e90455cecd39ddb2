"""Messages reach real endpoints, whatever these do: once and again until they are taken, and never in the way of each other."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from random import Random
from threading import Event, Thread
from typing import BinaryIO

import pytest
from tests.contracts.store_suite import DRIVER, MESSAGE, RUN
from tests.endpoint import OK, Endpoint, Request, answer, endpoint

from trc.addresses import Allowed
from trc.runtime.clock import SystemClock
from trc.runtime.drivers import this_driver
from trc.runtime.outbox import Courier, Rules, after
from trc.runtime.spec import RetrySpec
from trc.runtime.ssrf import Caller
from trc.runtime.store.journal import Message
from trc.runtime.store.memory import MemoryStore
from trc.runtime.store.sqlite import SqliteStore
from trc.runtime.taskside.result import Failure
from trc.runtime.webhooks import Key, Tried, Webhooks

HERE = Allowed(frozenset({"127.0.0.1"}))
QUICK = Rules(RetrySpec(4, "fixed", 0.02, 1.0, 0.02, "none"), age=3600.0)
SLOW = Rules(RetrySpec(4, "fixed", 600.0, 1.0, 600.0, "none"))


@dataclass
class Post:
    """A store with a run, and couriers that deliver its messages."""

    path: Path
    count: int = 0
    couriers: list[Courier] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.store = SqliteStore(self.path)
        with self.store.transaction() as change:
            change.put_run(RUN)

    def put(self, *urls: str, due_at: float = 0.0) -> None:
        with self.store.transaction() as change:
            for url in urls:
                self.count += 1
                now = time.time()
                change.put_messages(
                    [replace(MESSAGE, id=f"m{self.count}", url=url, created_at=now, due_at=due_at or now)]
                )

    def courier(self, rules: Rules = QUICK, key: Key = lambda: None, within: float = 5.0) -> Courier:
        webhooks = Webhooks(partial(Caller, HERE, within), key)
        made = Courier(partial(SqliteStore, self.path), webhooks.deliver, HERE, SystemClock(), rules, Random(1))
        self.couriers.append(made)
        made.start()
        return made

    @property
    def states(self) -> list[tuple[str, int, str]]:
        return [(one.state, one.tries, one.error) for one in reversed(self.store.messages())]


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    made = Post(tmp_path / "state.db")
    yield made
    for courier in made.couriers:
        courier.close(0.0)
    made.store.close()


@pytest.fixture
def told() -> Iterator[Endpoint]:
    with endpoint() as found:
        yield found


def test_what_is_due_is_delivered_in_order_and_what_is_not_waits(post: Post, told: Endpoint) -> None:
    post.put(*(f"{told.url}/{number}" for number in range(20)))
    post.put(f"{told.url}/later", due_at=time.time() + 3600)
    post.courier().close()
    assert [one.path for one in told.requests] == [f"/{number}" for number in range(20)]
    assert post.states == [("delivered", 1, "")] * 20 + [("pending", 0, "")]
    assert told.requests[0].body.decode() == MESSAGE.body
    assert told.requests[0].headers["webhook-id"] == "m1"
    assert told.requests[0].headers["trc-event"] == "task.failure"
    assert "webhook-signature" not in told.requests[0].headers


def test_what_is_written_down_later_is_delivered_when_it_is_woken(post: Post, told: Endpoint) -> None:
    courier = post.courier()
    for number in range(1, 4):
        post.put(f"{told.url}/")
        courier.wake()
        told.wait_for(number)
    courier.close()
    assert post.states == [("delivered", 1, "")] * 3


class _Overtaken(SqliteStore):
    """A store in which a message is written down, and the end is asked for, right after it was first looked at."""

    courier: Courier
    url = ""

    def next_message_at(self) -> float | None:
        found = super().next_message_at()
        if self.courier.closes_at is None:
            with self.transaction() as change:
                now = time.time()
                change.put_messages([replace(MESSAGE, id="last", url=self.url, created_at=now, due_at=now)])
            Thread(target=self.courier.close).start()
            while self.courier.closes_at is None:
                time.sleep(0.001)
        return found


def test_what_is_written_down_right_before_the_end_is_delivered(post: Post, told: Endpoint) -> None:
    def overtaken() -> _Overtaken:
        store = _Overtaken(post.path)
        store.courier, store.url = courier, f"{told.url}/last"
        return store

    webhooks = Webhooks(partial(Caller, HERE, 5.0), lambda: None)
    courier = Courier(overtaken, webhooks.deliver, HERE, SystemClock(), QUICK, Random(1))
    courier.start()
    told.wait_for(1)
    courier.close()
    assert post.states == [("delivered", 1, "")]


def test_what_fails_is_tried_again_in_the_same_words(post: Post, told: Endpoint) -> None:
    answers = iter([answer(503), answer(404), OK])

    def respond(request: Request, out: BinaryIO) -> None:
        next(answers)(request, out)

    told.respond = respond
    post.put(f"{told.url}/")
    post.courier()
    first, *others = told.wait_for(3)
    assert [one.headers["trc-try"] for one in told.requests] == ["1", "2", "3"]
    assert {(one.body, one.headers["webhook-id"]) for one in others} == {(first.body, first.headers["webhook-id"])}
    post.couriers[0].close()
    assert post.states == [("delivered", 3, "")]


def test_what_is_never_taken_is_given_up(post: Post, told: Endpoint) -> None:
    told.respond = answer(400)
    post.put(f"{told.url}/")
    courier = post.courier()
    told.wait_for(4)
    courier.close()
    assert post.states == [("dead", 4, "it answered 400")]
    assert [one.id for one in courier.died] == ["m1"]


METADATA = (
    '"127.0.0.1" redirects to where trc does not call: '
    '"169.254.169.254" is an address of a cloud\'s metadata, which trc never calls'
)


@pytest.mark.parametrize(
    ("status", "headers", "url", "state", "error"),
    [
        (410, {}, "", "dead", "it answered 410: the endpoint is gone"),
        (302, {"Location": "/x"}, "", "pending", "it answered 302"),
        (307, {"Location": "https://169.254.169.254/"}, "", "dead", METADATA),
        (204, {}, "http://10.0.0.1/", "dead", '"10.0.0.1" would be called by http, which anybody on the way can read and change'),
        (204, {}, "http://127.0.0.1:9/", "pending", '"127.0.0.1" cannot be reached: connection refused'),
    ],
)  # fmt: skip
def test_what_the_endpoint_does_decides_whether_it_is_tried_again(
    post: Post, told: Endpoint, status: int, headers: dict[str, str], url: str, state: str, error: str
) -> None:
    told.respond = answer(status, headers)
    post.put(url or f"{told.url}/")
    post.courier(SLOW).close()
    assert post.states == [(state, 1, error)]


def test_an_endpoint_that_asks_for_time_is_given_it(post: Post, told: Endpoint) -> None:
    told.respond = answer(429, {"Retry-After": "1200"})
    post.put(f"{told.url}/")
    now = time.time()
    post.courier(QUICK).close()
    (message,) = post.store.messages()
    assert 1199 < message.due_at - now < 1260


def test_an_endpoint_that_hangs_keeps_nobody_else_waiting_and_the_end_of_a_run_for_a_while_alone(post: Post) -> None:
    let_go = Event()

    def hang(request: Request, out: BinaryIO) -> None:
        let_go.wait(20)
        OK(request, out)

    with endpoint(hang) as hung, endpoint() as told:
        post.put(f"{hung.url}/1", f"{hung.url}/2", *(f"{told.url}/{number}" for number in range(5)))
        courier = post.courier()
        told.wait_for(5)
        began = time.monotonic()
        courier.close(0.3)
        assert time.monotonic() - began < 2
        let_go.set()
        assert [one.path for one in hung.requests] == ["/1"]
    assert [state for state, _, _ in post.states] == ["pending", "pending"] + ["delivered"] * 5
    # What had not begun is free for whoever comes next; what is under way is so after its lease.
    free = [one.id for one in post.store.messages(state="pending") if one.taken_by is None]
    assert free == ["m2"]


def test_an_endpoint_that_does_not_work_is_left_alone_for_a_while(post: Post, told: Endpoint) -> None:
    told.respond = answer(500)
    post.put(*(f"{told.url}/{number}" for number in range(30)))
    post.courier(SLOW).close()
    assert len(told.requests) == 5
    tried = [state for state in post.states if state[1] == 1]
    assert tried == [("pending", 1, "it answered 500")] * 5
    assert all(tries == 0 and "left alone" in error for _, tries, error in post.states[5:])
    assert all(one.due_at > time.time() for one in post.store.messages())


def test_what_a_dead_courier_had_taken_is_delivered_by_the_next_one(post: Post, told: Endpoint) -> None:
    post.put(f"{told.url}/dead", f"{told.url}/alive")
    dead, alive = replace(DRIVER, id="dead"), this_driver(SystemClock())
    far = time.time() + 3600
    for driver in (dead, alive):
        post.store.enrol(driver, 0.0)
        with post.store.transaction() as change:
            assert len(change.take_messages(driver.id, time.time(), far, 1)) == 1
    post.courier().close()
    assert [one.path for one in told.requests] == ["/dead"]
    assert [state for state, _, _ in post.states] == ["delivered", "pending"]


def test_two_couriers_do_not_deliver_the_same(post: Post, told: Endpoint) -> None:
    post.put(*(f"{told.url}/{number}" for number in range(40)))
    for courier in [post.courier() for _ in range(3)]:
        courier.close()
    assert sorted(one.path for one in told.requests) == sorted(f"/{number}" for number in range(40))


def test_nothing_is_sent_unsigned_that_is_to_be_signed(post: Post, told: Endpoint) -> None:
    post.put(f"{told.url}/")
    post.courier(SLOW, lambda: Failure('the secret "env:HOOK_KEY" is not there\nset it')).close()
    assert told.requests == []
    assert post.states == [("pending", 1, 'it cannot be signed: the secret "env:HOOK_KEY" is not there')]


def test_a_store_that_breaks_ends_the_courier_and_is_told() -> None:
    def broken() -> nullcontext[MemoryStore]:
        raise sqlite3.OperationalError("disk I/O error")

    webhooks = Webhooks(partial(Caller, HERE), lambda: None)
    courier = Courier(broken, webhooks.deliver, HERE, SystemClock())
    courier.start()
    courier.close(5.0)
    assert courier.broken == "OperationalError: disk I/O error"


def test_a_mistake_while_a_message_is_delivered_is_that_message_s_alone(post: Post, told: Endpoint) -> None:
    webhooks = Webhooks(partial(Caller, HERE), lambda: None)

    def deliver(message: Message, now: float) -> Tried:
        if message.url.endswith("/broken"):
            raise KeyError("bug")
        return webhooks.deliver(message, now)

    post.put(f"{told.url}/broken", f"{told.url}/whole")
    courier = Courier(partial(SqliteStore, post.path), deliver, HERE, SystemClock(), SLOW)
    courier.start()
    courier.close()
    assert post.states == [("pending", 1, "KeyError: 'bug'"), ("delivered", 1, "")]


def test_the_memory_store_serves_as_well(told: Endpoint) -> None:
    store = MemoryStore()
    with store.transaction() as change:
        change.put_run(RUN)
        change.put_messages([replace(MESSAGE, url=f"{told.url}/")])
    webhooks = Webhooks(partial(Caller, HERE), lambda: None)
    courier = Courier(lambda: nullcontext(store), webhooks.deliver, HERE, SystemClock())
    courier.start()
    courier.close()
    assert [one.state for one in store.messages()] == ["delivered"]


FAILED = Tried("failed", "it answered 500")
TAKEN = replace(MESSAGE, created_at=1000.0, tries=2, taken_by="driver-1", due_at=1060.0)


@pytest.mark.parametrize(
    ("make", "tried", "now", "state", "wait"),
    [
        (lambda: TAKEN, Tried("delivered"), 1001.0, "delivered", None),
        (lambda: TAKEN, FAILED, 1001.0, "pending", (4.0, 8.0)),
        (lambda: TAKEN, replace(FAILED, later=100.0), 1001.0, "pending", (100.0, 100.0)),
        (lambda: replace(TAKEN, tries=14), FAILED, 1001.0, "pending", (900.0, 1800.0)),
        (lambda: replace(TAKEN, tries=15), FAILED, 1001.0, "dead", None),
        (lambda: replace(TAKEN, tries=0), FAILED, 1000.0 + 3 * 86_400, "pending", (1.0, 2.0)),
        (lambda: replace(TAKEN, tries=0), FAILED, 1001.0 + 3 * 86_400, "dead", None),
        (lambda: TAKEN, Tried("dead", "gone"), 1001.0, "dead", None),
    ],
)
def test_how_a_message_stands_after_a_try(
    make: Callable[[], Message], tried: Tried, now: float, state: str, wait: tuple[float, float] | None
) -> None:
    for seed in range(20):
        found = after(make(), tried, now, Rules(), Random(seed))
        assert (found.state, found.tries, found.taken_by) == (state, make().tries + 1, None)
        if wait is not None:
            assert wait[0] <= found.due_at - now <= wait[1]
        assert (found.settled_at is None) is (state == "pending")
