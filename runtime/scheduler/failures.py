"""The failures that the state machine itself finds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from trc.runtime.scheduler.retry import UNSTARTED, is_unknown
from trc.runtime.spec import TaskSpec
from trc.runtime.taskside.result import AttemptResult, Failure

INTERRUPTED: Final = "the process that drove the run ended while it was running"
UNKNOWN_OUTCOME: Final = "unknown_outcome"
"""The reason of a failure whose task may have had its effect, and must not have it twice."""


def ran_too_long(timeout: float) -> Failure:
    return Failure(f"it ran longer than its timeout of {_seconds(timeout)}", reason="timeout")


def fell_silent(heartbeat_timeout: float) -> Failure:
    return Failure(
        f"it gave no sign of life for {_seconds(heartbeat_timeout)}, its heartbeat timeout", reason="timeout"
    )


def never_began(start: float) -> Failure:
    return Failure(f"it did not begin within {_seconds(start)} of being handed over", "temporary", reason=UNSTARTED)


def was_lost(why: str) -> Failure:
    return Failure(why, reason="lost")


def was_overdue() -> Failure:
    return Failure("it was stopped, because the run is past its deadline", "permanent", reason="deadline")


def was_late(deadline: float) -> Failure:
    message = f"it was not done by its deadline, {_seconds(deadline)} after the run began"
    return Failure(message, "permanent", reason="late")


def was_canceled() -> Failure:
    return Failure("it was stopped, because it was canceled", reason="signal")


def was_stopped() -> Failure:
    return Failure("it was stopped, because the run was canceled", reason="signal")


def of_unknown_outcome(failure: Failure) -> Failure:
    """The failure of a task that may have had its effect, and must not have it twice."""
    what = "its outcome is unknown, and as it is not idempotent it is not tried again"
    return replace(failure, message=f"{failure.message}; {what}", reason=UNKNOWN_OUTCOME)


def given_up(failure: Failure, spec: TaskSpec, lost: int) -> Failure:
    """The failure of a task whose last attempt came to nothing, and is not made up for."""
    if is_unknown(spec, failure):
        return of_unknown_outcome(failure)
    if not spec.idempotent and lost == 1:
        what = "as it is not idempotent it is not tried again"
    elif lost == 1:
        what = "it is not tried again"
    else:
        what = f"it is not tried again after {lost} such attempts"
    return replace(failure, message=f"{failure.message}; {what}")


def failure_facts(failure: Failure) -> Mapping[str, Any]:
    """As the journal keeps it."""
    return failure.to_dict()


def result_facts(result: AttemptResult) -> Mapping[str, Any]:
    """As the journal keeps it: what `AttemptResult.to_json` writes."""
    # One level at a time: `asdict` would copy every value, and this is done for each task.
    facts = dict(vars(result))
    facts["failure"] = None if result.failure is None else result.failure.to_dict()
    facts["checks"] = [one.to_dict() for one in result.checks]
    # They lie with the result, from which they begin.
    del facts["submitted"]
    facts["outputs"] = [output.to_dict() for output in result.outputs]
    return facts


def _seconds(seconds: float) -> str:
    return f"{seconds:.3f}".rstrip("0").rstrip(".") + " s"
