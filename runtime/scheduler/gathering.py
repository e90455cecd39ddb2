"""Tasks that become others, their items or their sub-tasks: how these come to be, and what their end makes of the task."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from trc.runtime.reasons import Reason
from trc.runtime.scheduler.commands import Command, Discard, Expand, Gather, Record
from trc.runtime.scheduler.course import Course
from trc.runtime.scheduler.events import DecidedItems, Expanded, ExpandFailed
from trc.runtime.scheduler.failures import was_late
from trc.runtime.scheduler.graph import UNENDED, is_of_unknown_outcome, take_up
from trc.runtime.scheduler.node import Node
from trc.runtime.scheduler.state import FINAL, SUCCEEDED
from trc.runtime.spec import TaskSpec
from trc.runtime.store.journal import AttemptRecord, TaskRecord


class Gathering:
    """`resumed` and `attempts` are what the journal holds of the run, if its driver died."""

    def __init__(self, course: Course, resumed: Iterable[TaskRecord], attempts: Sequence[AttemptRecord]) -> None:
        self._course = course
        self._left = {record.task: record for record in resumed if record.task not in course.nodes}
        """What the journal holds of items that are not known yet."""
        self._tried_before = {attempt.token: attempt for attempt in attempts} if self._left else {}

    # How items come to be

    def decided_items(self, event: DecidedItems) -> None:
        """They are known without an attempt."""
        node = self._course.nodes[event.task]
        if node.awaits_decision:
            node.reason = event.reason.to_json()
            node.succeeded = None
            self.ask_for_items(node)

    def ask_for_items(self, node: Node) -> None:
        """Of a task whose turn it is."""
        node.phase = "gathering"
        self._course.moved[node] = True
        self._course.effects.append(Expand(node.spec.name))

    def expanded(self, event: Expanded) -> None:
        """The task becomes its items, each of which begins like any other."""
        course = self._course
        group = course.nodes[event.task]
        if group.phase != "gathering" or group.items or group.state in FINAL:
            return
        if course.is_canceling or group.is_canceled:
            course.call_off(group)
            return
        if group.is_late:
            course.fail(group, was_late(group.spec.deadline or 0.0))
            return
        if group.state == "waiting":
            group.started_at = course.at
            course.move(group, "running", durable=False)
        group.closing = event.closing
        group.unmet = len(event.items)
        for spec in event.items:
            self._add(group, spec)
        if not event.items:
            self._gathered(group)

    def expand_failed(self, event: ExpandFailed) -> None:
        """There is no telling what the items are."""
        node = self._course.nodes[event.task]
        if node.phase == "gathering" and not node.items and node.state not in FINAL:
            self._course.fail(node, event.failure)

    def _add(self, group: Node, spec: TaskSpec) -> None:
        course = self._course
        reason = Reason("item" if group.spec.each else "subtask", group.spec.name).to_json()
        node = Node(spec, reason, rank=group.rank, serial=len(course.nodes), group=group)
        course.nodes[spec.name] = node
        group.items.append(node)
        course.unfinished += 1
        self._begin_item(node)

    def _begin_item(self, node: Node) -> None:
        course = self._course
        record = self._left.pop(node.spec.name, None)
        if record is not None:
            take_up(course.run, node, record, self._tried_before)
        if record is not None and is_of_unknown_outcome(record):
            course.records[node.spec.name] = record
            course.keep(node, record)
            return
        if record is not None and record.state in SUCCEEDED:
            # Nothing takes its place before that is decided.
            course.records[node.spec.name] = node.succeeded = record
        else:
            course.moved[node] = True
        if node.interrupted:
            course.count_lost(node)
        if node.state != "waiting":
            return
        if node.group is not None and node.group.is_held and node.succeeded is None:
            node.is_held = True
            course.rest_held(node)
        else:
            course.asked.append(node)

    # What their end makes of the task

    def item_ended(self, group: Node) -> None:
        """One of them."""
        group.unmet -= 1
        if not group.unmet and group.state not in FINAL:
            self._gathered(group)

    def _gathered(self, group: Node) -> None:
        """The end of a repeated task: that of its items together, once the last of them has ended."""
        course = self._course
        group.phase = "idle"
        states = {item.state for item in group.items}
        bad = {"failure", "upstream_failed"}
        if not course.is_canceling and not group.is_canceled:
            bad.add("canceled")
        failed = next((item for item in group.items if item.state in bad), None)
        if failed is not None:
            root = failed.blocked_by or failed.spec.name
            self._block_closing(group, root)
            course.block(group, root)
            return
        if "canceled" in states:
            course.call_off(group)
            return
        if states == {"omitted"} and group.spec.each is not None:
            group.reason = group.items[0].reason
            course.move(group, "omitted")
            return
        if not group.has_closing:
            kept = tuple(item.spec.name for item in group.items if item.state != "omitted")
            course.effects.append(Gather(group.spec.name, kept))
        if group.closing is not None and not group.has_closing:
            self._close(group, group.closing)
            return
        has_run = group.attempt > group.before or "success" in states
        if group.spec.each is not None and not has_run:
            group.reason = Reason("items_up_to_date", f"{len(group.items):,} items").to_json()
        course.move(group, "success" if has_run else "skipped")

    def _close(self, group: Node, closing: TaskSpec) -> None:
        """All items have succeeded: what is to decide about them together begins like one of them."""
        course = self._course
        if course.is_canceling or group.is_canceled:
            course.call_off(group)
        elif group.is_late:
            course.fail(group, was_late(group.spec.deadline or 0.0))
        else:
            group.phase, group.unmet, group.has_closing = "gathering", 1, True
            self._add(group, closing)

    def _block_closing(self, group: Node, root: str) -> None:
        """What was to decide about all items when the driver before this one died comes to no turn any more."""
        record = self._left.get(group.closing.name) if group.closing is not None and not group.has_closing else None
        if record is None or record.state in FINAL:
            return
        assert group.closing is not None
        course, name = self._course, group.closing.name
        node = course.nodes[name] = Node(group.closing, record.reason, rank=group.rank, serial=len(course.nodes))
        take_up(course.run, node, self._left.pop(name), self._tried_before)
        course.unfinished += 1
        course.block(node, root)

    # What a dead driver has left of items that are not known yet

    def give_up_left(self) -> None:
        """Nobody will hear how their attempts ended."""
        at = self._course.at
        for record in self._left.values():
            attempt = self._tried_before.get(record.token or "")
            if attempt is not None and attempt.state in UNENDED:
                self._course.effects += [
                    Record(attempt=attempt._replace(state="lost", ended_at=at)),
                    Discard(record.task, attempt.token),
                ]

    def call_off_left(self) -> list[Command]:
        """Items that there are no more since the run was resumed come to an end with it."""
        left = [record for record in self._left.values() if record.state not in FINAL]
        self._left = {}
        reason = Reason("canceled").to_json()
        ended = [record._replace(state="canceled", reason=reason, ended_at=self._course.at) for record in left]
        self._course.records.update((record.task, record) for record in ended)
        return [Record(record) for record in ended]
