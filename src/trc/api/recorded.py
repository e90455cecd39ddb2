"""What is recorded of runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from trc.api.stores import is_begun, opened
from trc.runtime.clock import SystemClock
from trc.runtime.drivers import is_driven
from trc.runtime.errors import stopped
from trc.runtime.partitions import Manifest, newer_parts, parts_folder, read_manifest
from trc.runtime.reasons import Reason
from trc.runtime.repeated import ALL, items_beneath
from trc.runtime.spec import KeyPart
from trc.runtime.store.journal import AttemptRecord, RunRecord, TaskRecord, Wish
from trc.runtime.store.results import Result
from trc.runtime.store.sql import SqlStore
from trc.settings import settings_of


@dataclass(frozen=True, slots=True)
class RunStatus:
    """A run as it is recorded; `alive` says whether the process that drives it lives.

    `parts` tells, by task, what the outputs that it made by partition were put together of.
    """

    run: RunRecord
    tasks: tuple[TaskRecord, ...]
    attempts: tuple[AttemptRecord, ...]
    alive: bool
    wish: Wish = "run"
    """What other processes have wished of it."""
    parts: Mapping[str, Manifest] = field(default_factory=dict[str, Manifest])


@dataclass(frozen=True, slots=True)
class AttemptLog:
    """What an attempt printed; whether logs of its run are on this machine at all."""

    attempt: AttemptRecord
    text: str
    is_here: bool = True


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a task ran or did not, the last time that it was asked; `result` is what is committed for it now.

    `parts` tells which partitions that was put together of, where the task is to run by partition, and `newer` counts
    those that are kept for an output that is yet to come.
    """

    pipeline: str
    task: str
    run: RunRecord
    record: TaskRecord
    reason: Reason
    attempts: tuple[AttemptRecord, ...]
    result: Result | None
    parts: Manifest | None = None
    newer: int = 0
    whole: tuple[AttemptRecord, ...] = ()
    """Of a repeated task, the attempts that held the rows of all items to their expectations."""

    @property
    def known_by(self) -> tuple[KeyPart, ...]:
        """Of a task that was skipped, what it reads elsewhere than on this machine, and the ETag or the date that it is known by."""
        if self.record.state != "skipped" or self.result is None:
            return ()
        inputs = (one for one in self.result.parts if one.group == "inputs")
        return tuple(one for one in inputs if one.value.startswith(("etag:", "last-modified:")))


@contextmanager
def recorded_in(folder: Path) -> Iterator[SqlStore]:
    """The store of the project that a folder lies in."""
    settings = settings_of(folder)
    if not is_begun(settings):
        raise stopped(
            "TRC609", f'no run is recorded in "{settings.project}"', "run a pipeline with `trc run FILE` first"
        )
    with opened(settings) as store:
        yield store


def runs(folder: Path, *, limit: int = 20) -> tuple[RunRecord, ...]:
    """The project's runs, newest first."""
    with recorded_in(folder) as store:
        return tuple(store.runs(limit=limit))


def status(folder: Path, run: str | None = None) -> RunStatus:
    """How a run stands: the newest one, or the one whose id begins so."""
    with recorded_in(folder) as store:
        record = find_run(store, run)
        return RunStatus(
            record,
            items_beneath(store.tasks(record.id)),
            tuple(store.attempts(record.id)),
            is_driven(record, store.drivers(), SystemClock()),
            store.wish(record.id),
            dict(_parts(settings_of(folder).state, record, store)),
        )


def _parts(state: Path, run: RunRecord, store: SqlStore) -> Iterator[tuple[str, Manifest]]:
    for name, result in store.latest(run.pipeline).items():
        found = read_manifest(parts_folder(state, run.pipeline, name), result.key) if result.run == run.id else None
        if found is not None:
            yield name, found


def find_run(store: SqlStore, run: str | None) -> RunRecord:
    if run is None:
        newest = store.runs(limit=1)
        if not newest:
            raise stopped("TRC609", "no run is recorded", "run a pipeline with `trc run FILE` first")
        return newest[0]
    found = store.run(run)
    if found is None:
        raise stopped("TRC609", f'no single run has an id that begins with "{run}"', "`trc runs` lists them")
    return found


def logs(folder: Path, run: str | None = None, task: str | None = None) -> tuple[AttemptLog, ...]:
    """What the attempts of a run printed, oldest first; of one task, or of all."""
    with recorded_in(folder) as store:
        record = find_run(store, run)
        known_task(store, record, task)
        attempts = store.attempts(record.id, task)
    return tuple(AttemptLog(one, _read_log(one.log), Path(one.log).parent.is_dir()) for one in attempts)


def known_task(store: SqlStore, record: RunRecord, task: str | None) -> None:
    """Raises Stopped for a task that the run does not have."""
    known = {one.task for one in store.tasks(record.id)}
    if task is not None and task not in known:
        raise stopped("TRC609", f'run {record.id} has no task "{task}"', f"it has: {', '.join(sorted(known))}")


def _read_log(path: str) -> str:
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return ""


def explain_task(folder: Path, name: str, *, run: str | None = None) -> Explanation:
    """Why a task ran or was skipped in a run: by default the last that it was part of."""
    with recorded_in(folder) as store:
        candidates = [find_run(store, run)] if run else store.runs(limit=1000)
        for record in candidates:
            found = next((one for one in store.tasks(record.id) if one.task.casefold() == name.casefold()), None)
            if found is not None:
                result = store.latest(record.pipeline).get(found.task)
                where = parts_folder(settings_of(folder).state, record.pipeline, found.task)
                parts = read_manifest(where, result.key) if result is not None else None
                return Explanation(
                    record.pipeline,
                    found.task,
                    record,
                    found,
                    Reason.from_json(found.reason),
                    tuple(store.attempts(record.id, found.task)),
                    result,
                    parts,
                    len(newer_parts(where)),
                    tuple(store.attempts(record.id, f"{found.task}[{ALL}]")),
                )
        known = sorted({one.task for one in store.tasks(candidates[0].id)}) if candidates else []
    raise stopped("TRC609", f'no run has a task "{name}"', f"the last one has: {', '.join(known)}")
