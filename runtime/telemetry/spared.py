"""What the skips of one run have spared: the time and bytes of the attempts whose results were up to date."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from trc.runtime.store.journal import AttemptRecord, TaskRecord
from trc.runtime.store.results import Result


class Records(Protocol):
    """What is asked of a store."""

    def latest(self, pipeline: str) -> Mapping[str, Result]:
        """The last committed result of each task of a pipeline."""
        ...

    def tasks(self, run: str) -> list[TaskRecord]:
        """The task runs of a run."""
        ...

    def attempts(self, run: str) -> list[AttemptRecord]:
        """The attempts of a run."""
        ...


def spared(records: Records, pipeline: str, run: str) -> dict[str, tuple[float, int]]:
    """By task that the run skipped, the seconds and bytes of the attempt that made its result, where the journal still tells."""
    skipped = {one.task for one in records.tasks(run) if one.state == "skipped"}
    results = [result for task, result in records.latest(pipeline).items() if task in skipped]
    found: dict[str, tuple[float, int]] = {}
    for before in {result.run for result in results}:
        wanted = {(one.task, one.attempt): one for one in results if one.run == before}
        for attempt in records.attempts(before):
            result = wanted.get((attempt.task, attempt.number))
            if result is not None and attempt.started_at is not None and attempt.ended_at is not None:
                took = max(0.0, attempt.ended_at - attempt.started_at)
                found[attempt.task] = (took, sum(output.size for output in result.outputs))
    return found
