"""What the state machine asks to be done, in order. Every `Record` is durable before what follows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from trc.runtime.spec import BreakerSpec
from trc.runtime.store.journal import AttemptRecord, RunState, TaskRecord
from trc.runtime.taskside.records import record


@record(frozen=True, slots=True)
class Decide:
    """All that the task needs is done: compute its key and answer with a `Decided…` event."""

    task: str


@record(frozen=True, slots=True)
class Record:
    """Make this known. `durable` is false for what may be lost with the process, such as `running`."""

    task: TaskRecord | None = None
    attempt: AttemptRecord | None = None
    durable: bool = True


@record(frozen=True, slots=True)
class FindTwin:
    """Say whether an equal task is on its way or done: answer `StandsAlone`, `StandsBehind` or `TwinEnded`.

    `behind` is the run and the task of the one that it waits for. `anew` says that it is to run although one has succeeded.
    """

    task: str
    behind: tuple[str, str] | None = None
    anew: bool = False


@record(frozen=True, slots=True)
class TakeRoom:
    """Take a place for the attempt in each group in which fewer than the number are taken; answer `RoomTaken` or `RoomFull`.

    Where the service is down that it needs, answer `ServiceDown`.
    """

    task: str
    token: str
    claims: Mapping[str, int]
    breaker: BreakerSpec | None = None


@record(frozen=True, slots=True)
class TellService:
    """The attempt found the service that it needs up, or down, or nobody can say."""

    task: str
    token: str
    found: Literal["up", "down", "unknown"]


@record(frozen=True, slots=True)
class FreeRoom:
    """The attempt's places are free."""

    token: str


@record(frozen=True, slots=True)
class LeaveLine:
    """Nobody of the run waits for room in these groups any more."""

    groups: tuple[str, ...]


@record(frozen=True, slots=True)
class Start:
    """Begin an attempt; its claim is recorded."""

    task: str
    attempt: int
    token: str


@record(frozen=True, slots=True)
class Publish:
    """Put a successful attempt's staged outputs in place, and answer `Published` or `PublishFailed`."""

    task: str
    token: str


@record(frozen=True, slots=True)
class Expand:
    """The items or the sub-tasks of a task are known: answer with the tasks that they are, `Expanded`, or `ExpandFailed`."""

    task: str


@record(frozen=True, slots=True)
class Gather:
    """All repetitions or sub-tasks of a task have succeeded, but for those that were omitted: its readers may begin."""

    task: str
    items: tuple[str, ...]


@record(frozen=True, slots=True)
class Discard:
    """The attempt's staged outputs are not wanted."""

    task: str
    token: str


@record(frozen=True, slots=True)
class Stop:
    """End an attempt's processes."""

    task: str
    token: str


@record(frozen=True, slots=True)
class SetTimer:
    """Answer with `TimerFired(timer)` at the time `at`; a second one of that name replaces the first."""

    timer: str
    at: float


@record(frozen=True, slots=True)
class DropTimer:
    timer: str


@record(frozen=True, slots=True)
class Finish:
    """All tasks are in a final state."""

    state: RunState


Command = (
    Decide
    | Record
    | FindTwin
    | TakeRoom
    | TellService
    | FreeRoom
    | LeaveLine
    | Start
    | Publish
    | Expand
    | Gather
    | Discard
    | Stop
    | SetTimer
    | DropTimer
    | Finish
)
