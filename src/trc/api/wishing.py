"""Asks runs that another process drives to pause, to go on, or to end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from trc.api.recorded import find_run, recorded_in
from trc.compiler.diagnostics.nearest import did_you_mean
from trc.runtime.clock import SystemClock
from trc.runtime.drivers import is_driven
from trc.runtime.errors import Stopped, stopped
from trc.runtime.reasons import Reason
from trc.runtime.scheduler.state import FINAL
from trc.runtime.store.journal import AttemptRecord, RunRecord, TaskRecord, Transaction, Wish

_OPEN: Final = frozenset({"claimed", "running"})


def wish_of_task(folder: Path, run: str | None, name: str, wanted: Wish) -> TaskRecord:
    """Wishes something of one task of a run that goes on: the newest, or the one whose id begins so.

    Raises Stopped where nobody would hear it, the run has no such task, or the task has ended.
    """
    with recorded_in(folder) as store:
        record = find_run(store, run)
        if record.state != "running":
            raise _ended(record)
        if not is_driven(record, store.drivers(), SystemClock()):
            raise _undriven(record)
        tasks = {one.task: one for one in store.tasks(record.id)}
        found = next((one for task, one in tasks.items() if task.casefold() == name.casefold()), None)
        if found is None:
            remedy = did_you_mean(name, tasks) or ("`trc status` lists its tasks",)
            raise stopped("TRC609", f'run {record.id} has no task "{name}"', *remedy)
        if found.state in FINAL:
            raise stopped(
                "TRC658",
                f'task "{found.task}" has ended already: {found.state}',
                "`trc status` shows those that have not",
            )
        with store.transaction() as change:
            change.put_task_wish(record.id, found.task, wanted)
    return found


def wish(folder: Path, run: str | None, wanted: Wish) -> tuple[RunRecord, bool]:
    """Wishes something of a run: the newest, or the one whose id begins so. Tells also whether a process drives it.

    One whose driver is dead ends at once where that is wished; that it pauses or goes on is no use to it, and refused.
    Raises Stopped for a run that has ended.
    """
    with recorded_in(folder) as store:
        record = find_run(store, run)
        alive = is_driven(record, store.drivers(), SystemClock())
        if not alive and wanted != "cancel" and record.state == "running":
            raise _undriven(record)
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


def _undriven(record: RunRecord) -> Stopped:
    return stopped(
        "TRC618", f"the process that drove run {record.id} has died", f"`trc run {record.file}` goes on with it"
    )


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
