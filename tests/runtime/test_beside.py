"""What is done in a second thread while the first one waits."""

from __future__ import annotations

import threading
from threading import Event, current_thread

import pytest

from trc.runtime.beside import Beside


def test_an_action_runs_while_the_caller_waits() -> None:
    began = Event()
    with Beside() as beside:
        beside.begin(began.set)
        assert began.wait(10)
        beside.finish()


def test_each_action_is_done_when_finish_returns_and_one_thread_does_all() -> None:
    done: list[str] = []
    with Beside() as beside:
        for _ in range(3):
            beside.begin(lambda: done.append(current_thread().name))
            beside.finish()
    assert len(done) == 3
    assert set(done) == {"beside"}
    assert "beside" not in {thread.name for thread in threading.enumerate()}


def test_what_an_action_raises_is_raised_by_finish_and_the_next_one_runs() -> None:
    done: list[int] = []
    with Beside() as beside:
        beside.begin(lambda: done.remove(1))
        with pytest.raises(ValueError, match="not in list"):
            beside.finish()
        beside.begin(lambda: done.append(1))
        beside.finish()
    assert done == [1]


def test_nothing_begun_is_nothing_to_wait_for() -> None:
    with Beside() as beside:
        beside.finish()
    assert "beside" not in {thread.name for thread in threading.enumerate()}


def test_what_the_caller_raises_meanwhile_waits_for_the_action() -> None:
    may_end, done = Event(), []

    def act() -> None:
        may_end.wait(10)
        done.append(1)

    def fail() -> None:
        with Beside() as beside:
            beside.begin(act)
            may_end.set()
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        fail()
    assert done == [1]
