"""Whether a failed attempt is repeated, and after how long."""

from __future__ import annotations

from random import Random
from typing import Final

from trc.runtime.spec import RetrySpec
from trc.runtime.taskside.result import Failure

MAX_LOST: Final = 10
"""How many lost attempts of a task are made up for."""

NOT_ITS_FAULT: Final = frozenset({"lost", "input_moved"})
"""Reasons of failures that use up no attempt of the author's budget."""


def may_retry(spec: RetrySpec, attempt: int, failure: Failure) -> bool:
    """Whether a failure is followed by another attempt; `attempt` counts from 1, without those that were lost."""
    return failure.kind != "permanent" and attempt < spec.max_attempts


def may_repeat(*, idempotent: bool, lost: int) -> bool:
    """Whether a lost attempt is made up for; `lost` counts it."""
    return idempotent and lost <= MAX_LOST


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
