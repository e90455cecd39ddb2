"""Asks runs that another process drives to pause, to go on, or to end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from trc.api.recorded import find_run, recorded_in
from trc.runtime.clock import SystemClock
from trc.runtime.drivers import is_alive, this_driver
from trc.runtime.errors import Stopped, stopped
from trc.runtime.reasons import Reason
from trc.runtime.store.journal import AttemptRecord, RunRecord, TaskRecord, Transaction, Wish
from trc.runtime.store.sqlite import SqliteStore

_FINAL: Final = frozenset({"success", "failure", "canceled", "skipped", "omitted", "upstream_failed"})
_OPEN: Final = frozenset({"claimed", "running"})


def wish(folder: Path, run: str | None, wanted: Wish) -> tuple[RunRecord, bool]:
    """Wishes something of a run: the newest, or the one whose id begins so. Tells also whether a process drives it.

    One whose driver is dead ends at once where that is wished; that it pauses or goes on is no use to it, and refused.
    Raises Stopped for a run that has ended.
    """
    with recorded_in(folder) as store:
        record = find_run(store, run)
        alive = _is_driven(store, record)
        if not alive and wanted != "cancel" and record.state == "running":
            raise stopped(
                "TRC618", f"the process that drove run {record.id} has died", f"`trc run {record.file}` goes on with it"
            )
        with store.transaction() as change:
            now = store.run(record.id)
            assert now is not None
            if now.state != "running":
                raise _ended(now)
            if alive:
                change.put_wish(now.id, wanted)
            else:
                _end(change, now, store.tasks(now.id), store.attempts(now.id))
    return record, alive


def _is_driven(store: SqliteStore, record: RunRecord) -> bool:
    clock = SystemClock()
    driver = store.drivers().get(record.driver)
    return driver is not None and is_alive(driver[0], driver[1], clock.now(), this_driver(clock))


def _ended(record: RunRecord) -> Stopped:
    return stopped("TRC618", f"run {record.id} has ended already: {record.state}", "`trc runs` lists those that run")


def _end(change: Transaction, run: RunRecord, tasks: Sequence[TaskRecord], attempts: Sequence[AttemptRecord]) -> None:
    """Ends a run that nobody drives any more."""
    now = SystemClock().now()
    reason: Mapping[str, object] = Reason("canceled").to_json()
    change.put_tasks(
        [one._replace(state="canceled", reason=reason, ended_at=now) for one in tasks if one.state not in _FINAL]
    )
    change.put_attempts([one._replace(state="lost", ended_at=now) for one in attempts if one.state in _OPEN])
    change.put_run(replace(run, state="canceled", ended_at=now))
    change.release(run.id)
