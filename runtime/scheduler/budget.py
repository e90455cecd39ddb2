"""What all tasks of a run have together: how many retries, and until when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from trc.runtime.spec import PipelineSpec
from trc.runtime.store.journal import RunRecord, TaskRecord
from trc.runtime.taskside.records import record
from trc.runtime.taskside.result import Failure

START: Final = 600
"""Seconds within which an attempt has to begin that was handed over, where nobody says otherwise."""


@record(frozen=True, slots=True)
class Limits:
    """Of one run. `retries` are those that its tasks may make together; `deadline` is a time, in seconds since the epoch."""

    retries: int | None = None
    deadline: float | None = None
    start: float | None = START
    """Seconds within which an attempt has to begin that was handed over; None where nobody waits for it."""
    began_at: float = 0.0
    """When the run was opened, or taken up after its end: what lies before is of an earlier go at it."""


NO_LIMITS = Limits()


def limits_of(pipeline: PipelineSpec, run: RunRecord, start: float = START) -> Limits:
    """What the pipeline allows to this run, and the project with `start` to its attempts."""
    deadline = None if pipeline.deadline is None else run.began_at + pipeline.deadline
    return Limits(pipeline.retry_budget, deadline, start, run.began_at)


def retries_made(records: Iterable[TaskRecord], began_at: float) -> int:
    """How many retries a run had made when its driver died, as its records tell."""
    return sum(_retries(one) for one in records if one.ended_at is None or one.ended_at >= began_at)


def out_of_budget(failure: Failure, retries: int) -> Failure:
    """The failure of a task that its own policy would try again."""
    made = "makes no retries" if retries == 0 else f"has made the {retries} retries that it may make"
    return replace(failure, message=f"{failure.message}; it is not tried again, because the run {made}")


def _retries(record: TaskRecord) -> int:
    counted = record.attempt - record.lost - record.before
    # One that rests before a retry names no attempt, and may be ended so; one that became others goes on by these alone.
    is_last = record.token is not None
    return max(0, counted - 1 if is_last else counted)
