"""Whether a failed attempt is repeated, and after how long."""

from __future__ import annotations

from random import Random
from typing import Final

from trc.runtime.scheduler.errors import attempts_of
from trc.runtime.spec import RetrySpec, TaskSpec
from trc.runtime.taskside.result import Failure

MAX_LOST: Final = 10
"""How many lost attempts of a task are made up for."""

MAX_UNSTARTED: Final = 3
"""How many attempts a task may have lost for one that did not begin to be made up for."""

UNSTARTED: Final = "unstarted"
"""The reason of an attempt that was handed over, and did not begin."""

NOT_ITS_FAULT: Final = frozenset({"lost", "input_moved", UNSTARTED})
"""Reasons of failures that use up no attempt of the author's budget."""

_CUT_OFF: Final = frozenset({"lost", "signal", "timeout", "deadline", "late", "web_unanswered", "aws_unanswered"})
"""Reasons of attempts of which nobody can say whether they have had their effect."""


def may_retry(spec: TaskSpec, attempt: int, failure: Failure) -> bool:
    """Whether a failure is followed by another attempt; `attempt` counts from 1, without those that were lost.

    Where the author names the failure, their word goes before what the failure says of itself.
    """
    own = attempts_of(spec.retry.errors, failure) if spec.retry.errors else None
    if own is not None:
        return attempt < own
    return failure.kind != "permanent" and attempt < spec.retry.max_attempts and not is_unknown(spec, failure)


def is_unknown(spec: TaskSpec, failure: Failure) -> bool:
    """Whether an attempt was ended in its middle, and its task must not have its effect twice.

    An author who gives such a failure attempts of its own vouches for the task.
    """
    was_cut_off = failure.reason in _CUT_OFF or (failure.reason == "memory" and failure.exit_code is not None)
    return was_cut_off and not spec.idempotent and attempts_of(spec.retry.errors, failure) is None


def may_repeat(spec: TaskSpec, reason: str, lost: int) -> bool:
    """Whether an attempt that came to nothing is made up for; `lost` counts it.

    An author who says how often an attempt may be lost vouches for the task, whatever its type says.
    """
    own = dict(spec.retry.errors).get(reason) if spec.retry.errors else None
    if own is not None:
        return lost < own
    return spec.idempotent and lost <= (MAX_UNSTARTED if reason == UNSTARTED else MAX_LOST)


def delay(spec: RetrySpec, attempt: int, random: Random) -> float:
    """Seconds to wait after the `attempt`th failure, counted from 1."""
    longest = _backoff(spec, attempt)
    match spec.jitter:
        case "none":
            return longest
        case "full":
            return random.uniform(0.0, longest)
        case "equal":
            return longest / 2 + random.uniform(0.0, longest / 2)


def _backoff(spec: RetrySpec, attempt: int) -> float:
    if spec.backoff == "fixed" or spec.initial_delay == 0:
        return min(spec.initial_delay, spec.max_delay)
    try:
        return min(spec.initial_delay * spec.factor ** (attempt - 1), spec.max_delay)
    except OverflowError:
        return spec.max_delay
