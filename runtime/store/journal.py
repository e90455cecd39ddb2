"""The journal: runs, task runs and attempts, every change durable before its effect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, Protocol

from trc.runtime.store.results import Result
from trc.runtime.taskside.records import record

RunState = Literal["running", "success", "failure", "canceled", "abandoned"]
TaskState = Literal[
    "waiting",
    "pending",
    "claimed",
    "running",
    "success",
    "failure",
    "canceled",
    "skipped",
    "omitted",
    "upstream_failed",
    "paused",
]


@record(frozen=True, slots=True)
class Driver:
    """A process that drives runs. A live one's attempts are never adopted by another.

    It lives while its lease has not run out, and, on the same boot of the same host, while the
    process `pid` that began at `start_time` (clock ticks since boot) is there.
    """

    id: str
    host: str
    boot_id: str
    pid: int
    start_time: int


@record(frozen=True, slots=True)
class RunRecord:
    """A run as it was opened. Times are in seconds since the epoch; `logical_time` is ISO 8601."""

    id: str
    pipeline: str
    file: str
    digest: str
    """Of the pipeline and its parameters: only runs of equal digests resume each other."""
    logical_time: str
    driver: str
    created_at: float
    state: RunState = "running"
    ended_at: float | None = None
    resumed: int = 0
    """How often the run was taken up again, after its driver died or its end."""
    asked: str = ""
    """The choices that it was asked for with, as JSON; empty where nobody recorded them."""
    submission: str | None = None
    """The key under which it was submitted, which no other run of the pipeline has."""
    began_at: float = 0.0
    """When it was opened, or last taken up after its end: what a run may take in all counts from then."""


# Several of these two are made for each task that runs, and a named tuple takes a third of the time.
class TaskRecord(NamedTuple):
    """A task of a run, as it stands.

    `reason` is the recorded fact why it ran or did not (`{"code": …, …}`, see `trc.runtime.reasons`);
    `error` is the last attempt's failure as JSON; `lost` counts attempts that were lost.
    """

    run: str
    task: str
    state: TaskState
    attempt: int = 0
    token: str | None = None
    lost: int = 0
    reason: Mapping[str, Any] = MappingProxyType({})
    error: Mapping[str, Any] | None = None
    blocked_by: str | None = None
    """The failed task at the root, where the state is `upstream_failed`."""
    started_at: float | None = None
    ended_at: float | None = None
    before: int = 0
    """How many attempts count for earlier goes at the task, which ended: each go has a budget of its own."""


class AttemptRecord(NamedTuple):
    """One attempt, as it stands; `result` is the attempt's result as JSON once it has ended."""

    run: str
    task: str
    number: int
    token: str
    state: Literal["claimed", "running", "success", "failure", "lost", "canceled"]
    log: str = ""
    claimed_at: float = 0.0
    started_at: float | None = None
    ended_at: float | None = None
    result: Mapping[str, Any] | None = None


Wish = Literal["run", "pause", "cancel"]
"""What other processes than its driver wish of a run."""
LetterState = Literal["open", "replayed", "dropped"]


@record(frozen=True, slots=True)
class DeadLetter:
    """A task that failed for good. `number` is given by the store; times are in seconds since the epoch.

    `error` is the last attempt's failure, and `order` its order, as JSON: None where no attempt began, or its
    driver died with it. An order holds no value of a secret. `log` are the last lines that it printed.
    """

    run: str
    task: str
    attempt: int
    kind: Literal["failed", "unknown_outcome"]
    error: Mapping[str, Any]
    order: Mapping[str, Any] | None
    log: str
    died_at: float
    state: LetterState = "open"
    settled_at: float | None = None
    number: int = 0


MessageState = Literal["pending", "delivered", "dead"]
Event = Literal["start", "success", "failure", "cancel", "retry"]


