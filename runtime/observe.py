"""What a run tells those who watch it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from trc.runtime.plan import Plan
from trc.runtime.spec import TaskSpec
from trc.runtime.store.journal import AttemptRecord, RunRecord, RunState, TaskRecord, Wish
from trc.runtime.store.results import StoredOutput
from trc.runtime.taskside.records import record


@record(frozen=True, slots=True)
class RunOpened:
    """The run is recorded and about to begin. `resumed`: it goes on where a dead driver left it."""

    run: RunRecord
    plan: Plan
    resumed: bool


@record(frozen=True, slots=True)
class TaskMoved:
    """A task is in another state; `outputs` come with a success, `log` with a failure.

    `attempts` are those of it that came to another state with it, in order; `retry_at` is when the next one may begin,
    where one failed and there is to be another only later.
    """

    record: TaskRecord
    outputs: tuple[StoredOutput, ...] = ()
    log: str | None = None
    attempts: tuple[AttemptRecord, ...] = ()
    retry_at: float | None = None


@record(frozen=True, slots=True)
class TasksAdded:
    """A task has become others, its items or the sub-tasks that it has submitted: these are what they are.

    `outputs` are what the task itself has written, which sub-tasks may read.
    """

    task: str
    added: tuple[TaskSpec, ...]
    outputs: tuple[StoredOutput, ...] = ()


@record(frozen=True, slots=True)
class TaskProgressed:
    """A running task says how far it is, in units of its own."""

    task: str
    done: int
    total: int | None


@record(frozen=True, slots=True)
class EnvironmentMoved:
    """What tasks run in was not there: it is being built, or was, in so many seconds, or cannot be had."""

    at: float
    tasks: tuple[str, ...]
    state: Literal["building", "built", "failed"]
    what: str
    """Such as `Python 3.12, 5 packages`."""
    seconds: float


@record(frozen=True, slots=True)
class Ticked:
    """Time has passed: a chance to redraw."""

    at: float


@record(frozen=True, slots=True)
class Waiting:
    """The run waits for another one to be done with an output."""

    uri: str
    run: str


@record(frozen=True, slots=True)
class Wished:
    """Another process has asked for the run, or a task of it, to pause, to go on, or to end, and was heard."""

    wish: Wish
    task: str | None = None


@record(frozen=True, slots=True)
class RunFinished:
    run: RunRecord
    state: RunState


@record(frozen=True, slots=True)
class MessagesTried:
    """How often messages of hooks were tried beside the run, by how that ended: `delivered`, `failed` or `dead`."""

    counts: Mapping[str, int]


Happening = (
    EnvironmentMoved
    | MessagesTried
    | RunOpened
    | TaskMoved
    | TasksAdded
    | TaskProgressed
    | Ticked
    | Waiting
    | Wished
    | RunFinished
)
Observer = Callable[[Happening], None]
