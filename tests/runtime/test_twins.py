"""Equal tasks in a real store: who stands for whom, whatever becomes of their runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from trc.runtime.clock import SystemClock
from trc.runtime.drivers import this_driver
from trc.runtime.listing import Inputs
from trc.runtime.scheduler.commands import FindTwin
from trc.runtime.scheduler.events import StandsAlone, StandsBehind, TwinEnded
from trc.runtime.spec import SkipSpec, TaskSpec, TwinSpec
from trc.runtime.store.journal import RunRecord, TaskRecord, TaskState
from trc.runtime.store.sqlite import SqliteStore
from trc.runtime.twins import TwinKeeper

SPEC = TaskSpec("t", "shell", "shell:run", (), SkipSpec(can_skip=False), twins=(TwinSpec("running", "g"),))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with SqliteStore(tmp_path / "state.db") as store:
        yield store


def keeper(store: SqliteStore, run: str) -> TwinKeeper:
    clock = SystemClock()
    driver = this_driver(clock)
    store.enrol(driver, clock.now() + 30)
    record = RunRecord(run, "p", "p.trc", "digest", "2026-01-01T00:00:00+00:00", driver.id, clock.now())
    with store.transaction() as change:
        change.put_run(record)
    # Tasks without outputs ask nothing of it.
    return TwinKeeper(store, record, clock, cast("Any", None))


def find(store: SqliteStore, keeper: TwinKeeper, task: str, behind: tuple[str, str] | None = None) -> object:
    with store.transaction() as change:
        return keeper.find(FindTwin(task, behind), SPEC, Inputs((), ()), change)[0]


def move(store: SqliteStore, run: str, task: str, state: TaskState, attempt: int = 1) -> None:
    error = {"message": "no"} if state == "failure" else None
    with store.transaction() as change:
        change.put_tasks([TaskRecord(run, task, state, attempt, error=error)])


def test_two_that_have_stood_for_others_do_not_wait_for_each_other(store: SqliteStore) -> None:
    """One is paused before it began, another takes its place; then both are asked about again."""
    one = keeper(store, "r1")
    assert isinstance(find(store, one, "a"), StandsAlone)
    move(store, "r1", "a", "paused", 0)
    assert isinstance(find(store, one, "b"), StandsAlone)
    move(store, "r1", "b", "pending", 0)
    assert isinstance(find(store, one, "a"), StandsBehind)
    move(store, "r1", "a", "pending", 0)
    move(store, "r1", "b", "paused", 0)
    assert isinstance(find(store, one, "b"), StandsAlone)


def test_what_waits_for_its_needs_in_a_run_that_is_taken_up_stands_for_nobody(store: SqliteStore) -> None:
    one = keeper(store, "r1")
    assert isinstance(find(store, one, "a"), StandsAlone)
    move(store, "r1", "a", "waiting", 1)
    assert isinstance(find(store, one, "b"), StandsBehind), "it is known to be about to begin"
    again, other = keeper(store, "r1"), keeper(store, "r2")
    assert isinstance(find(store, again, "b"), StandsAlone)
    move(store, "r1", "b", "claimed")
    assert isinstance(find(store, other, "t"), StandsBehind)


@pytest.mark.parametrize(
    ("state", "found"), [("success", TwinEnded), ("failure", TwinEnded), ("canceled", StandsAlone)]
)
def test_the_end_of_the_first_is_told_once_it_is_followed(store: SqliteStore, state: TaskState, found: type) -> None:
    one, other = keeper(store, "r1"), keeper(store, "r2")
    assert isinstance(find(store, one, "a"), StandsAlone)
    move(store, "r1", "a", "running")
    assert isinstance(find(store, other, "b"), StandsBehind)
    move(store, "r1", "a", state)
    answer = find(store, other, "b", ("r1", "a"))
    assert isinstance(answer, found)
    if isinstance(answer, TwinEnded):
        assert answer.error == ({"message": "no"} if state == "failure" else None)
    # Who had not waited for it knows nothing of it.
    move(store, "r2", "b", "canceled")
    assert isinstance(find(store, keeper(store, "r3"), "c"), StandsAlone)
