"""A wall clock that jumps, because it is set or the machine has slept, ends no attempt and delays nothing."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from tests.runtime.test_loop import PLAIN, Immediate, World

from trc.runtime.drivers import this_driver
from trc.runtime.executor import Ended, Report, Started
from trc.runtime.jumps import Jumps
from trc.runtime.loop import KeepAlive, Timers
from trc.runtime.spec import RetrySpec
from trc.runtime.store.memory import MemoryStore
from trc.runtime.taskside.result import AttemptResult, Failure

DAY = 86_400.0


@dataclass
class Settable:
    """The machine's clock, and how far somebody has set it."""

    by: float = 0.0

    def now(self) -> float:
        return time.time() + self.by


@dataclass
class Slept(Immediate):
    """Each attempt begins, the clock jumps, and some time later the attempt ends: the first one fails."""

    clock: Settable = field(default_factory=Settable)
    jump: float = DAY
    told: list[Report] = field(default_factory=list[Report])
    attempts: int = 0
    is_awake: bool = True
    is_sudden: bool = False
    """Whether the clock jumps while the beginning is told."""

    def poll(self, timeout: float | None) -> Sequence[Report]:
        assert timeout is not None
        if self.told and self.is_awake:
            self.is_awake = False
            self.clock.by += 0.0 if self.is_sudden else self.jump
            return ()
        if self.told:
            told, self.told = self.told, []
            return [replace(one, at=self.clock.now()) for one in told]
        if not self.started:
            # Nothing will happen but what the run awaits: the retry.
            assert timeout <= 0.25
            time.sleep(timeout)
            return ()
        (order,) = self.started
        self.started = []
        self.attempts += 1
        self.is_awake = True
        failure = Failure("no", "temporary") if self.attempts == 1 else None
        self.told = [Ended(order.token, self.clock.now(), AttemptResult(order.token, failure))]
        started = Started(order.token, self.clock.now())
        if self.is_sudden:
            self.clock.by += self.jump
        return [started]


@pytest.mark.parametrize("is_sudden", [False, True])
@pytest.mark.parametrize("jump", [DAY, -DAY])
def test_limits_and_retries_are_as_far_away_as_before(tmp_path: Path, jump: float, is_sudden: bool) -> None:
    clock = Settable()
    executor = Slept([], clock=clock, jump=jump, is_sudden=is_sudden)
    task = replace(PLAIN, timeout=60.0, heartbeat_timeout=30.0, retry=RetrySpec(2, initial_delay=0.01, jitter="none"))
    world = World(tmp_path, clock=clock)
    world.executor = executor
    began = time.monotonic()
    assert world.run(task).run.state == "success"
    assert executor.attempts == 2
    assert time.monotonic() - began < 30.0


def test_small_corrections_are_no_jump() -> None:
    steady = iter([0.0, 10.0, 20.0, 30.0])
    jumps = Jumps(lambda: next(steady))
    assert [jumps.by(now) for now in (1000.0, 1010.5, 1520.5, 1530.5)] == [0.0, 0.0, 500.0, 0.0]


def test_alarms_move_with_the_clock() -> None:
    timers = Timers()
    timers.set("late", 20.0)
    timers.set("early", 10.0)
    timers.set("early", 12.0)
    timers.drop("late")
    timers.set("later", 30.0)
    timers.shift(-100.0)
    assert list(timers.fired(-88.0)) == ["early"]
    assert timers.next_at() == -70.0


def test_a_lease_is_renewed_though_the_clock_was_set_back() -> None:
    store = MemoryStore()
    driver = this_driver(Settable())
    keep = KeepAlive(store, driver, 30.0, 10.0)
    keep(1000.0)
    keep(1005.0)
    assert store.drivers()[driver.id][1] == 1030.0
    keep(500.0)
    assert store.drivers()[driver.id][1] == 530.0
