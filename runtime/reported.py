"""What the journal holds of the expectations of a run: the verdicts of each task's last attempt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from trc.runtime.spec import PipelineSpec, TaskSpec
from trc.runtime.store.journal import AttemptRecord, Journal
from trc.runtime.taskside.result import Verdict

Verdicts = Mapping[str, tuple[Verdict, ...]]
"""By task, what an attempt found of its expectations."""


def verdicts_of(attempt: AttemptRecord) -> tuple[Verdict, ...]:
    """The verdicts of an attempt; none where it ended before its output was looked at."""
    return tuple(Verdict.from_dict(one) for one in (attempt.result or {}).get("checks", ()))


def last_verdicts(attempts: Iterable[AttemptRecord]) -> Verdicts:
    """By task, what its last attempt found; `attempts` come oldest first."""
    return {attempt.task: verdicts_of(attempt) for attempt in attempts}


def recorded(journal: Journal, spec: PipelineSpec, run: str) -> Verdicts:
    """What a run found of its tasks' expectations; the journal is not asked where there are none."""
    return last_verdicts(journal.attempts(run)) if any(map(_has_checks, spec.tasks)) else {}


def _has_checks(task: TaskSpec) -> bool:
    return bool(task.checks) or (task.each is not None and bool(task.each.checks))


def has_broken(verdicts: Verdicts) -> bool:
    return any(not one.passed for found in verdicts.values() for one in found)


def in_words(verdict: Verdict) -> str:
    """What became of an expectation, in a line without its name."""
    if verdict.passed:
        return "passed"
    told = f"could not be evaluated: {verdict.error}" if verdict.error else verdict.found
    return f"{told} (warns)" if verdict.severity == "warn" else told
