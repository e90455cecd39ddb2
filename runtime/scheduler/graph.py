"""The tasks of a run as the machine begins with them: linked, ranked, and set to where a run before left them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from trc.runtime.plan import PlannedTask
from trc.runtime.scheduler.failures import UNKNOWN_OUTCOME
from trc.runtime.scheduler.node import Node
from trc.runtime.scheduler.state import FINAL, verdicts
from trc.runtime.spec import TaskSpec
from trc.runtime.store.journal import AttemptRecord, TaskRecord, TaskState

KEPT: frozenset[TaskState] = frozenset({"success", "skipped", "omitted"})
"""States that a resumed run keeps, if its plan agrees."""

UNENDED: frozenset[TaskState] = frozenset({"claimed", "running"})


def build(
    run: str,
    tasks: Sequence[TaskSpec],
    planned: Mapping[str, PlannedTask],
    resumed: Iterable[TaskRecord],
    attempts: Iterable[AttemptRecord],
) -> dict[str, Node]:
    """The nodes by name; `tasks` come in an order in which they can run."""
    nodes = {task.name: Node(task, planned[task.name].reason.to_json()) for task in tasks}
    _link(nodes)
    _rank(nodes)
    tried = {attempt.token: attempt for attempt in attempts}
    for record in resumed:
        # Items of repeated tasks are known only when these are decided.
        if record.task in nodes:
            _resume(run, nodes[record.task], planned[record.task], record, tried)
    return nodes


def _link(nodes: Mapping[str, Node]) -> None:
    for node in nodes.values():
        node.unmet = len(node.spec.needs)
        for need in node.spec.needs:
            nodes[need.task].dependants.append((node, verdicts(need)))


def _rank(nodes: Mapping[str, Node]) -> None:
    """The longest chain of dependants goes first, then the author's order."""
    chain = dict.fromkeys(nodes, 0)
    for node in reversed(list(nodes.values())):
        behind = chain[node.spec.name] + 1
        for need in node.spec.needs:
            chain[need.task] = max(chain[need.task], behind)
    # The sort is stable, so equals stay in the author's order.
    for rank, node in enumerate(sorted(nodes.values(), key=lambda node: -chain[node.spec.name])):
        node.rank = rank


def _resume(run: str, node: Node, planned: PlannedTask, record: TaskRecord, tried: Mapping[str, AttemptRecord]) -> None:
    if _is_kept(planned, record):
        node.state, node.kept = record.state, record
        return
    take_up(run, node, record, tried)


def take_up(run: str, node: Node, record: TaskRecord, tried: Mapping[str, AttemptRecord]) -> None:
    """Sets a task that is to go on to where a run before left it."""
    node.attempt, node.lost, node.error = record.attempt, record.lost, record.error
    # Who takes up what came to its end gives it a budget of its own.
    node.before = record.attempt - record.lost if record.state in FINAL else record.before
    if record.state in UNENDED and record.token is not None:
        attempt = tried.get(record.token) or AttemptRecord(
            run, record.task, record.attempt, record.token, "claimed", started_at=record.started_at
        )
        if attempt.state == "success":
            # It has listed the items of a task, which went on: to list them once more is another go.
            node.before = record.attempt - record.lost
        else:
            node.interrupted = attempt


def _is_kept(planned: PlannedTask, record: TaskRecord) -> bool:
    if record.state in KEPT:
        return planned.action in ("skip", "omit") or planned.reason.code == "kept"
    return is_of_unknown_outcome(record) and planned.action != "skip"


def is_of_unknown_outcome(record: TaskRecord) -> bool:
    """Whether it may have had its effect: then it is not repeated, however often the run is taken up."""
    return record.state == "failure" and (record.error or {}).get("reason") == UNKNOWN_OUTCOME
