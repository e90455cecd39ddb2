"""What people ask of one task while the run goes on: to hold it, to let it go on, to end it."""

from __future__ import annotations

from trc.runtime.scheduler.course import Course
from trc.runtime.scheduler.needs import Needs
from trc.runtime.scheduler.node import Node
from trc.runtime.scheduler.slots import Slots
from trc.runtime.scheduler.state import FINAL


class Meddling:
    """A repeated task is its items. An item of an earlier go may be none of this one: asking for it changes nothing."""

    def __init__(self, course: Course, slots: Slots, needs: Needs) -> None:
        self._course = course
        self._slots = slots
        self._needs = needs

    def hold(self, task: str) -> None:
        """The task begins nothing more; what it waits for goes on."""
        if task in self._course.nodes:
            self._hold(self._course.nodes[task])

    def let_go(self, task: str) -> None:
        """It goes on as if it had never been held."""
        if task in self._course.nodes:
            self._let_go(self._course.nodes[task])

    def cancel(self, task: str) -> None:
        """It ends, and what needs it does not run."""
        if task in self._course.nodes:
            self._cancel(self._course.nodes[task])

    def _hold(self, node: Node) -> None:
        if node.state in FINAL or node.is_held or self._course.is_canceling:
            return
        node.is_held = True
        for item in node.items:
            self._hold(item)
        if node.state == "pending":
            self._slots.withdraw(node)
            self._course.rest_held(node)
        elif node.awaits_decision and node.succeeded is None:
            # One that has succeeded before may be found to stand, and then there is nothing to hold.
            self._course.rest_held(node)

    def _let_go(self, node: Node) -> None:
        if not node.is_held:
            return
        node.is_held = False
        for item in node.items:
            self._let_go(item)
        if node.state != "paused":
            return
        node.waits = None
        if node.phase == "resting":
            self._course.move(node, "pending")
        else:
            self._course.move(node, "waiting")
            if node.group is None:
                self._needs.end_wait(node)
            else:
                self._course.asked.append(node)

    def _cancel(self, node: Node) -> None:
        if node.state in FINAL or node.is_canceled or self._course.is_canceling:
            return
        if node.phase == "gathering":
            node.is_canceled = True
            for item in node.items:
                self._cancel(item)
            return
        if node.phase in ("live", "stopping"):
            node.is_canceled = True
            if node.phase == "live" and node.token is not None:
                self._slots.stop(node, node.token)
        elif node.succeeded is not None and node.state == "waiting":
            self._course.keep(node, node.succeeded)
        elif node.state in ("waiting", "pending", "paused"):
            node.is_canceled = True
            if node.state == "pending":
                self._slots.withdraw(node)
            self._course.call_off(node)
