"""Deadlines of single tasks: one that is not done in time has failed, and what runs of it is stopped."""

from __future__ import annotations

from trc.runtime.scheduler.commands import SetTimer
from trc.runtime.scheduler.course import Course
from trc.runtime.scheduler.failures import was_late
from trc.runtime.scheduler.node import Node
from trc.runtime.scheduler.slots import Slots
from trc.runtime.scheduler.state import FINAL


class Dues:
    """They count from the beginning of the run, or from when it was taken up after its end."""

    def __init__(self, course: Course, slots: Slots) -> None:
        self._course = course
        self._slots = slots

    def watch(self, node: Node) -> None:
        """Has the task end by its deadline; at once, if that is over."""
        assert node.spec.deadline is not None
        due = self._course.limits.began_at + node.spec.deadline
        if due <= self._course.at:
            self.end(node)
        else:
            self._course.effects.append(SetTimer(f"due:{node.spec.name}", due))

    def end(self, node: Node) -> None:
        """The deadline is over. What is about to be published still is."""
        if node.state in FINAL or node.is_late or self._course.is_canceling:
            return
        node.is_late = True
        failure = was_late((node.group or node).spec.deadline or 0.0)
        if node.phase == "gathering":
            for item in node.items:
                self.end(item)
        elif node.phase == "live" and node.token is not None:
            node.limit = failure
            self._slots.stop(node, node.token)
        elif node.succeeded is not None and node.state == "waiting":
            self._course.keep(node, node.succeeded)
        elif node.state in ("waiting", "pending", "paused"):
            if node.state == "pending":
                self._slots.withdraw(node)
            self._course.wake(node)
            self._course.fail(node, failure)
