"""The failures that the state machine itself finds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any, Final

from trc.runtime.scheduler.retry import MAX_LOST
from trc.runtime.taskside.result import AttemptResult, Failure

INTERRUPTED: Final = "the process that drove the run ended while it was running"


def ran_too_long(timeout: float) -> Failure:
    return Failure(f"it ran longer than its timeout of {_seconds(timeout)}", reason="timeout")


def fell_silent(heartbeat_timeout: float) -> Failure:
    return Failure(
        f"it gave no sign of life for {_seconds(heartbeat_timeout)}, its heartbeat timeout", reason="timeout"
    )


def was_lost(why: str) -> Failure:
    return Failure(why, reason="lost")


def was_stopped() -> Failure:
    return Failure("it was stopped, because the run was canceled", reason="signal")


def given_up(failure: Failure, *, idempotent: bool) -> Failure:
    """The failure of a task whose last attempt was lost, and is not made up for."""
    if not idempotent and failure.reason == "lost":
        what = "its outcome is unknown, and as it is not idempotent it is not tried again"
    elif not idempotent:
        what = "as it is not idempotent it is not tried again"
    else:
        what = f"it is not tried again after {MAX_LOST + 1} such attempts"
    return replace(failure, message=f"{failure.message}; {what}")


def failure_facts(failure: Failure) -> Mapping[str, Any]:
    """As the journal keeps it."""
    return asdict(failure)


def result_facts(result: AttemptResult) -> Mapping[str, Any]:
    """As the journal keeps it: what `AttemptResult.to_json` writes."""
    # One level at a time: `asdict` would copy every value, and this is done for each task.
    facts = dict(vars(result))
    facts["failure"] = None if result.failure is None else dict(vars(result.failure))
    facts["checks"] = [one.to_dict() for one in result.checks]
    facts["outputs"] = [output.to_dict() for output in result.outputs]
    return facts


def _seconds(seconds: float) -> str:
    return f"{seconds:.3f}".rstrip("0").rstrip(".") + " s"
