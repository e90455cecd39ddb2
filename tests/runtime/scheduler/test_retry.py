from random import Random
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trc.runtime.scheduler.retry import MAX_LOST, delay, may_repeat, may_retry
from trc.runtime.spec import RetrySpec
from trc.runtime.taskside.result import Failure

SPECS = st.builds(
    RetrySpec,
    max_attempts=st.integers(1, 100),
    backoff=st.sampled_from(["fixed", "exponential"]),
    initial_delay=st.floats(0, 1e6),
    factor=st.floats(1, 100),
    max_delay=st.floats(0, 1e6),
    jitter=st.sampled_from(["none", "full", "equal"]),
)


@pytest.mark.parametrize(
    ("spec", "delays"),
    [
        (RetrySpec(backoff="fixed", initial_delay=5, jitter="none"), [5, 5, 5, 5]),
        (RetrySpec(backoff="fixed", initial_delay=90, jitter="none"), [60, 60, 60, 60]),
        (RetrySpec(initial_delay=1, factor=2, jitter="none"), [1, 2, 4, 8]),
        (RetrySpec(initial_delay=1, factor=10, max_delay=50, jitter="none"), [1, 10, 50, 50]),
        (RetrySpec(initial_delay=3, factor=1, jitter="none"), [3, 3, 3, 3]),
        (RetrySpec(initial_delay=0, factor=9, jitter="none"), [0, 0, 0, 0]),
    ],
    ids=["fixed", "fixed, capped", "exponential", "exponential, capped", "factor of one", "no delay"],
)
def test_delays_without_jitter(spec: RetrySpec, delays: list[float]) -> None:
    assert [delay(spec, attempt, Random(0)) for attempt in (1, 2, 3, 4)] == delays


def test_delay_after_very_many_attempts_is_the_cap() -> None:
    assert delay(RetrySpec(factor=100, max_delay=60, jitter="none"), 5000, Random(0)) == 60


@given(SPECS, st.integers(1, 3000), st.integers())
def test_delay_lies_where_its_jitter_allows(spec: RetrySpec, attempt: int, seed: int) -> None:
    longest = delay(
        RetrySpec(2, spec.backoff, spec.initial_delay, spec.factor, spec.max_delay, "none"), attempt, Random(0)
    )
    found = delay(spec, attempt, Random(seed))
    assert longest <= spec.max_delay
    match spec.jitter:
        case "none":
            assert found == longest
        case "full":
            assert 0 <= found <= longest
        case "equal":
            assert longest / 2 <= found <= longest


@pytest.mark.parametrize("jitter", ["full", "equal"])
def test_jitter_spreads_and_repeats_with_its_seed(jitter: Literal["full", "equal"]) -> None:
    spec = RetrySpec(initial_delay=10, jitter=jitter)
    draws = [delay(spec, 1, Random(seed)) for seed in range(50)]
    assert len(set(draws)) == 50
    assert draws == [delay(spec, 1, Random(seed)) for seed in range(50)]


@pytest.mark.parametrize(
    ("kind", "attempt", "expected"),
    [
        ("temporary", 1, True),
        ("temporary", 2, True),
        ("temporary", 3, False),
        ("unknown", 2, True),
        ("unknown", 3, False),
        ("permanent", 1, False),
    ],
)
def test_retries_of_three_attempts(kind: str, attempt: int, expected: bool) -> None:
    assert may_retry(RetrySpec(max_attempts=3), attempt, Failure("", kind)) is expected


def test_lost_attempts_are_made_up_for_ten_times_if_the_task_is_idempotent() -> None:
    assert [lost for lost in range(1, 20) if may_repeat(idempotent=True, lost=lost)] == list(range(1, MAX_LOST + 1))
    assert not may_repeat(idempotent=False, lost=1)