@record(frozen=True, slots=True)
class Message:
    """What a hook tells the outside. `number` is given by the store; times are in seconds since the epoch.

    `id` names what it tells of to whom, and is the same each time that it is told; `body` is what is sent, byte by byte.
    Of a dead one, nobody tries to deliver it any more; `error` says why it was not delivered the last time.
    """

    id: str
    run: str
    task: str | None
    """None where it tells of the run as a whole."""
    event: Event
    url: str
    body: str
    created_at: float
    state: MessageState = "pending"
    tries: int = 0
    due_at: float = 0.0
    """When it is to be tried next; until then whoever has taken it may be at it."""
    taken_by: str | None = None
    """The driver that has taken it to deliver it."""
    error: str = ""
    settled_at: float | None = None
    number: int = 0


class Twin(NamedTuple):
    """A task of a run that others of its group are equal to; the `key` is that of its outputs, if it makes some.

    `state`, `attempt`, `error` and `run_state` are those of its task run and its run, as they are now.
    """

    group: str
    run: str
    task: str
    key: str
    state: TaskState = "waiting"
    attempt: int = 0
    error: Mapping[str, Any] | None = None
    run_state: RunState = "running"


class Service(NamedTuple):
    """The circuit breaker of a service, across runs; times are in seconds since the epoch.

    `run` and `token` are those of the attempt that probes it.
    """

    group: str
    name: str
    state: Literal["closed", "open", "half_open"] = "closed"
    failed_at: tuple[float, ...] = ()
    until: float = 0.0
    opened: int = 0
    run: str | None = None
    token: str | None = None


class Transaction(Protocol):
    """Changes that become durable together, when the block ends; none of them does if it raises."""

    def put_run(self, run: RunRecord) -> None:
        """Opens a run, or replaces what is recorded of it."""
        ...

    def put_tasks(self, tasks: Sequence[TaskRecord]) -> None:
        """Records task runs as they now stand."""
        ...

    def put_attempts(self, attempts: Sequence[AttemptRecord]) -> None:
        """Records attempts as they now stand."""
        ...

    def put_results(self, results: Sequence[Result]) -> None:
        """Commits results, so that later runs may skip their tasks."""
        ...

    def put_letters(self, letters: Sequence[DeadLetter]) -> None:
        """Adds dead letters; an open one of the same task of the run is thereby replayed."""
        ...

    def settle_letters(self, run: str, task: str, state: LetterState, at: float) -> None:
        """Settles the open letter of a task of a run, if there is one."""
        ...

    def put_messages(self, messages: Sequence[Message]) -> None:
        """Adds what is to be told; of one whose id is there already nothing changes."""
        ...

    def take_messages(self, driver: str, now: float, until: float, limit: int) -> list[Message]:
        """The pending messages that are due, the longest due first: they are the driver's, and due again `until` then."""
        ...

    def put_tried(self, messages: Sequence[Message]) -> None:
        """Records how messages stand after somebody tried to deliver them; of one that is settled already nothing changes."""
        ...

    def free_messages(self, driver: str, at: float) -> None:
        """Pending messages that the driver has taken are nobody's, and due `at` that time."""
        ...

    def renew_messages(self, numbers: Sequence[int], at: float) -> None:
        """Makes messages pending and due `at` that time, as if nobody had tried to deliver them."""
        ...

    def permitted(self, run: str, attempts: Mapping[str, str]) -> frozenset[str]:
        """Of some attempts, by task, the tokens of those that may publish: each is its task's current one, and not final."""
        ...

    def forget_runs(self, runs: Sequence[str]) -> None:
        """Removes runs with all that is recorded of them, but for those that go on."""
        ...

    def forget_results(self, before: float) -> int:
        """Removes results that were committed before that time and are not the last of their task; how many that were.

        A run that goes on may have found one by its key: those of its pipeline stay.
        """
        ...

    def put_wish(self, run: str, wish: Wish) -> None:
        """Wishes something of a run; its driver looks now and then."""
        ...

    def put_task_wish(self, run: str, task: str, wish: Wish) -> None:
        """Wishes something of one task of a run."""
        ...

    def forget_task_wishes(self, run: str) -> None:
        """Nothing is wished of single tasks of the run any more."""
        ...

    def drives(self, run: str, driver: str) -> bool:
        """Whether the run goes on and is this driver's: one that was taken for dead may wake up and find that it is not."""
        ...

    def acquire(self, uris: Sequence[str], run: str, driver: str) -> Mapping[str, str]:
        """Takes output locations for publishing, all or none; answers who holds those that are taken (uri → run)."""
        ...

    def release(self, run: str) -> None:
        """Gives back all output locations of a run, all room that it takes or waits for, and services that it probes."""
        ...

    def take_room(self, run: str, token: str, claims: Mapping[str, int]) -> str | None:
        """Takes a place in each group for an attempt, all or none; answers a group that has none.

        A group has a place if fewer than the claimed number are taken by runs that go on, and by those of them that
        came before and wait. Who gets none waits from then on: a run once for each set of groups.
        """
        ...

    def free_room(self, token: str) -> None:
        """Gives back the places of an attempt."""
        ...

    def twins(self, group: str) -> list[Twin]:
        """The tasks that others of the group are equal to, the first put first."""
        ...

    def put_twin(self, twin: Twin) -> None:
        """From now on others of its group are equal to this task; where it was so before, it is the last now."""
        ...

    def drop_twins(self, twins: Sequence[Twin]) -> None:
        """Nobody is equal to these any more."""
        ...

    def service(self, group: str) -> Service | None:
        """How a service stands; None of which nobody has told anything."""
        ...

    def put_service(self, service: Service) -> None:
        """Records how a service stands."""
        ...

    def free_room_of(self, run: str) -> None:
        """Gives back all places of a run, which waits for none any more."""
        ...

    def leave_line(self, run: str, groups: Sequence[str]) -> None:
        """The run waits no more for room in this set of groups."""
        ...


