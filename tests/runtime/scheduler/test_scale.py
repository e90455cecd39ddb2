"""Big runs come to their end: no recursion, nothing that grows with the square."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import cache
from random import Random

import pytest
from tests.quick import few

from trc.runtime.plan import PlannedTask
from trc.runtime.reasons import Reason
from trc.runtime.scheduler.commands import Command, Decide, Finish, Publish, Start
from trc.runtime.scheduler.events import (
    AttemptEnded,
    AttemptStarted,
    CancelRequested,
    DecidedRun,
    Event,
    Opened,
    Published,
)
from trc.runtime.scheduler.machine import Machine
from trc.runtime.spec import NeedSpec, SkipSpec, TaskSpec
from trc.runtime.taskside.result import AttemptResult, Failure

SIZE = 100_000
NEEDS: dict[str, Callable[[int], tuple[NeedSpec, ...]]] = {
    "wide": lambda _: (),
    "chain": lambda index: (NeedSpec(f"t{index - 1}", data=True),) if index else (),
    "star": lambda index: (NeedSpec("t0"),) if index else (),
}


@cache
def _tasks(shape: str) -> tuple[TaskSpec, ...]:
    skip = SkipSpec(can_skip=True)
    return tuple(TaskSpec(f"t{i}", "shell", "shell:run", (), skip, needs=NEEDS[shape](i)) for i in range(SIZE))


def _machine(shape: str) -> Machine:
    tasks = _tasks(shape)
    planned = {task.name: PlannedTask(task.name, "run", Reason("first")) for task in tasks}
    return Machine("run", tasks, planned, 8, Random(0), token=lambda task, attempt: f"{task}.{attempt}")


def _finishes(machine: Machine, failing: str = "") -> list[str]:
    events: deque[Event] = deque([Opened(0.0)])
    finishes: list[str] = []
    while events:
        for command in machine.handle(events.popleft()):
            if isinstance(command, Finish):
                finishes.append(command.state)
            events += _answers(command, failing)
    return finishes


def _answers(command: Command, failing: str) -> tuple[Event, ...]:
    match command:
        case Decide(task=task):
            return (DecidedRun(0.0, task, Reason("first")),)
        case Start(task=task, token=token):
            failure = Failure("no", "permanent") if task == failing else None
            ended = AttemptEnded(0.0, task, token, AttemptResult(token, failure))
            return (AttemptStarted(0.0, task, token), ended)
        case Publish(task=task, token=token):
            return (Published(0.0, task, token),)
        case _:
            return ()


@pytest.mark.parametrize("shape", few(("wide", "chain"), ("chain",)))
def test_all_succeed(shape: str) -> None:
    machine = _machine(shape)
    assert _finishes(machine) == ["success"]
    assert {record.state for record in machine.records.values()} == {"success"}


@pytest.mark.parametrize("shape", few(("chain", "star"), ("star",)))
def test_a_failure_at_the_root_reaches_all(shape: str) -> None:
    machine = _machine(shape)
    assert _finishes(machine, failing="t0") == ["failure"]
    assert sum(record.blocked_by == "t0" for record in machine.records.values()) == SIZE - 1


def test_a_cancel_reaches_all() -> None:
    machine = _machine("wide")
    machine.handle(Opened(0.0))
    assert isinstance(machine.handle(CancelRequested(1.0))[-1], Finish)
    assert {record.state for record in machine.records.values()} == {"canceled"}
