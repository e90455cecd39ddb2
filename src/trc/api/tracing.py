"""Lineage as it is recorded: of a run, and of a dataset or a file over all runs of a project."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Literal

from trc.api.recorded import status
from trc.api.stores import is_begun, opened
from trc.compiler.diagnostics.nearest import did_you_mean
from trc.compiler.ir.uris import is_remote, normalise
from trc.runtime import shapes
from trc.runtime.drivers import boot_id
from trc.runtime.errors import Stopped, stopped
from trc.runtime.lineage.query import DEEPEST, Ledger, Made, Traced, Unknown, words_of
from trc.runtime.lineage.reads import FileRead, Read, told
from trc.runtime.lineage.records import Commit, commits
from trc.runtime.shapes import Shape
from trc.runtime.storage.local import LocalStorage
from trc.runtime.store.journal import RunRecord, TaskRecord
from trc.settings import Settings, settings_of

Direction = Literal["up", "down", "both"]
OnDisk = Literal["same", "changed", "gone", "unreadable"]
"""How the file at a path now compares to a digest that was recorded of it."""


@dataclass(frozen=True, slots=True)
class TaskLineage:
    """What a task of a run read and wrote: each read with what it was. Without a `commit` it committed nothing in that run.

    `reads` are None where they are not recorded; `unknown` says what else is not.
    """

    record: TaskRecord
    commit: Commit | None
    reads: tuple[tuple[Read, Made | Read | Unknown], ...] | None
    unknown: str


@dataclass(frozen=True, slots=True)
class RunLineage:
    """What each task of a run read and wrote; `on_disk` tells, by path and digest, what is there now."""

    run: RunRecord
    tasks: tuple[TaskLineage, ...]
    on_disk: Mapping[tuple[str, str], OnDisk]
    project: Path


@dataclass(frozen=True, slots=True)
class AssetLineage:
    """Where a dataset or a file came from (`up`) and what came of it (`down`), as recorded until `at`.

    A direction that was not asked for is None. `what` is the last output of that name, or a source file as it was read
    last; `on_disk` is that of a run.
    """

    what: Made | FileRead
    at: float
    up: tuple[Traced, ...] | None
    down: tuple[Traced, ...] | None
    on_disk: Mapping[tuple[str, str], OnDisk]
    project: Path


def run_lineage(folder: Path, run: str | None = None) -> RunLineage:
    """What the tasks of a run read and wrote: of the newest run, or the one whose id begins so."""
    found, settings = status(folder, run), settings_of(folder)
    ledger = _ledger(settings, float("inf"))
    made = {one.task: one for one in ledger.commits if one.run == found.run.id}
    tasks = tuple(_task(ledger, record, made.get(record.task)) for record in found.tasks)
    contents = set(_contents(part for one in tasks for part in _parts(one)))
    return RunLineage(found.run, tasks, _on_disk(settings, contents), settings.project)


def asset_lineage(
    folder: Path, name: str, *, direction: Direction = "both", depth: int = DEEPEST, at: str | None = None
) -> AssetLineage:
    """Follows `pipeline.task[.output]`, an output's location or a source file, as recorded until `at` (ISO 8601).

    Raises `Stopped` for a name of which nothing is recorded until then, and for what is no time.
    """
    settings, until = settings_of(folder), time.time() if at is None else _moment(at)
    if not is_begun(settings):
        raise stopped(
            "TRC609", f'no run is recorded in "{settings.project}"', "run a pipeline with `trc run FILE` first"
        )
    ledger = _ledger(settings, until)
    places = [normalise(name, folder.resolve()), normalise(name, settings.project)]
    what = _find(ledger, name, places)
    if what is None:
        raise _nothing(name, places, ledger, settings, at)
    up = down = None
    if direction != "down":
        up = ledger.up(what, depth) if isinstance(what, Made) else ()
    if direction != "up":
        down = ledger.down(what, depth) if isinstance(what, Made) else tuple(_all_readers(ledger, what, depth))
    contents = set(_contents([what, *_flat(up or ()), *_flat(down or ())]))
    return AssetLineage(what, until, up, down, _on_disk(settings, contents), settings.project)


def _moment(at: str) -> float:
    """A time without a zone is one of this machine's, as those that commands print."""
    try:
        return datetime.fromisoformat(at).astimezone().timestamp()
    except (ValueError, OverflowError):
        raise stopped(
            "TRC205", f'"{at}" is not a time', "write it like 2026-01-31 or 2026-01-31T02:00:00+01:00"
        ) from None