class Journal(Protocol):
    """Runs and their parts. `transaction` is the only way to change anything."""

    def transaction(self) -> AbstractContextManager[Transaction]:
        """A block of changes that holds the store's write lock, and commits durably at its end."""
        ...

    def enrol(self, driver: Driver, lease_until: float) -> None:
        """Makes a driver known, or renews its lease."""
        ...

    def drivers(self) -> Mapping[str, tuple[Driver, float]]:
        """The known drivers by id, with the ends of their leases."""
        ...

    def runs(self, *, pipeline: str | None = None, state: RunState | None = None, limit: int = 100) -> list[RunRecord]:
        """Runs, newest first."""
        ...

    def run(self, run: str) -> RunRecord | None:
        """A run by its id, or by the beginning of it if only one run's id begins so."""
        ...

    def submitted(self, pipeline: str, submission: str) -> RunRecord | None:
        """The run of a pipeline that was submitted under that key."""
        ...

    def tasks(self, run: str) -> list[TaskRecord]:
        """The task runs of a run, in the order in which they were first put."""
        ...

    def attempts(self, run: str, task: str | None = None) -> list[AttemptRecord]:
        """The attempts of a run, or of one of its tasks, oldest first."""
        ...

    def letters(self, *, run: str | None = None, settled: bool = False, limit: int = 1000) -> list[DeadLetter]:
        """Dead letters, newest first: the open ones, or with `settled` all; of one run, or of all."""
        ...

    def letter(self, number: int) -> DeadLetter | None:
        """The dead letter of that number."""
        ...

    def messages(
        self, *, run: str | None = None, state: MessageState | None = None, limit: int = 1000
    ) -> list[Message]:
        """Messages, newest first: of one run, or of all; in one state, or in any."""
        ...

    def next_message_at(self) -> float | None:
        """When the next pending message is due; None where there is none."""
        ...

    def services(self) -> list[Service]:
        """How all services stand of which somebody has told something, by name."""
        ...

    def takers(self, groups: Sequence[str]) -> frozenset[str]:
        """The runs that take places of these groups, or wait for them."""
        ...

    def wish(self, run: str) -> Wish:
        """What is wished of a run: that it goes on, where nobody has said anything."""
        ...

    def task_wishes(self, run: str) -> Mapping[str, Wish]:
        """What is wished of single tasks of a run, by task."""
        ...
