"""What can happen to a run. Times are in seconds since the epoch, told by whoever saw the event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trc.runtime.reasons import Reason
from trc.runtime.spec import TaskSpec
from trc.runtime.taskside.records import record
from trc.runtime.taskside.result import AttemptResult, Failure


@record(frozen=True, slots=True)
class Opened:
    """The run begins, or goes on after its driver died."""

    at: float


@record(frozen=True, slots=True)
class DecidedRun:
    """The answer to `Decide`: the task has to run, for this reason."""

    at: float
    task: str
    reason: Reason


@record(frozen=True, slots=True)
class DecidedSkip:
    """The answer to `Decide`: the task is up to date, for this reason."""

    at: float
    task: str
    reason: Reason


@record(frozen=True, slots=True)
class DecidedFailure:
    """The answer to `Decide`: the task cannot even begin, such as for a missing input."""

    at: float
    task: str
    failure: Failure


@record(frozen=True, slots=True)
class DecidedOmit:
    """The answer to `Decide`: the task's condition is false, now that all that it asks for is known."""

    at: float
    task: str
    reason: Reason


@record(frozen=True, slots=True)
class DecidedItems:
    """The answer to `Decide`: the task is repeated for items that are known, or up to date and has submitted sub-tasks."""

    at: float
    task: str
    reason: Reason


@record(frozen=True, slots=True)
class Expanded:
    """The answer to `Expand`: the task's repetitions or sub-tasks, in their order; they appear all together.

    `closing` is run once all of them have succeeded, and has to succeed as well.
    """

    at: float
    task: str
    items: tuple[TaskSpec, ...]
    closing: TaskSpec | None = None


@record(frozen=True, slots=True)
class ExpandFailed:
    """The answer to `Expand`: the task cannot be repeated for these items."""

    at: float
    task: str
    failure: Failure


@record(frozen=True, slots=True)
class AttemptQueued:
    """The attempt has not begun, and is to be given the time to begin from now on: others are before it."""

    at: float
    task: str
    token: str


@record(frozen=True, slots=True)
class AttemptStarted:
    at: float
    task: str
    token: str


@record(frozen=True, slots=True)
class AttemptEnded:
    """The attempt's process reported its result; a success still has to be published."""

    at: float
    task: str
    token: str
    result: AttemptResult


@record(frozen=True, slots=True)
class AttemptLost:
    at: float
    task: str
    token: str
    why: str


@record(frozen=True, slots=True)
class Heartbeat:
    """The attempt gave a sign of life."""

    at: float
    task: str
    token: str


@record(frozen=True, slots=True)
class Published:
    """The attempt's outputs are in place, and its result is committed with the next record.

    `becomes_others` says that the task is not done with that: it has listed its items, or submitted sub-tasks.
    """

    at: float
    task: str
    token: str
    becomes_others: bool = False


@record(frozen=True, slots=True)
class PublishFailed:
    """The attempt succeeded, but its outputs may not or cannot be put in place."""

    at: float
    task: str
    token: str
    failure: Failure


@record(frozen=True, slots=True)
class TimerFired:
    at: float
    timer: str


@record(frozen=True, slots=True)
class StandsAlone:
    """The answer to `FindTwin`: no other is equal, and from now on this is the one that others wait for."""

    at: float
    task: str


@record(frozen=True, slots=True)
class StandsBehind:
    """The answer to `FindTwin`: an equal task is on its way, that one of that run."""

    at: float
    task: str
    run: str
    twin: str


@record(frozen=True, slots=True)
class TwinEnded:
    """The answer to `FindTwin`: an equal task has come to its end; without an `error`, its outputs are the task's own."""

    at: float
    task: str
    run: str
    twin: str
    error: Mapping[str, Any] | None = None


@record(frozen=True, slots=True)
class ServiceDown:
    """The answer to `TakeRoom`: the service that the task needs is down, and nobody tries it before `until`."""

    at: float
    task: str
    token: str
    until: float


@record(frozen=True, slots=True)
class RoomTaken:
    """The answer to `TakeRoom`: the attempt has its places."""

    at: float
    task: str
    token: str


@record(frozen=True, slots=True)
class RoomFull:
    """The answer to `TakeRoom`: others take the places of this group, or came before."""

    at: float
    task: str
    token: str
    group: str


@record(frozen=True, slots=True)
class SlotsChanged:
    """From now on that many attempts may be under way; those beyond it go on."""

    at: float
    slots: int


@record(frozen=True, slots=True)
class PauseRequested:
    """Nothing more is to begin until `ResumeRequested`; what runs may end."""

    at: float


@record(frozen=True, slots=True)
class ResumeRequested:
    """What was paused goes on."""

    at: float


@record(frozen=True, slots=True)
class TaskPauseRequested:
    """This task is not to begin until `TaskResumeRequested`; an attempt that is under way may end."""

    at: float
    task: str


@record(frozen=True, slots=True)
class TaskResumeRequested:
    at: float
    task: str


@record(frozen=True, slots=True)
class TaskCancelRequested:
    """End this task; others go on."""

    at: float
    task: str


@record(frozen=True, slots=True)
class CancelRequested:
    """End the run: nothing more begins, and what runs is stopped."""

    at: float


Event = (
    Opened
    | DecidedRun
    | DecidedSkip
    | DecidedFailure
    | DecidedOmit
    | DecidedItems
    | Expanded
    | ExpandFailed
    | AttemptQueued
    | AttemptStarted
    | AttemptEnded
    | AttemptLost
    | Heartbeat
    | Published
    | PublishFailed
    | TimerFired
    | StandsAlone
    | StandsBehind
    | TwinEnded
    | ServiceDown
    | RoomTaken
    | RoomFull
    | SlotsChanged
    | CancelRequested
    | PauseRequested
    | ResumeRequested
    | TaskPauseRequested
    | TaskResumeRequested
    | TaskCancelRequested
)
