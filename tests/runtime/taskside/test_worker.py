"""What a worker begins, of what comes in through its pipe."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from trc.runtime.taskside.order import TaskOrder
from trc.runtime.taskside.worker import BEGIN, READY, _Inbox


def line(task: str) -> bytes:
    order = TaskOrder(
        run="r", pipeline="p", task=task, attempt=1, token=task, runs="m:f", project="/p", log="/l", run_time="",
        idempotency_key="",
    )  # fmt: skip
    return order.to_json().encode() + b"\n"


A, B = line("a"), line("b")
ODD = line("an order in two pieces, ?the second of which begins like one to be made ready for")


@pytest.fixture
def pipe() -> Iterator[tuple[_Inbox, int]]:
    """An inbox, and where to write to it: in packets."""
    ours, theirs = os.pipe2(os.O_NONBLOCK | os.O_DIRECT)
    yield _Inbox(ours), theirs
    os.close(ours)
    os.close(theirs)


@pytest.mark.parametrize(
    ("packets", "begun"),
    [
        pytest.param([A], ["a"], id="an order"),
        pytest.param([A, B], ["a", "b"], id="two orders"),
        pytest.param([READY + A], [], id="made ready only"),
        pytest.param([READY + A, BEGIN], ["a"], id="made ready and told to begin"),
        pytest.param([READY + A, BEGIN, B], ["a", "b"], id="and one behind it"),
        pytest.param([READY + A, BEGIN, BEGIN], ["a"], id="begins once"),
        pytest.param([READY + A, READY + B, BEGIN], ["b"], id="made ready for another"),
        pytest.param([READY + A, B, BEGIN], ["b"], id="told too late: another was begun"),
        pytest.param([BEGIN, B], ["b"], id="told to begin what was taken back"),
        pytest.param([ODD[: ODD.index(b"?")], ODD[ODD.index(b"?") :], A], [ODD, "a"], id="an order in pieces"),
    ],
)
def test_what_is_begun(pipe: tuple[_Inbox, int], packets: list[bytes], begun: list[str | bytes]) -> None:
    inbox, write = pipe
    for packet in packets:
        os.write(write, packet)
    orders: list[str] = []
    for _ in begun:
        order = inbox.next(wait=True)
        assert order is not None
        orders.append(order.task)
    assert orders == [TaskOrder.from_json(one).task if isinstance(one, bytes) else one for one in begun]
    assert inbox.next(wait=False) is None
