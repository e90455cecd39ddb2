"""How a run stands, and what is to be recorded and done because of the event at hand."""

from __future__ import annotations

from typing import Literal

from trc.runtime.reasons import Reason
from trc.runtime.scheduler.budget import Limits
from trc.runtime.scheduler.commands import Command, Decide, DropTimer, Record
from trc.runtime.scheduler.failures import INTERRUPTED, failure_facts, given_up, was_lost
from trc.runtime.scheduler.node import Node
from trc.runtime.scheduler.retry import may_repeat
from trc.runtime.scheduler.state import FINAL, MOVES
from trc.runtime.store.journal import AttemptRecord, TaskRecord, TaskState
from trc.runtime.taskside.result import AttemptResult, Failure


class Course:
    """What the parts of the machine share. `at` is the time of the event at hand, in seconds since the epoch."""

    def __init__(self, run: str, nodes: dict[str, Node], limits: Limits) -> None:
        self.run = run
        self.nodes = nodes
        self.records = {name: node.task_record(run) for name, node in nodes.items()}
        """Every task as it was recorded last."""
        self.limits = limits
        self.at = 0.0
        self.is_canceling = self.is_paused = self.is_overdue = False

        self.unfinished = len(nodes)
        self.settled: list[Node] = []
        """Tasks that came to a final state, which their dependants do not know yet."""
        self.moved: dict[Node, bool] = {}
        """Tasks to be recorded, and whether durably."""
        self.asked: list[Node] = []
        """Tasks that are to be decided."""
        self.effects: list[Command] = []
        self._tried: list[tuple[Node, AttemptRecord]] = []

    # Where a task stands

    def move(self, node: Node, state: TaskState, *, durable: bool = True) -> None:
        """The one place where a task's state changes."""
        assert state in MOVES[node.state], f"{node.spec.name}: {node.state} to {state} is no legal move"
        node.state = state
        if node.waits is not None and state not in ("pending", "paused"):
            node.waits = None
        self.moved[node] = durable or self.moved.get(node, False)
        if state in FINAL:
            node.ended_at = self.at
            self._settle(node)

    def keep(self, node: Node, record: TaskRecord) -> None:
        """The task came to its end before the run was resumed: that stands as it is recorded."""
        node.kept, node.state = record, record.state
        self._settle(node)

    def _settle(self, node: Node) -> None:
        self.unfinished -= 1
        self.settled.append(node)
        if node.spec.deadline is not None and node.group is None:
            self.effects.append(DropTimer(f"due:{node.spec.name}"))

    def fail(self, node: Node, failure: Failure) -> None:
        """For good."""
        node.error = failure_facts(failure)
        self.move(node, "failure")

    def block(self, node: Node, root: str) -> None:
        """The task cannot run because of what became of another, the one at the root."""
        node.blocked_by = root
        node.reason = Reason("upstream_failed", root).to_json()
        self.move(node, "upstream_failed")

    def call_off(self, node: Node) -> None:
        """Somebody, or the run's deadline, wants the task to end."""
        self.wake(node)
        why = "deadline" if self.is_overdue else "canceled" if self.is_canceling else "task_canceled"
        node.reason = Reason(why).to_json()
        self.move(node, "canceled")

    def wake(self, node: Node) -> None:
        """The task awaits neither the time of its retry nor the end of another."""
        if node.phase == "resting":
            self.effects.append(DropTimer(f"retry:{node.spec.name}"))
            node.phase = "idle"
        elif node.phase == "behind":
            self.effects.append(DropTimer(f"twin:{node.spec.name}"))
            node.phase, node.behind = "idle", None

    def rest_held(self, node: Node) -> None:
        """The task could go on, but is to begin nothing until someone says so."""
        node.waits = Reason("paused").to_json()
        self.move(node, "paused")

    def count_lost(self, node: Node) -> None:
        """The attempt that ended with the driver before this one may have been one too many."""
        node.lost += 1
        if node.state == "waiting" and not may_repeat(node.spec, "lost", node.lost):
            self.fail(node, given_up(was_lost(INTERRUPTED), node.spec, node.lost))

    # What is recorded

    def note(
        self,
        node: Node,
        state: Literal["claimed", "running", "success", "failure", "lost", "canceled"],
        result: AttemptResult | None = None,
        at: float | None = None,
    ) -> None:
        """The task's attempt has come to that state; `at` is when it ended, if that was not now."""
        ended_at = None if state in ("claimed", "running") else at or self.at
        self._tried.append((node, node.attempt_record(self.run, state, ended_at, result)))

    def note_lost(self, node: Node, attempt: AttemptRecord) -> None:
        """Nobody will hear how an attempt of the dead driver ended."""
        self._tried.append((node, attempt._replace(state="lost", ended_at=self.at)))

    def commands(self) -> list[Command]:
        """What the event has brought about, in an order in which it can be performed; each is told once."""
        commands = self._recorded()
        commands += self.effects
        self.effects = []
        if self.asked:
            self.asked.sort(key=_rank)
            commands += [Decide(node.spec.name) for node in self.asked if node.state == "waiting"]
            self.asked = []
        return commands

    def _recorded(self) -> list[Command]:
        commands: list[Command] = []
        latest: dict[Node, AttemptRecord] = {}
        for node, attempt in self._tried:
            if node in latest:
                commands.append(Record(attempt=latest[node]))
            latest[node] = attempt
        for node, durable in self.moved.items():
            record = self.records[node.spec.name] = node.task_record(self.run)
            commands.append(Record(record, latest.get(node), durable))
        self._tried = []
        self.moved = {}
        return commands


def _rank(node: Node) -> int:
    return node.rank
