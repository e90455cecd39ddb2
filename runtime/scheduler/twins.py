"""Tasks that are not run twice: who waits for an equal one, and what that one's end makes of it."""

from __future__ import annotations

from typing import Final

from trc.runtime.reasons import Reason
from trc.runtime.scheduler.commands import FindTwin, SetTimer
from trc.runtime.scheduler.course import Course
from trc.runtime.scheduler.events import StandsAlone, StandsBehind, TwinEnded
from trc.runtime.scheduler.node import Node
from trc.runtime.scheduler.slots import Slots

PATIENCE: Final = 0.5
"""Seconds until a run asks again what has become of the task that another waits for."""


class Twins:
    """Only who stands alone comes to be pending: others take no slot and no room, so that nobody waits in a ring."""

    def __init__(self, course: Course, slots: Slots) -> None:
        self._course = course
        self._slots = slots

    def look(self, node: Node) -> None:
        """Asks for a task that is equal to one that is to run, or for what has become of the one that it waits for."""
        node.phase = "behind"
        self._course.effects.append(FindTwin(node.spec.name, node.behind, node.reason.get("code") == "forced"))

    def look_again(self, node: Node) -> None:
        """The time to do so has come."""
        if node.phase == "behind":
            self.look(node)

    def stands_alone(self, event: StandsAlone) -> None:
        """The task is to run, and others wait for its end."""
        node = self._course.nodes[event.task]
        if node.phase != "behind":
            return
        node.phase, node.behind, node.waits = "idle", None, None
        if node.is_held:
            self._course.rest_held(node)
        else:
            self._course.move(node, "pending")
            self._slots.queue(node)

    def stands_behind(self, event: StandsBehind) -> None:
        """Another comes first."""
        node = self._course.nodes[event.task]
        if node.phase != "behind":
            return
        twin = (event.run, event.twin)
        if node.behind != twin:
            node.behind = twin
            node.waits = Reason("twin", self._told(*twin)).to_json()
            self._course.moved[node] = True
        self._course.effects.append(SetTimer(f"twin:{node.spec.name}", self._course.at + PATIENCE))

    def ended(self, event: TwinEnded) -> None:
        """What became of the other becomes of the task."""
        node = self._course.nodes[event.task]
        if node.phase != "behind":
            return
        node.phase = "idle"
        told = self._told(event.run, event.twin)
        if event.error is None:
            node.reason, node.error = Reason("deduped", told).to_json(), None
            self._course.move(node, "skipped")
        else:
            message = f"{told} has failed: {event.error.get('message', '')}"
            node.error = {**event.error, "message": message, "reason": "deduped", "query_offset": None}
            self._course.move(node, "failure")

    def _told(self, run: str, task: str) -> str:
        return f'the equal task "{task}"' + ("" if run == self._course.run else f" of run {run}")
