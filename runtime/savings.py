"""What skipping has spared, as the journal tells it: how often tasks ran and were skipped, time and bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from trc.runtime.reasons import CHECK_ONLY
from trc.runtime.store.journal import AttemptRecord, RunRecord, TaskRecord
from trc.runtime.taskside.records import record

_ALL_RUNS = 1_000_000


class Records(Protocol):
    """What is asked of a journal."""

    def runs(self, *, pipeline: str | None = None, limit: int = 100) -> list[RunRecord]:
        """Runs, newest first."""
        ...

    def tasks(self, run: str) -> list[TaskRecord]:
        """The task runs of a run."""
        ...

    def attempts(self, run: str) -> list[AttemptRecord]:
        """The attempts of a run, oldest first."""
        ...


@dataclass(slots=True)
class Tally:
    """How often a task, or all of several, came to which end; `seconds` and `bytes` are what its skips have spared.

    `checked` counts the times that only its expectations were looked at, `other` those in which it was not
    decided on, or not done with: blocked, omitted, canceled, unfinished. `unknown` counts skips of which nobody knows what they have spared.
    """

    ran: int = 0
    checked: int = 0
    skipped: int = 0
    failed: int = 0
    other: int = 0
    seconds: float = 0.0
    bytes: int = 0
    unknown: int = 0

    @property
    def skip_rate(self) -> float | None:
        """Of the times that it was decided on, those that it was skipped; None if there was none."""
        decided = self.ran + self.checked + self.skipped + self.failed
        return self.skipped / decided if decided else None

    def add(self, other: Tally) -> None:
        """Counts another one in."""
        self.ran += other.ran
        self.checked += other.checked
        self.skipped += other.skipped
        self.failed += other.failed
        self.other += other.other
        self.seconds += other.seconds
        self.bytes += other.bytes
        self.unknown += other.unknown


def total(tallies: Iterable[Tally]) -> Tally:
    """The sum of tallies."""
    summed = Tally()
    for one in tallies:
        summed.add(one)
    return summed


@record(frozen=True, slots=True)
class PipelineSavings:
    """The last runs of a pipeline, newest first, and the tally of each task in the order in which they first came up."""

    pipeline: str
    runs: tuple[RunRecord, ...]
    tasks: Mapping[str, Tally]

    @property
    def sums(self) -> Tally:
        return total(self.tasks.values())


@record(frozen=True, slots=True)
class _Success:
    """What a task's successful attempt took in seconds and wrote in bytes."""

    seconds: float
    bytes: int


@dataclass(slots=True)
class _Run:
    """A run's records, and what its attempts that computed something took."""

    tasks: Sequence[TaskRecord]
    successes: Mapping[str, _Success] = field(default_factory=dict[str, _Success])


def savings_of(records: Records, pipeline: str, last: int) -> PipelineSavings:
    """What skips spared in the `last` runs of a pipeline: each the last successful attempt of its task before."""
    window = records.runs(pipeline=pipeline, limit=last)
    read = [_read(records, run.id) for run in reversed(window)]
    known = _before(records, pipeline, len(window), _open(read))
    tallies: dict[str, Tally] = {}
    for run in read:
        for task in run.tasks:
            tally = tallies.setdefault(task.task, Tally())
            _count(tally, task, known.get(task.task), has_run=task.task in run.successes)
        known |= run.successes
    return PipelineSavings(pipeline, tuple(window), tallies)


def _count(tally: Tally, task: TaskRecord, before: _Success | None, *, has_run: bool) -> None:
    code = task.reason.get("code")
    match task.state:
        # Before its run was interrupted, the task had run in it.
        case "skipped" if code == "kept" or has_run:
            tally.ran += 1
        case "skipped":
            tally.skipped += 1
            if before is None:
                tally.unknown += 1
            else:
                tally.seconds += before.seconds
                tally.bytes += before.bytes
        case "success" if code in CHECK_ONLY:
            tally.checked += 1
        case "success":
            tally.ran += 1
        case "failure":
            tally.failed += 1
        case _:
            tally.other += 1


def _read(records: Records, run: str) -> _Run:
    tasks = records.tasks(run)
    only_checked = {task.task for task in tasks if task.reason.get("code") in CHECK_ONLY}
    return _Run(tasks, dict(_successes(records.attempts(run), only_checked)))


def _successes(attempts: Iterable[AttemptRecord], only_checked: set[str]) -> Iterator[tuple[str, _Success]]:
    for one in attempts:
        if one.state == "success" and one.task not in only_checked and one.started_at is not None:
            took = max(0.0, (one.ended_at or one.started_at) - one.started_at)
            outputs = (one.result or {}).get("outputs", ())
            yield one.task, _Success(took, sum(output["size"] for output in outputs))


def _open(window: Iterable[_Run]) -> set[str]:
    """The tasks that were skipped before any success in these runs, oldest first: what they took is told by older ones."""
    found: set[str] = set()
    seen: set[str] = set()
    for run in window:
        found |= {task.task for task in run.tasks if task.state == "skipped" and task.task not in seen}
        seen |= run.successes.keys()
    return found


def _before(records: Records, pipeline: str, passed: int, wanted: set[str]) -> dict[str, _Success]:
    """The last successes of tasks in the runs before the newest ones, which are `passed` over."""
    found: dict[str, _Success] = {}
    older = records.runs(pipeline=pipeline, limit=_ALL_RUNS)[passed:] if wanted else []
    for run in older:
        if wanted <= found.keys():
            break
        for task, success in _read(records, run.id).successes.items():
            found.setdefault(task, success)
    return found
