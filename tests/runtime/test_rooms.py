"""The circuit breakers of services in a real store: who may try one, whatever runs and drivers do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from trc.runtime.clock import SystemClock
from trc.runtime.drivers import this_driver
from trc.runtime.rooms import RoomKeeper
from trc.runtime.scheduler.commands import TakeRoom, TellService
from trc.runtime.scheduler.events import RoomFull, RoomTaken, ServiceDown
from trc.runtime.spec import BreakerSpec
from trc.runtime.store.journal import Driver, RunRecord
from trc.runtime.store.sqlite import SqliteStore

CRM = BreakerSpec("crm", "g", failures=2, window=60.0, rest=0.0)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with SqliteStore(tmp_path / "state.db") as store:
        yield store


def keeper(store: SqliteStore, run: str, *, alive: bool = True) -> RoomKeeper:
    clock = SystemClock()
    here = this_driver(clock)
    driver = here if alive else Driver(f"dead-{run}", here.host, here.boot_id, here.pid, here.start_time + 1)
    store.enrol(driver, clock.now() + 30)
    record = RunRecord(run, "p", "p.trc", "digest", "2026-01-01T00:00:00+00:00", driver.id, clock.now())
    with store.transaction() as change:
        change.put_run(record)
    return RoomKeeper(store, record, clock)


def take(store: SqliteStore, room: RoomKeeper, token: str, **claims: int) -> RoomTaken | RoomFull | ServiceDown:
    with store.transaction() as change:
        return room.take(TakeRoom(token, token, claims, CRM), change)


def tell(store: SqliteStore, room: RoomKeeper, token: str, *found: str) -> None:
    with store.transaction() as change:
        for one in found:
            room.tell(TellService(token, token, one), CRM, change)  # type: ignore[arg-type]


def test_one_probes_at_a_time_and_its_end_decides(store: SqliteStore) -> None:
    one, other = keeper(store, "r1"), keeper(store, "r2")
    tell(store, one, "a", "down", "down")
    assert isinstance(take(store, one, "probe"), RoomTaken)
    assert isinstance(take(store, one, "b"), ServiceDown)
    assert isinstance(take(store, other, "c"), ServiceDown)
    # One that began before knows nothing of now.
    tell(store, other, "old", "up")
    assert isinstance(take(store, other, "c"), ServiceDown)
    tell(store, one, "probe", "unknown")
    assert isinstance(take(store, other, "c"), RoomTaken)
    assert isinstance(take(store, one, "b"), ServiceDown)
    tell(store, other, "c", "up")
    assert all(isinstance(take(store, room, "d"), RoomTaken) for room in (one, other, one))


def test_a_probe_of_a_dead_driver_or_of_a_run_that_has_ended_is_none(store: SqliteStore) -> None:
    one, dead = keeper(store, "r1"), keeper(store, "r2", alive=False)
    tell(store, dead, "a", "down", "down")
    assert isinstance(take(store, dead, "probe"), RoomTaken)
    assert isinstance(take(store, one, "b"), RoomTaken)
    other = keeper(store, "r3")
    assert isinstance(take(store, other, "c"), ServiceDown)
    with store.transaction() as change:
        change.release("r1")
    assert isinstance(take(store, other, "c"), RoomTaken)


def test_failures_count_across_runs_and_only_in_a_row(store: SqliteStore) -> None:
    one, other = keeper(store, "r1"), keeper(store, "r2")
    tell(store, one, "a", "down", "up", "down", "unknown")
    assert isinstance(take(store, one, "b"), RoomTaken)
    tell(store, other, "c", "down")
    assert isinstance(take(store, one, "d"), RoomTaken)
    assert isinstance(take(store, other, "e"), ServiceDown)


def test_who_finds_no_room_probes_nothing(store: SqliteStore) -> None:
    one, other = keeper(store, "r1"), keeper(store, "r2")
    with store.transaction() as change:
        change.take_room("r2", "x", {"g": 1})
    tell(store, one, "a", "down", "down")
    assert isinstance(take(store, one, "b", g=1), RoomFull)
    assert isinstance(take(store, other, "c"), RoomTaken)
