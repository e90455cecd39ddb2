from random import Random
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trc.runtime.scheduler.errors import attempts_of
from trc.runtime.scheduler.retry import MAX_LOST, delay, is_unknown, may_repeat, may_retry
from trc.runtime.spec import RetrySpec, SkipSpec, TaskSpec
from trc.runtime.taskside.result import Failure

SOME = RetrySpec()
SPECS = st.builds(
    RetrySpec,
    max_attempts=st.integers(1, 100),
    backoff=st.sampled_from(["fixed", "exponential"]),
    initial_delay=st.floats(0, 1e6),
    factor=st.floats(1, 100),
    max_delay=st.floats(0, 1e6),
    jitter=st.sampled_from(["none", "full", "equal"]),
)


def task(*, idempotent: bool = True, retry: RetrySpec = SOME) -> TaskSpec:
    return TaskSpec("a", "shell", "shell:run", (), SkipSpec(can_skip=True), idempotent=idempotent, retry=retry)


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
    assert may_retry(task(retry=RetrySpec(max_attempts=3)), attempt, Failure("", kind)) is expected


def test_lost_attempts_are_made_up_for_ten_times_if_the_task_is_idempotent() -> None:
    assert [lost for lost in range(1, 20) if may_repeat(task(), "lost", lost)] == list(range(1, MAX_LOST + 1))
    assert not may_repeat(task(idempotent=False), "lost", 1)


def test_an_author_who_says_how_often_an_attempt_may_be_lost_vouches_for_the_task() -> None:
    vouched = task(idempotent=False, retry=RetrySpec(errors=(("lost", 3),)))
    assert [may_repeat(vouched, "lost", lost) for lost in (1, 2, 3)] == [True, True, False]
    assert not may_repeat(vouched, "input_moved", 1)


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (Failure("", reason="timeout"), True),
        (Failure("", reason="signal", exit_code=137), True),
        (Failure("", reason="memory", exit_code=137), True),
        (Failure("", reason="memory", type="MemoryError"), False),
        (Failure("", reason="error"), False),
        (Failure("", reason="exit", exit_code=1), False),
    ],
)
def test_what_was_cut_off_has_an_unknown_outcome(failure: Failure, expected: bool) -> None:
    once = task(idempotent=False, retry=RetrySpec(max_attempts=3))
    assert is_unknown(once, failure) is expected
    assert may_retry(once, 1, failure) is not expected
    assert may_retry(task(retry=once.retry), 1, failure)
    named = task(idempotent=False, retry=RetrySpec(errors=((failure.reason, 3),)))
    assert not is_unknown(named, failure)
    assert may_retry(named, 1, failure)


CONNECTION = (
    "requests.exceptions.ConnectionError",
    "requests.exceptions.RequestException",
    "builtins.OSError",
    "builtins.Exception",
)


@pytest.mark.parametrize(
    ("errors", "failure", "attempts"),
    [
        ({}, Failure(""), None),
        ({"ValueError": 4}, Failure("", type="ValueError", classes=("builtins.ValueError",)), 4),
        ({"ValueError": 4}, Failure("", type="KeyError", classes=("builtins.KeyError",)), None),
        ({"ValueError": 4}, Failure("", type="ValueError"), 4),
        ({"ConnectionError": 4}, Failure("", classes=CONNECTION), 4),
        ({"requests.ConnectionError": 4}, Failure("", classes=CONNECTION), 4),
        ({"requests.exceptions.ConnectionError": 4}, Failure("", classes=CONNECTION), 4),
        ({"urllib3.ConnectionError": 4}, Failure("", classes=CONNECTION), None),
        ({"request.ConnectionError": 4}, Failure("", classes=CONNECTION), None),
        ({"OSError": 2, "ConnectionError": 4}, Failure("", classes=CONNECTION), 4),
        ({"Exception": 2, "OSError": 3}, Failure("", classes=CONNECTION), 3),
        ({"ConnectionError": 2, "requests.ConnectionError": 3}, Failure("", classes=CONNECTION), 3),
        ({"requests.ConnectionError": 2, "requests.exceptions.ConnectionError": 3}, Failure("", classes=CONNECTION), 3),
        ({"timeout": 5}, Failure("", reason="timeout"), 5),
        ({"memory": 5, "timeout": 3}, Failure("", reason="memory"), 5),
        ({"exit": 2}, Failure("", reason="exit", exit_code=3), 2),
        ({"exit": 2, "3": 4}, Failure("", reason="exit", exit_code=3), 4),
        ({"exit": 2, "4": 4}, Failure("", reason="exit", exit_code=3), 2),
        ({"137": 4}, Failure("", reason="signal", exit_code=137), 4),
    ],
)
def test_the_nearest_name_of_a_failure_counts(errors: dict[str, int], failure: Failure, attempts: int | None) -> None:
    assert attempts_of(tuple(errors.items()), failure) == attempts


def test_what_the_author_names_goes_before_what_a_failure_says_of_itself() -> None:
    spec = task(retry=RetrySpec(max_attempts=3, errors=(("PermanentError", 2), ("TemporaryError", 1))))
    permanent = Failure("", "permanent", type="PermanentError")
    assert [may_retry(spec, attempt, permanent) for attempt in (1, 2)] == [True, False]
    assert not may_retry(spec, 1, Failure("", "temporary", type="TemporaryError"))
    assert may_retry(spec, 2, Failure("", "temporary"))
