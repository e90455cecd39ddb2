"""A task inside the state machine: what it is, where it stands, and the records that say so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from trc.runtime.scheduler.failures import result_facts
from trc.runtime.scheduler.state import Verdict
from trc.runtime.spec import TaskSpec
from trc.runtime.store.journal import AttemptRecord, TaskRecord, TaskState
from trc.runtime.taskside.result import AttemptResult, Failure

Phase = Literal["idle", "behind", "resting", "live", "stopping", "publishing", "gathering"]
"""Finer than the state: `resting` waits for its retry's time; `live` and `stopping` attempts take a slot.

One that is `behind` asks for an equal task, or waits for its end. A task is `gathering` once its items or sub-tasks are known, until
they have ended.
"""


@dataclass(slots=True, eq=False)
class Node:
    """The only values here that change; only the machine changes them."""

    spec: TaskSpec
    reason: Mapping[str, Any]
    state: TaskState = "waiting"
    phase: Phase = "idle"

    rank: int = 0
    """Who goes first when several could: the smaller."""
    unmet: int = 0
    """Needs that are not satisfied yet."""
    omitted_by: str | None = None
    """The omitted task at the root, where something that it reads was omitted."""
    dependants: list[tuple[Node, Mapping[TaskState, Verdict]]] = field(default_factory=list["Any"], repr=False)

    attempt: int = 0
    token: str | None = None
    lost: int = 0
    before: int = 0
    """How many attempts count for earlier goes at the task."""
    error: Mapping[str, Any] | None = None
    blocked_by: str | None = None
    claimed_at: float = 0.0
    waits_since: float = 0.0
    """Since when its attempt could have begun, as far as is known."""
    started_at: float | None = None
    waits: Mapping[str, Any] | None = None
    """Why it does not begin though it is its turn; told in place of why it runs."""
    ended_at: float | None = None
    """When the task came to its final state."""
    result: AttemptResult | None = None
    """What is being published."""
    is_held: bool = False
    """Whether it is not to begin until someone says so."""
    is_late: bool = False
    """Whether it was not done by its deadline: no attempt follows."""
    behind: tuple[str, str] | None = None
    """The run and the name of the equal task that it waits for."""
    is_canceled: bool = False
    """Whether its attempt is being stopped because someone wants the task to end."""
    limit: Failure | None = None
    """The limit that the attempt is being stopped for."""
    interrupted: AttemptRecord | None = None
    """The attempt that ended with the driver before this one."""
    kept: TaskRecord | None = None
    """What is recorded of a task that was done before the run was resumed."""
    succeeded: TaskRecord | None = None
    """What is recorded of an item that succeeded before the run was resumed, until it is decided whether that stands."""

    serial: int = 0
    """Tells nodes of one rank apart: the smaller goes first."""
    group: Node | None = None
    """The task that this is an item or a sub-task of."""
    has_listed: bool = False
    """Whether its attempt has published the list of its items, or has submitted sub-tasks."""
    items: list[Node] = field(default_factory=list["Any"], repr=False)
    closing: TaskSpec | None = None
    """What is to be run once all items have succeeded: it decides about them together."""
    has_closing: bool = False
    """Whether that is one of the `items` by now."""

    def __lt__(self, other: Node) -> bool:
        return self.serial < other.serial

    @property
    def awaits_decision(self) -> bool:
        """Whether all that it needs is there, and it is to be said whether it runs."""
        return self.state == "waiting" and not self.unmet and self.phase == "idle"

    def task_record(self, run: str) -> TaskRecord:
        """The task as it stands."""
        return self.kept or TaskRecord(
            run,
            self.spec.name,
            self.state,
            self.attempt,
            self.token,
            self.lost,
            self.waits or self.reason,
            self.error,
            self.blocked_by,
            self.started_at,
            self.ended_at,
            self.before,
        )

    def attempt_record(
        self,
        run: str,
        state: Literal["claimed", "running", "success", "failure", "lost", "canceled"],
        ended_at: float | None = None,
        result: AttemptResult | None = None,
    ) -> AttemptRecord:
        """The current attempt in that state."""
        assert self.token is not None
        return AttemptRecord(
            run,
            self.spec.name,
            self.attempt,
            self.token,
            state,
            "",
            self.claimed_at,
            self.started_at,
            ended_at,
            None if result is None else result_facts(result),
        )
