"""What a task waits for: its needs, whose end reaches all below them, and then the decision whether it runs."""

from __future__ import annotations

from collections.abc import Mapping

from trc.runtime.plan import PlannedTask
from trc.runtime.reasons import Reason
from trc.runtime.scheduler.course import Course
from trc.runtime.scheduler.events import DecidedFailure, DecidedOmit, DecidedRun, DecidedSkip
from trc.runtime.scheduler.gathering import Gathering
from trc.runtime.scheduler.node import Node
from trc.runtime.scheduler.slots import Slots
from trc.runtime.scheduler.twins import Twins


class Needs:
    """`planned` holds what the plan says of each task, items of repeated ones aside."""

    def __init__(
        self, course: Course, slots: Slots, twins: Twins, gathering: Gathering, planned: Mapping[str, PlannedTask]
    ) -> None:
        self._course = course
        self._slots = slots
        self._twins = twins
        self._gathering = gathering
        self._planned = planned

    def tell_dependants(self) -> None:
        """Lets each end that is news reach all below it, without recursion: chains are long."""
        settled = self._course.settled
        while settled:
            node = settled.pop()
            if node.group is not None:
                self._gathering.item_ended(node.group)
            for dependant, verdicts in node.dependants:
                if dependant.state != "waiting":
                    continue
                verdict = verdicts[node.state]
                if verdict == "block":
                    self._course.block(dependant, node.blocked_by or node.spec.name)
                    continue
                if verdict == "omit":
                    dependant.omitted_by = node.omitted_by or node.spec.name
                dependant.unmet -= 1
                if not dependant.unmet:
                    self.end_wait(dependant)

    def end_wait(self, node: Node) -> None:
        """The last of the task's needs is satisfied."""
        # Only now: had a need failed meanwhile, that would be the answer, whichever came first.
        if node.omitted_by is not None:
            node.reason = Reason("upstream_omitted", node.omitted_by).to_json()
            self._course.move(node, "omitted")
        elif node.is_held:
            self._course.rest_held(node)
        elif self._is_settled(node):
            self._course.move(node, "pending", durable=False)
            self._slots.queue(node)
        else:
            self._course.asked.append(node)

    def _is_settled(self, node: Node) -> bool:
        """Whether the plan has decided it a moment ago, with all that it reads in place, and need not decide again."""
        if node.spec.twins:
            return False
        planned = self._planned[node.spec.name]
        return planned.action == "run" and planned.key is not None

    # What was decided

    def decided_run(self, event: DecidedRun) -> None:
        """The task is to run."""
        node = self._course.nodes[event.task]
        if node.awaits_decision:
            node.reason, node.succeeded = event.reason.to_json(), None
            if node.is_held:
                self._course.rest_held(node)
                return
            if node.spec.twins:
                self._twins.look(node)
                return
            # Nothing is lost with it: who resumes the run decides again.
            self._course.move(node, "pending", durable=False)
            self._slots.queue(node)

    def decided_skip(self, event: DecidedSkip) -> None:
        """The task is up to date."""
        node = self._course.nodes[event.task]
        if not node.awaits_decision:
            return
        if node.succeeded is not None:
            self._course.keep(node, node.succeeded)
            return
        node.reason = event.reason.to_json()
        self._course.move(node, "skipped")

    def decided_omit(self, event: DecidedOmit) -> None:
        """The task's condition is false."""
        node = self._course.nodes[event.task]
        if node.awaits_decision:
            node.reason, node.succeeded = event.reason.to_json(), None
            self._course.move(node, "omitted")

    def decided_failure(self, event: DecidedFailure) -> None:
        """Nobody could tell."""
        node = self._course.nodes[event.task]
        if node.awaits_decision:
            self._course.fail(node, event.failure)