def _ledger(settings: Settings, until: float) -> Ledger:
    with opened(settings) as store:
        digests = store.digests_of_runs()
        kept = [one for one in commits(store) if one.at <= until]
    recall = cache(lambda digest: shapes.recall(settings.state, digest))

    def shape_of(run: str) -> Shape | None:
        return recall(digests[run]) if run in digests else None

    return Ledger(kept, str(settings.project), shape_of)


def _task(ledger: Ledger, record: TaskRecord, commit: Commit | None) -> TaskLineage:
    if commit is None:
        return TaskLineage(record, None, None, _why_nothing(record))
    reads = ledger.reads(commit)
    if reads is None or commit.parts is None:
        why = "what it read is not recorded any more: its key was committed anew since"
        return TaskLineage(record, commit, None, why)
    return TaskLineage(
        record, commit, tuple((one, ledger.source(commit, one)) for one in reads), words_of(told(commit.parts))
    )


def _why_nothing(record: TaskRecord) -> str:
    match record.state:
        case "skipped":
            return "it was skipped: in this run nothing was read or written"
        case "success" if not record.attempt:
            return "it is repeated: its items read and wrote"
        case "success":
            return "it committed nothing new: what it read is not recorded"
        case "failure" | "canceled":
            return "it committed nothing: what it read is not recorded"
        case "upstream_failed" | "omitted":
            return "it did not run"
        case _:
            return "it is not done yet"


def _find(ledger: Ledger, name: str, places: Iterable[str]) -> Made | FileRead | None:
    known = ledger.datasets().get(name.casefold())
    if known is not None:
        return known
    for place in places:
        made = ledger.at_path(place)
        if made is not None:
            return made
        for _, read in reversed(ledger.file_reads(place)):
            if isinstance(read, FileRead):
                return read
    return None


def _nothing(name: str, places: Iterable[str], ledger: Ledger, settings: Settings, at: str | None) -> Stopped:
    if at is not None:
        later = _ledger(settings, float("inf"))
        found = _find(later, name, places)
        if found is not None:
            return stopped("TRC609", f'nothing is recorded of "{name}" until {at}', "what is recorded of it is later")
    several = ledger.outputs_of(name)
    if several:
        return stopped("TRC609", f'"{name}" has several outputs', f"name one of them: {', '.join(several)}")
    known = [*(made.name for made in ledger.datasets().values()), *ledger.paths()]
    remedy = [
        *did_you_mean(name, known),
        "write pipeline.task, pipeline.task.output, or the path of an output or a source file",
    ]
    if ledger.has_many_files():
        remedy.append("of inputs of more than 100 files, only how many there were is recorded, not their names")
    return stopped("TRC609", f'nothing is recorded of "{name}"', *remedy)


def _all_readers(ledger: Ledger, what: FileRead, depth: int) -> Iterator[Traced]:
    """Who read a source file, whatever it held then."""
    digests = dict.fromkeys(read.digest for _, read in ledger.file_reads(what.path) if isinstance(read, FileRead))
    for digest in digests:
        yield from ledger.down(FileRead(what.name, what.path, digest), depth)


def _flat(branches: Iterable[Traced]) -> Iterator[Made | Read | Unknown]:
    for one in branches:
        yield one.what
        if one.read is not None:
            yield one.read
        yield from _flat(one.below)


def _parts(task: TaskLineage) -> Iterator[Made | Read | Unknown]:
    yield from (source for _, source in task.reads or ())
    if task.commit is not None:
        yield from (Made(task.commit, output) for output in task.commit.outputs)


def _contents(parts: Iterable[Made | Read | Unknown]) -> Iterator[tuple[str, str]]:
    """The files, each with the digest that is recorded of it."""
    for one in parts:
        if isinstance(one, Made) and one.output.path:
            yield one.output.path, one.output.digest
        elif isinstance(one, FileRead):
            yield one.path, one.digest


def _on_disk(settings: Settings, contents: Iterable[tuple[str, str]]) -> dict[tuple[str, str], OnDisk]:
    with opened(settings) as store:
        storage = LocalStorage(store, settings.state, boot_id(), time.time_ns)
        found: dict[tuple[str, str], OnDisk] = {
            (path, digest): _compared(storage, path, digest) for path, digest in contents if not is_remote(path)
        }
        storage.flush()
    return found


def _compared(storage: LocalStorage, path: str, digest: str) -> OnDisk:
    try:
        now = storage.digest(path)
    except OSError:
        return "unreadable"
    if now is None:
        return "gone"
    return "same" if now == digest else "changed"
