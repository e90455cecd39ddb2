"""The circuit breaker under a clock of its own: what each state lets pass, and that no history breaks its promises."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trc.runtime.scheduler.breaker import Breaker, Limits

LIMITS = Limits(failures=3, window=10.0, rest=5.0, factor=2.0, longest=20.0, patience=8.0)


def failing(times: list[float], limits: Limits = LIMITS) -> Breaker:
    """After calls that failed at these times, each of which could begin."""
    breaker = Breaker(limits)
    for at in times:
        breaker = breaker.called(at).failed(at)
    return breaker


@pytest.mark.parametrize(
    ("times", "state"),
    [
        ([], "closed"),
        ([0, 1], "closed"),
        ([0, 1, 2], "open"),
        ([0, 1, 9.9], "open"),
        ([0, 1, 10], "closed"),
        ([0, 9, 10, 11], "open"),
        ([5, 5, 5], "open"),
    ],
)
def test_failures_within_the_window_open_it(times: list[float], state: str) -> None:
    assert failing(times).state == state


def test_a_success_forgets_the_failures_before_it() -> None:
    assert failing([0, 1]).succeeded().called(2).failed(2).called(2).failed(2).state == "closed"


def test_it_goes_from_closed_to_open_to_half_open_to_closed() -> None:
    breaker = failing([0, 1, 2])
    assert not breaker.may_call(2)
    assert not breaker.may_call(6.9)
    assert breaker.wait(4) == 3
    assert breaker.may_call(7)
    probing = breaker.called(7)
    assert probing.state == "half_open"
    assert not probing.may_call(8)
    closed = probing.succeeded()
    assert closed == Breaker(LIMITS)
    assert closed.may_call(8)


def test_it_rests_longer_each_time_that_a_probe_fails_up_to_the_longest_rest() -> None:
    breaker, now, rests = failing([0, 0, 0]), 0.0, list[float]()
    for _ in range(200):
        rests.append(breaker.wait(now))
        now += rests[-1]
        breaker = breaker.called(now).failed(now)
    assert rests[:5] == [5, 10, 20, 20, 20]
    assert set(rests[5:]) == {20.0}
    assert breaker.called(now + 20).succeeded().opened == 0


def test_a_probe_of_which_nothing_is_heard_is_given_up() -> None:
    probing = failing([0, 0, 0]).called(5)
    assert not probing.may_call(12.9)
    assert probing.may_call(13)
    assert probing.called(13).state == "half_open"


def test_what_began_before_it_opened_says_nothing_of_now() -> None:
    breaker = failing([0, 0, 0])
    assert breaker.succeeded() == breaker
    assert breaker.failed(1) == breaker


def test_a_clock_that_is_set_back_makes_nobody_wait_for_longer_than_a_rest() -> None:
    breaker = failing([1e9, 1e9, 1e9])
    assert breaker.wait(0) <= LIMITS.longest
    closed = failing([1e9, 1e9]).called(0).failed(0)
    assert closed.state == "open", "failures of a time to come count as of now"


@dataclass
class Service:
    """Down from time to time; it counts what calls it."""

    outages: tuple[tuple[float, float], ...]
    calls: list[float] = field(default_factory=list)

    def works(self, at: float) -> bool:
        self.calls.append(at)
        return not any(begin <= at < end for begin, end in self.outages)


LIMIT_VALUES = st.builds(
    Limits,
    failures=st.integers(1, 5),
    window=st.floats(1, 50),
    rest=st.floats(0.5, 20),
    factor=st.floats(1, 3),
    longest=st.floats(20, 60),
    patience=st.floats(1, 30),
)
OUTAGES = st.lists(st.tuples(st.floats(0, 500), st.floats(1, 200)), max_size=3)


@given(LIMIT_VALUES, OUTAGES, st.lists(st.floats(0.01, 7), min_size=50, max_size=300))
def test_simulated_services_are_left_alone_while_they_are_down_and_found_again_when_they_are_not(
    limits: Limits, outages: list[tuple[float, float]], steps: list[float]
) -> None:
    service = Service(tuple((begin, begin + length) for begin, length in outages))
    breaker, now, failed = Breaker(limits), 0.0, list[float]()
    for step in steps:
        now += step
        assert breaker.may_call(now) is (breaker.wait(now) == 0)
        if not breaker.may_call(now):
            assert breaker.state != "closed"
            continue
        was = breaker.state
        breaker = breaker.called(now)
        # One at a time while it probes; as many as come while it is closed.
        assert breaker.may_call(now) is (breaker.state == "closed")
        if service.works(now):
            breaker = breaker.succeeded()
            failed.clear()
            assert breaker == Breaker(limits)
        else:
            failed.append(now)
            breaker = breaker.failed(now)
            recent = [at for at in failed if now - at < limits.window]
            is_open = was != "closed" or len(recent) >= limits.failures
            assert (breaker.state == "open") is is_open
            if is_open:
                failed.clear()
                assert 0 < breaker.wait(now) <= limits.longest
    # However it went: once the service works, it is found to within the longest wait.
    now = max([now, *(end for _, end in service.outages)]) + max(limits.longest, limits.patience)
    assert breaker.may_call(now)
    assert breaker.called(now).succeeded() == Breaker(limits)
    down = [at for at in service.calls if not Service(service.outages).works(at)]
    for begin, end in service.outages:
        within = [at for at in down if begin <= at < end]
        # After it has opened, at most one call a rest.
        assert (
            len(within) <= limits.failures * (1 + (end - begin) / limits.rest) + len(service.outages) * limits.failures
        )
