"""The state machine of a run: `handle(event) -> commands`, without a clock, a disk or a wait.

What its parts share is the `Course`. `Needs` lets a task wait for others, `Slots` chooses who begins an attempt,
`Trials` says what follows from one, `Twins` who waits for an equal task, `Dues` who has to be done by when, `Gathering` has items of repeated tasks, `Meddling` what people ask of one task.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from types import MappingProxyType
from typing import assert_never

from trc.runtime.plan import PlannedTask
from trc.runtime.scheduler.budget import NO_LIMITS, Limits, retries_made
from trc.runtime.scheduler.commands import Command, Discard, DropTimer, Finish, SetTimer
from trc.runtime.scheduler.course import Course
from trc.runtime.scheduler.dues import Dues
from trc.runtime.scheduler.events import (
    AttemptEnded,
    AttemptLost,
    AttemptQueued,
    AttemptStarted,
    CancelRequested,
    DecidedFailure,
    DecidedItems,
    DecidedOmit,
    DecidedRun,
    DecidedSkip,
    Event,
    Expanded,
    ExpandFailed,
    Heartbeat,
    Opened,
    PauseRequested,
    Published,
    PublishFailed,
    ResumeRequested,
    RoomFull,
    RoomTaken,
    ServiceDown,
    SlotsChanged,
    StandsAlone,
    StandsBehind,
    TaskCancelRequested,
    TaskPauseRequested,
    TaskResumeRequested,
    TimerFired,
    TwinEnded,
)
from trc.runtime.scheduler.failures import was_overdue
from trc.runtime.scheduler.gathering import Gathering
from trc.runtime.scheduler.graph import build
from trc.runtime.scheduler.meddling import Meddling
from trc.runtime.scheduler.needs import Needs
from trc.runtime.scheduler.slots import Slots
from trc.runtime.scheduler.state import FINAL, run_state
from trc.runtime.scheduler.trials import Trials
from trc.runtime.scheduler.twins import Twins
from trc.runtime.spec import TaskSpec
from trc.runtime.store.journal import AttemptRecord, RunState, TaskRecord


class Machine:
    """One run. The first event is `Opened`; the last command is `Finish`, given once.

    `slots` bounds the attempts between their `Start` and their end, until `SlotsChanged` says otherwise; those of
    asynchronous tasks have `async_slots` of their own, if there are any.
    `token(task, attempt)` names a new attempt and never repeats itself. `resumed` is what the journal holds
    of the run's tasks if its driver died, `attempts` of their attempts.

    A call's commands come in an order in which they can be performed: first what is to be recorded,
    each task once, as it stands at the end of the call; then what depends on that.
    """

    def __init__(
        self,
        run: str,
        tasks: Sequence[TaskSpec],
        planned: Mapping[str, PlannedTask],
        slots: int,
        random: Random,
        *,
        token: Callable[[str, int], str],
        resumed: Sequence[TaskRecord] = (),
        attempts: Sequence[AttemptRecord] = (),
        async_slots: int = 0,
        limits: Limits = NO_LIMITS,
    ) -> None:
        assert slots >= 1, "a run needs a slot"
        self._planned = planned
        self._opened = False
        self._state: RunState = "running"
        self._course = Course(run, build(run, tasks, planned, resumed, attempts), limits)
        self._slots = Slots(self._course, slots, async_slots, token)
        self._gathering = Gathering(self._course, resumed, attempts)
        self._twins = Twins(self._course, self._slots)
        self._dues = Dues(self._course, self._slots)
        self._needs = Needs(self._course, self._slots, self._twins, self._gathering, planned)
        made = 0 if limits.retries is None else retries_made(resumed, limits.began_at)
        self._trials = Trials(self._course, self._slots, self._gathering, random, made)
        self._meddling = Meddling(self._course, self._slots, self._needs)

    @property
    def records(self) -> Mapping[str, TaskRecord]:
        """Every task as it stands, by name."""
        return MappingProxyType(self._course.records)

    @property
    def done(self) -> bool:
        """Whether the run is finished."""
        return self._state != "running"

    @property
    def state(self) -> RunState:
        """`running` until `Finish`."""
        return self._state

    def handle(self, event: Event) -> list[Command]:
        """What is to be done, in order, because of this event. An event that is out of date asks for nothing."""
        assert self._opened or isinstance(event, Opened), "a run begins with Opened"
        self._course.at = event.at
        self._take_in(event)
        if self._course.settled:
            self._needs.tell_dependants()
        self._slots.fill()
        commands = self._course.commands()
        if not self._course.unfinished and not self.done:
            commands += self._finish()
        return commands

    def _take_in(self, event: Event) -> None:
        match event:
            case AttemptQueued():
                self._slots.still_queued(event)
            case AttemptStarted():
                self._trials.attempt_started(event)
            case AttemptEnded():
                self._trials.attempt_ended(event)
            case Published():
                self._trials.published(event)
            case DecidedRun():
                self._needs.decided_run(event)
            case DecidedSkip():
                self._needs.decided_skip(event)
            case DecidedFailure():
                self._needs.decided_failure(event)
            case DecidedOmit():
                self._needs.decided_omit(event)
            case Heartbeat():
                self._trials.heartbeat(event)
            case TimerFired():
                self._timer_fired(event.timer)
            case AttemptLost():
                self._trials.attempt_lost(event)
            case PublishFailed():
                self._trials.publish_failed(event)
            case DecidedItems():
                self._gathering.decided_items(event)
            case Expanded():
                self._gathering.expanded(event)
            case ExpandFailed():
                self._gathering.expand_failed(event)
            case RoomTaken():
                self._slots.room_taken(event)
            case RoomFull():
                self._slots.room_full(event)
            case ServiceDown():
                self._slots.service_down(event)
            case StandsAlone():
                self._twins.stands_alone(event)
            case StandsBehind():
                self._twins.stands_behind(event)
            case TwinEnded():
                self._twins.ended(event)
            case Opened():
                self._open()
            case CancelRequested():
                self._cancel()
            case PauseRequested():
                self._course.is_paused = True
            case ResumeRequested():
                self._course.is_paused = False
            case TaskPauseRequested():
                self._meddling.hold(event.task)
            case TaskResumeRequested():
                self._meddling.let_go(event.task)
            case TaskCancelRequested():
                self._meddling.cancel(event.task)
            case SlotsChanged():
                assert event.slots >= 1, "a run needs a slot"
                self._slots.limit = event.slots
            case _:
                assert_never(event)

    def _timer_fired(self, timer: str) -> None:
        kind, _, subject = timer.partition(":")
        match kind:
            case "retry":
                self._trials.rested(self._course.nodes[subject])
            case "deadline":
                self._end_overdue()
            case "due":
                self._dues.end(self._course.nodes[subject])
            case "twin":
                self._twins.look_again(self._course.nodes[subject])
            case "start":
                self._slots.end_unstarted()
            case "room":
                self._slots.look_for_room(tuple(subject.split(" ")))
            case _:
                self._trials.out_of_time(subject, kind)

    # The run as a whole

    def _open(self) -> None:
        assert not self._opened, "a run opens once"
        self._opened = True
        course = self._course
        self._gathering.give_up_left()
        for node in course.nodes.values():
            if node.kept:
                course.keep(node, node.kept)
                continue
            # All tasks are recorded as the run opens, so that who looks sees the whole of it.
            course.moved[node] = True
            action = self._planned[node.spec.name].action
            if action in ("skip", "omit"):
                course.move(node, "skipped" if action == "skip" else "omitted")
            if node.interrupted:
                course.note_lost(node, node.interrupted)
                course.effects.append(Discard(node.spec.name, node.interrupted.token))
                course.count_lost(node)
            if node.spec.deadline is not None and node.state not in FINAL:
                self._dues.watch(node)
            if node.state == "waiting" and not node.unmet:
                self._needs.end_wait(node)
        deadline = course.limits.deadline
        if deadline is not None and deadline <= course.at:
            self._end_overdue()
        elif deadline is not None:
            course.effects.append(SetTimer("deadline", deadline))

    def _end_overdue(self) -> None:
        """As a cancel, but what runs has failed for it, and so has the run."""
        if self._course.is_canceling or self.done:
            return
        self._course.is_overdue = True
        for node in self._slots.live.values():
            node.limit = node.limit or was_overdue()
        self._cancel()

    def _cancel(self) -> None:
        course = self._course
        if course.is_canceling or self.done:
            return
        course.is_canceling = True
        self._slots.clear()
        for node in course.nodes.values():
            if node.phase == "live" and node.token is not None:
                self._slots.stop(node, node.token)
            elif node.state in ("waiting", "pending", "paused") and node.phase != "gathering":
                if node.succeeded is not None and node.state == "waiting":
                    course.keep(node, node.succeeded)
                else:
                    course.call_off(node)

    def _finish(self) -> list[Command]:
        course = self._course
        commands = self._gathering.call_off_left()
        state = run_state(node.state for node in course.nodes.values())
        self._state = "failure" if course.is_overdue and state == "canceled" else state
        if course.limits.deadline is not None and not course.is_overdue:
            commands.append(DropTimer("deadline"))
        if self._slots.watches_starts:
            commands.append(DropTimer("start"))
        commands.append(Finish(self._state))
        return commands
