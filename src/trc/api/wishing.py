"""Asks runs that another process drives to pause, to go on, or to end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from trc.api.recorded import find_run, recorded_in
from trc.runtime.clock import SystemClock
from trc.runtime.drivers import is_driven
from trc.runtime.errors import Stopped, stopped
from trc.runtime.reasons import Reason
from trc.runtime.scheduler.state import FINAL
from trc.runtime.store.journal import AttemptRecord, RunRecord, TaskRecord, Transaction, Wish

_OPEN: Final = frozenset({"claimed", "running"})


def wish(folder: Path, run: str | None, wanted: Wish) -> tuple[RunRecord, bool]:
    """Wishes something of a run: the newest, or the one whose id begins so. Tells also whether a process drives it.

    One whose driver is dead ends at once where that is wished; that it pauses or goes on is no use to it, and refused.
    Raises Stopped for a run that has ended.
    """
    with recorded_in(folder) as store:
        record = find_run(store, run)
        alive = is_driven(record, store.drivers(), SystemClock())
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


def _ended(record: RunRecord) -> Stopped:
    return stopped("TRC618", f"run {record.id} has ended already: {record.state}", "`trc runs` lists those that run")


def _end(change: Transaction, run: RunRecord, tasks: Sequence[TaskRecord], attempts: Sequence[AttemptRecord]) -> None:
    """Ends a run that nobody drives any more."""
    now = SystemClock().now()
    reason: Mapping[str, object] = Reason("canceled").to_json()
    change.put_tasks(
        [one._replace(state="canceled", reason=reason, ended_at=now) for one in tasks if one.state not in FINAL]
    )
    change.put_attempts([one._replace(state="lost", ended_at=now) for one in attempts if one.state in _OPEN])
    change.put_run(replace(run, state="canceled", ended_at=now))
    change.release(run.id)
