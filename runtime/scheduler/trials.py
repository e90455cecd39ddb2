"""How attempts go on: they start, beat, end, are published, and are tried again or not."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Literal

from trc.runtime.scheduler.budget import out_of_budget
from trc.runtime.scheduler.commands import Discard, Publish, SetTimer, TellService
from trc.runtime.scheduler.course import Course
from trc.runtime.scheduler.events import (
    AttemptEnded,
    AttemptLost,
    AttemptStarted,
    Heartbeat,
    Published,
    PublishFailed,
)
from trc.runtime.scheduler.failures import (
    failure_facts,
    fell_silent,
    given_up,
    of_unknown_outcome,
    ran_too_long,
    was_canceled,
    was_late,
    was_lost,
    was_stopped,
)
from trc.runtime.scheduler.gathering import Gathering
from trc.runtime.scheduler.node import Node
from trc.runtime.scheduler.retry import NOT_ITS_FAULT, delay, is_unknown, may_repeat, may_retry
from trc.runtime.scheduler.slots import Slots
from trc.runtime.taskside.result import AttemptResult, Failure


class Trials:
    """`retries` says how many of the run's budget are used up."""

    def __init__(self, course: Course, slots: Slots, gathering: Gathering, random: Random, retries: int) -> None:
        self._course = course
        self._slots = slots
        self._gathering = gathering
        self._random = random
        self._retries = retries

    # What is heard of them

    def attempt_started(self, event: AttemptStarted) -> None:
        """Its own code has begun."""
        node = self._slots.live.get(event.token)
        if node is None or node.state != "claimed":
            return
        node.started_at = event.at
        self._course.move(node, "running", durable=False)
        self._course.note(node, "running")
        if node.phase == "live":
            self._course.effects.append(SetTimer(f"timeout:{event.token}", event.at + node.spec.timeout))
            self._await_heartbeat(node, event.token)

    def heartbeat(self, event: Heartbeat) -> None:
        """It is alive."""
        node = self._slots.live.get(event.token)
        if node is not None and node.phase == "live" and node.state == "running":
            self._await_heartbeat(node, event.token)

    def _await_heartbeat(self, node: Node, token: str) -> None:
        if node.spec.heartbeat_timeout is not None:
            self._course.effects.append(SetTimer(f"heartbeat:{token}", self._course.at + node.spec.heartbeat_timeout))

    def out_of_time(self, token: str, kind: str) -> None:
        """It has reached the limit of that kind, `timeout` or `heartbeat`."""
        node = self._slots.live.get(token)
        if node is not None and node.phase == "live":
            spec = node.spec
            node.limit = ran_too_long(spec.timeout) if kind == "timeout" else fell_silent(spec.heartbeat_timeout or 0)
            self._slots.stop(node, token)

    def attempt_ended(self, event: AttemptEnded) -> None:
        """In success or failure: what it made is published, or it is tried again or not."""
        result = event.result
        node = self._slots.live.get(event.token)
        if node is None:
            self._discard_stale(event)
            return
        was_stopping = node.phase == "stopping"
        self._slots.free(node, event.token)
        if node.spec.breaker is not None:
            self._tell_service(node, event.token, (node.limit or result.failure) if was_stopping else result.failure)
        # A short attempt's end may be the first that is heard of it.
        node.started_at = node.started_at or result.started_at or None
        if was_stopping:
            because = was_canceled if node.is_canceled else was_stopped
            self._failed(node, node.limit or result.failure or because(), result)
        elif result.failure is not None:
            self._failed(node, result.failure, result)
        else:
            node.phase = "publishing"
            node.result = result
            self._course.effects.append(Publish(node.spec.name, event.token))

    def _discard_stale(self, event: AttemptEnded) -> None:
        node = self._course.nodes[event.task]
        is_published = node.state == "success" or node.has_listed
        is_taken = node.token == event.token and (node.phase == "publishing" or is_published)
        if event.result.failure is None and not is_taken:
            self._course.effects.append(Discard(event.task, event.token))

    def attempt_lost(self, event: AttemptLost) -> None:
        """Nobody knows how it ended, through no fault of its own."""
        node = self._slots.live.get(event.token)
        if node is not None:
            self._slots.free(node, event.token)
            failure = node.limit or was_lost(event.why)
            if node.spec.breaker is not None:
                self._tell_service(node, event.token, failure)
            self._failed(node, failure, None)

    def _tell_service(self, node: Node, token: str, failure: Failure | None) -> None:
        """What a failure that may pass says of the service that the task needs. Of a mistake in the task, it says nothing."""
        found: Literal["up", "down", "unknown"] = "up"
        if failure is not None:
            may_pass = failure.kind == "temporary" and failure.reason not in NOT_ITS_FAULT
            found = "down" if may_pass or failure.reason == "timeout" else "unknown"
        self._course.effects.append(TellService(node.spec.name, token, found))

    def published(self, event: Published) -> None:
        """What it made is to be seen: the task has succeeded, or knows its items."""
        course = self._course
        node = course.nodes[event.task]
        if node.phase == "publishing" and node.token == event.token:
            node.phase = "idle"
            node.error = None
            ended_at = (node.result and node.result.ended_at) or course.at
            course.note(node, "success", node.result, ended_at)
            if event.becomes_others:
                node.result, node.has_listed = None, True
                if course.is_canceling:
                    course.call_off(node)
                    return
                if node.state == "claimed":
                    course.move(node, "running")
                self._gathering.ask_for_items(node)
                return
            course.move(node, "success")
            # Others may have been published before it: that is no part of how long it took.
            node.ended_at = ended_at
            node.result = None

    def publish_failed(self, event: PublishFailed) -> None:
        """What it made is not to be seen."""
        node = self._course.nodes[event.task]
        if node.phase == "publishing" and node.token == event.token:
            node.phase = "idle"
            result, node.result = node.result, None
            self._failed(node, event.failure, result)

    # Whether a task is tried again

    def _failed(self, node: Node, failure: Failure, result: AttemptResult | None) -> None:
        """The attempt is over, its slot is free, and nothing of it is published."""
        course = self._course
        assert node.token is not None
        course.effects.append(Discard(node.spec.name, node.token))
        if result is None or result.failure != failure:
            result = replace(result or self._unheard(node, node.token), failure=failure)
        if course.is_overdue:
            course.note(node, "failure", result)
            course.fail(node, of_unknown_outcome(failure) if is_unknown(node.spec, failure) else failure)
        elif course.is_canceling or node.is_canceled:
            course.note(node, "canceled", result)
            course.call_off(node)
        elif node.is_late:
            course.note(node, "failure", result)
            late = was_late((node.group or node).spec.deadline or 0.0)
            course.fail(node, of_unknown_outcome(late) if is_unknown(node.spec, failure) else late)
        elif failure.reason in NOT_ITS_FAULT and failure.kind != "permanent":
            course.note(node, "lost" if failure.reason == "lost" else "failure", result)
            node.lost += 1
            if may_repeat(node.spec, failure.reason, node.lost):
                self._repeat(node, failure, 0.0)
            else:
                course.fail(node, given_up(failure, node.spec, node.lost))
        else:
            course.note(node, "failure", result)
            self._retry(node, failure)

    def _retry(self, node: Node, failure: Failure) -> None:
        budget = self._course.limits.retries
        counted = node.attempt - node.lost - node.before
        if not may_retry(node.spec, counted, failure):
            self._course.fail(node, of_unknown_outcome(failure) if is_unknown(node.spec, failure) else failure)
        elif budget is not None and self._retries >= budget:
            self._course.fail(node, out_of_budget(failure, budget))
        else:
            self._retries += 1
            self._repeat(node, failure, delay(node.spec.retry, counted, self._random))

    def _unheard(self, node: Node, token: str) -> AttemptResult:
        return AttemptResult(token, started_at=node.started_at or node.claimed_at, ended_at=self._course.at)

    def _repeat(self, node: Node, failure: Failure, after: float) -> None:
        node.error = failure_facts(failure)
        # From here on nobody may publish under the old attempt's name.
        node.token = None
        if after > 0:
            node.phase = "resting"
            self._course.effects.append(SetTimer(f"retry:{node.spec.name}", self._course.at + after))
        self._course.move(node, "pending")
        if node.is_held:
            self._course.rest_held(node)
        elif node.phase != "resting":
            self._slots.queue(node)

    def rested(self, node: Node) -> None:
        """The time of its retry has come."""
        if node.phase == "resting":
            node.phase = "idle"
            if not node.is_held:
                self._slots.queue(node)
