"""Whole runs in worlds made from a seed: failures, losses, limits, cancels and dying drivers, in virtual time.

After every event the world checks what must always hold; at the end it says, by a rule of its own, how
each task must have ended.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import count
from random import Random

import pytest

from trc.runtime.plan import Action, PlannedTask
from trc.runtime.reasons import Reason
from trc.runtime.scheduler.budget import Limits
from trc.runtime.scheduler.commands import (
    Command,
    Decide,
    Discard,
    DropTimer,
    Expand,
    FindTwin,
    Finish,
    FreeRoom,
    Gather,
    LeaveLine,
    Publish,
    Record,
    SetTimer,
    Start,
    Stop,
    TakeRoom,
    TellService,
)
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
from trc.runtime.scheduler.machine import Machine
from trc.runtime.scheduler.retry import MAX_LOST, MAX_UNSTARTED, NOT_ITS_FAULT
from trc.runtime.scheduler.state import FINAL, MOVES
from trc.runtime.spec import (
    BreakerSpec,
    EachSpec,
    ItemSpec,
    NeedSpec,
    ReadSpec,
    RetrySpec,
    RuleSpec,
    SkipSpec,
    TaskSpec,
    TwinSpec,
)
from trc.runtime.store.journal import AttemptRecord, RunState, TaskRecord, TaskState
from trc.runtime.taskside.result import AttemptResult, Failure

RUN = "run"
ACTIONS: tuple[Action, ...] = ("run", "maybe", "skip", "blocked", "omit")
GOOD = {"success", "skipped"}
BAD = {"failure", "upstream_failed", "canceled"}
NORMAL_SEEDS, LONG_SEEDS, BLOCK = 1_000, 10_000, 100


@dataclass(frozen=True)
class Odds:
    """How often things go wrong in one world."""

    fails: float
    loses: float
    hangs: float
    publish_fails: float
    undecidable: float
    omits: float
    submits: float
    deaths: int
    cancels: bool


class Died(Exception):  # noqa: N818 - what the world does to a driver
    """The driver is gone, between two of its commands."""


class World:
    def __init__(self, seed: int) -> None:
        self.random = random = Random(seed)
        self.odds = _odds(random)
        self.written = {task.name: task for task in _tasks(random)}
        # To list the items of a task is no work that others stand for, or that needs a service.
        self.tasks = [replace(one, twins=(), breaker=None) if one.each else one for one in self.written.values()]
        self.specs = {task.name: task for task in self.tasks}
        self.slots = self.allowed = random.choice([1, 1, 2, 3, 5])
        self.slots_change = random.random() < 0.3
        self.meddles = random.random() < 0.3
        """Whether somebody pauses, resumes and cancels tasks by themselves."""
        self.called_off: set[str] = set()
        self.crowded = random.choice([0.0, 0.3, 0.8])
        """How often others take all room."""
        self.others = random.choice([0.0, 0.3, 0.8])
        """How often a task of another run comes before one that is equal."""
        self.down = random.choice([0.0, 0.3, 0.8])
        """How often the service is down."""
        self.leaders: set[str] = set()
        """Tasks of this run that stand for others."""
        self.planned = {task.name: self._planned(task.name) for task in self.tasks}
        self.limits = Limits(
            random.choice([None, None, None, 0, 1, 4]),
            random.choice([None, None, None, random.uniform(1, 60)]),
            start=random.choice([600.0, 0.7, 10.0]),
        )

        self.now = 0.0
        self.order = count()
        self.events: list[tuple[float, int, Event]] = []
        self.trace: list[str] = []
        self.deaths = self.odds.deaths

        # What outlives a driver.
        self.journal: dict[str, TaskRecord] = {}
        self.attempts: dict[str, AttemptRecord] = {}
        self.tokens: set[str] = set()
        self.listed: set[str] = set()
        """Attempts that have listed the items of a task."""
        self.succeeded: set[str] = set()
        self.restarted = Counter[str]()
        self.submitted: set[str] = set()
        self.becoming: dict[str, int] = {}
        """By token, how many sub-tasks an attempt has submitted: they come to be with its success."""
        """Tasks whose recorded success has submitted others."""
        self.counts = {task.name: random.choice([0, 1, 2, 5]) for task in self.tasks if task.each is not None}
        self.retries = Counter[str]()
        """How many each task has made since it began, or began anew."""
        if self.tasks and random.random() < 0.1:
            self._omit_one()

        self._boot()

    def _planned(self, name: str) -> PlannedTask:
        (action,) = self.random.choices(ACTIONS, [68, 20, 8, 2, 2])
        return PlannedTask(name, action, Reason("first"))

    def _omit_one(self) -> None:
        name = self.random.choice(self.tasks).name
        self.journal[name] = TaskRecord(RUN, name, "omitted")
        self.planned[name] = PlannedTask(name, "skip", Reason("kept"))

    def _foresee_keys(self) -> None:
        """A plan knows the key of a task that runs if all that goes before it is up to date."""
        for task in self.tasks:
            planned = self.planned[task.name]
            is_settled = all(self.planned[need.task].action == "skip" for need in task.needs)
            key = "key" if planned.action == "run" and is_settled and self.random.random() < 0.7 else None
            self.planned[task.name] = replace(planned, key=key)

    # A driver's life

    def _boot(self) -> None:
        self.specs = {task.name: task for task in self.tasks}
        self.items: dict[str, tuple[str, ...]] = {}
        self.closes: dict[str, bool] = getattr(self, "closes", {})
        """Whether something decides about all items of a task together, once they have succeeded: the same in all lives."""
        self.gathered: set[str] = set()
        for name, record in self.journal.items():
            if record.state in {"success", "skipped"} and name in self.specs:
                action = self.random.choice(ACTIONS) if record.state == "success" else "skip"
                self.planned[name] = PlannedTask(name, action, Reason("kept"))
            has_listed = record.state == "running" and record.token in self.listed
            self.restarted[name] += record.state in (FINAL - GOOD if name in self.specs else FINAL) or has_listed
            if record.state in FINAL - GOOD or has_listed:
                self.retries[name] = 0
        self._foresee_keys()
        self.events.clear()
        self.failed_at: dict[str, float] = {}
        self.failing: set[str] = set()
        self.cannot: set[str] = set()
        self.omitted = {name for name, record in self.journal.items() if record.state == "omitted"}
        """Tasks whose conditions are false: they are so again when they are decided again."""
        self.timers: dict[str, float] = {}
        self.live: dict[str, str] = {}
        self.staged: dict[str, str] = {}
        self.asked: set[str] = set()
        self.failed_twins: set[str] = set()
        self.queued_at: dict[str, float] = {}
        self.leaders.clear()
        self.stopped: set[str] = set()
        self.publishing: set[str] = set()
        self.canceled = self.overdue = False
        self.finished: RunState | None = None
        self.machine = Machine(
            RUN,
            self.tasks,
            self.planned,
            self.slots,
            Random(self.random.random()),
            token=lambda task, attempt: f"{task}.{attempt}",
            resumed=tuple(self.journal.values()),
            attempts=tuple(self.attempts.values()),
            limits=self.limits,
        )
        self.seen = dict(self.machine.records)
        self.room: dict[str, tuple[str, ...]] = {}
        """By token, the groups in which an attempt takes a place."""
        self.lines: set[tuple[str, ...]] = set()
        self.answered_at = 0.0
        self.wanted: set[str] = set()
        """Tasks that have asked for room and were not answered."""
        self.seeking: set[str] = set()
        """Tasks that have asked for an equal one and were not answered."""
        self.alone: set[str] = set()
        """Tasks that were told that nobody is equal."""
        self.untold: set[str] = set()
        """Attempts of which nobody has said how they found their service."""
        self.interrupted = {record.token for record in self.attempts.values() if record.state in {"claimed", "running"}}
        self._later(0.0, Opened(self.now))
        if self.slots_change:
            self._later(self.random.uniform(0, 5), SlotsChanged(0.0, 1))
        self.held: set[str] = set()
        for name in [task.name for task in self.tasks] if self.meddles else ():
            if self.random.random() < 0.3:
                after = self.random.uniform(0.0, 20.0)
                self._later(after, TaskPauseRequested(0.0, name))
                self._later(after + self.random.uniform(0.1, 20.0), TaskResumeRequested(0.0, name))
            if self.random.random() < 0.05:
                self._later(self.random.uniform(0.0, 20.0), TaskCancelRequested(0.0, name))
        self.paused = False
        if self.random.random() < 0.2:
            after = self.random.uniform(0.1, 20.0)
            self._later(after, PauseRequested(0.0))
            self._later(after + self.random.uniform(0.1, 20.0), ResumeRequested(0.0))
        if self.odds.cancels and self.random.random() < 0.7:
            self._later(self.random.uniform(0.1, 40.0), CancelRequested(0.0))

    def run(self) -> None:
        for _ in range(100_000):
            if self.finished:
                break
            assert self.events, "nothing more will happen, and the run is not finished"
            self._step()
        assert self.finished, "the run does not come to an end"
        self._check_end()
        # What comes late changes nothing any more.
        while self.events:
            event = self._next()
            for command in self.machine.handle(event) if event else ():
                match command:
                    case Discard():
                        self.staged.pop(command.token)
                    case FreeRoom():
                        del self.room[command.token]
                    case LeaveLine():
                        self.lines.discard(command.groups)
                    case TellService():
                        self.untold.remove(command.token)
                    case _:
                        assert isinstance(command, DropTimer)
        assert not self.room, "room is kept after the end"
        assert not self.untold, "nobody says how an attempt found its service"
        assert not self.lines, "the run keeps others from room after its end"
        assert not self.staged, "what a late attempt staged is not discarded"

    def _step(self) -> None:
        event = self._next()
        if event is None:
            return
        self.trace.append(f"{self.now:7.2f} {_brief(event)}")
        if isinstance(event, CancelRequested):
            self.canceled = not self.overdue
        if event == TimerFired(self.now, "deadline") or (isinstance(event, Opened) and self._is_late()):
            self.overdue = not self.canceled
        if isinstance(event, PauseRequested | ResumeRequested):
            self.paused = isinstance(event, PauseRequested)
        if isinstance(event, AttemptQueued) and event.token in self.live:
            self.queued_at[event.token] = self.now
        if isinstance(event, TaskPauseRequested):
            self.held.add(event.task)
        if isinstance(event, TaskResumeRequested):
            self.held.discard(event.task)
        if isinstance(event, TaskCancelRequested):
            self.called_off |= {task for task in self.specs if task == event.task or task.startswith(f"{event.task}[")}
        if isinstance(event, SlotsChanged):
            self.slots = event.slots
            self.allowed = max(event.slots, len(self.live) + len(self.wanted))
        if isinstance(event, PublishFailed):
            self.publishing.discard(event.token)
        if isinstance(event, StandsAlone | StandsBehind | TwinEnded):
            self.seeking.discard(event.task)
            self.alone |= {event.task} if isinstance(event, StandsAlone) else set()
        if isinstance(event, RoomTaken | RoomFull | ServiceDown):
            self.wanted.discard(event.task)
        commands = self.machine.handle(event)
        dies_at = self._death(len(commands))
        try:
            self._perform(commands, event, dies_at)
        except Died:
            self.trace.append("        the driver dies")
            self._boot()
            return
        assert all(token not in self.interrupted for token in self._unended()), "an attempt of a dead driver stays open"
        self._check(event)

    def _is_late(self) -> bool:
        return self.limits.deadline is not None and self.now >= self.limits.deadline

    def _death(self, commands: int) -> int | None:
        if not self.deaths or self.random.random() > 0.05:
            return None
        self.deaths -= 1
        return self.random.randint(0, commands)

    def _next(self) -> Event | None:
        """The next event, in its own time; None if by then nobody would see it."""
        self.now, _, event = heapq.heappop(self.events)
        event = replace(event, at=self.now)
        match event:
            case TimerFired(timer=timer):
                if timer in self.timers and self.timers[timer] <= self.now:
                    del self.timers[timer]
                    return event
                # One that was dropped may still come; one that was set anew comes only then.
                return event if timer not in self.timers and self.random.random() < 0.3 else None
            case AttemptEnded(token=token) | AttemptLost(token=token):
                is_first = self.live.pop(token, None) is not None
                if not is_first and self.random.random() < 0.7:
                    return None
                self._stage(event)
                return event
            case SlotsChanged():
                if not self.finished:
                    self._later(self.random.uniform(1, 20), SlotsChanged(0.0, self.random.choice([1, 2, 3, 5])))
                return event
            case AttemptQueued() | AttemptStarted() | Heartbeat():
                return event if event.token in self.live or self.random.random() < 0.3 else None
            case _:
                return event

    def _stage(self, event: AttemptEnded | AttemptLost) -> None:
        """A success leaves outputs behind, however late it comes."""
        if isinstance(event, AttemptEnded) and event.result.failure is None:
            record = self.journal[event.task]
            if (record.state, record.token) != ("success", event.token) and event.token not in self.listed:
                self.staged[event.token] = event.task

    def _later(self, after: float, event: Event) -> None:
        heapq.heappush(self.events, (self.now + after, next(self.order), event))

    # What the commands do

    def _perform(self, commands: list[Command], event: Event, dies_at: int | None) -> None:
        for index, command in enumerate(commands):
            if index == dies_at:
                raise Died
            assert self.finished is None, "something comes after the end"
            self.trace.append(f"          {_brief(command)}")
            match command:
                case Record():
                    self._record(command, event)
                case Decide(task=task):
                    self._decide(task)
                case FindTwin():
                    self._find_twin(command)
                case TellService():
                    self._tell_service(command, event)
                case TakeRoom():
                    self._take_room(command)
                case FreeRoom(token=token):
                    del self.room[token]
                case LeaveLine(groups=groups):
                    self.lines.discard(groups)
                case Start():
                    self._start(command)
                case Stop(task=task, token=token):
                    self._stop(task, token)
                case Publish(task=task, token=token):
                    self._publish(task, token, event)
                case Expand(task=task):
                    self._expand(task)
                case Gather():
                    self._gather(command)
                case Discard(task=task, token=token):
                    assert self.journal[task].state != "success" or self.journal[task].token != token
                    assert token not in self.publishing, "what is being published is discarded"
                    self.staged.pop(token, None)
                case SetTimer(timer=timer, at=at):
                    assert at >= self.now
                    self.timers[timer] = at
                    heapq.heappush(self.events, (at, next(self.order), TimerFired(0.0, timer)))
                case DropTimer(timer=timer):
                    self.timers.pop(timer, None)
                case Finish(state=state):
                    self.finished = state
        if dies_at == len(commands) and not self.finished:
            raise Died

    def _record(self, command: Record, event: Event) -> None:
        record, attempt = command.task, command.attempt
        if attempt is not None and attempt.state == "success" and attempt.token in self.becoming:
            self.counts.pop(attempt.task, None)
            self.submitted.discard(attempt.task)
            if (submits := self.becoming.pop(attempt.token)) > 0:
                self.counts[attempt.task] = submits
        if record is not None:
            before = self.seen.get(record.task) or TaskRecord(RUN, record.task, "waiting")
            assert record.state in _reachable(before.state), f"{record.task}: {before.state} to {record.state}"
            assert record.attempt >= before.attempt
            assert record.lost >= before.lost
            assert (record.ended_at is not None) == (record.state in FINAL)
            is_repeated = record.task in self.counts
            assert record.token is not None or is_repeated or record.state not in {"claimed", "running", "success"}
            assert record.token is None or record.state not in {"waiting", "pending"}, "an old attempt may publish"
            if record.state == "paused":
                assert record.task.partition("[")[0] in self.held, "nobody has paused it"
            if before.state == "paused" and record.state == "waiting":
                self.asked.discard(record.task)
            self._check_repeat(record)
            self.seen[record.task] = record
            if (
                record.state == "success"
                and not is_repeated
                and before.state != "success"
                and record.task not in self.succeeded
            ):
                assert isinstance(event, Published)
                assert (event.task, event.token) == (record.task, record.token)
                assert command.durable
                self.staged.pop(event.token)
                self.succeeded.add(record.task)
                self.publishing.remove(event.token)
            if is_repeated and record.state == "success":
                self.succeeded.add(record.task)
            assert command.durable or record.state in {"pending", "running"}
        # What need not be durable may have reached the disk all the same.
        if command.durable or self.random.random() < 0.5:
            if record is not None:
                self.journal[record.task] = record
            if command.attempt is not None:
                self.attempts[command.attempt.token] = command.attempt
                if command.attempt.state == "success" and command.attempt.task in self.counts:
                    self.listed.add(command.attempt.token)
                    if not self._is_repeated(command.attempt.task):
                        self.submitted.add(command.attempt.task)
                    self.staged.pop(command.attempt.token)
                    self.publishing.remove(command.attempt.token)
        if command.attempt is not None:
            failure = (command.attempt.result or {}).get("failure") or {"reason": "lost", "kind": "unknown"}
            is_own = failure["reason"] not in NOT_ITS_FAULT or failure["kind"] == "permanent"
            if command.attempt.state == "failure" and is_own:
                self.failed_at[command.attempt.task] = self.now
                self.failing.add(command.attempt.task)
        if record is not None and record.task in self.failing:
            # A failure that is followed at once by an attempt stands in a record of its own, before the task's.
            self.failing.remove(record.task)
            self.retries[record.task] += record.state in {"pending", "claimed", "paused"}
            if self.limits.retries is not None:
                assert sum(self.retries.values()) <= self.limits.retries, "more retries than the run may make"

    def _expand(self, task: str) -> None:
        """In a transaction with what the event tells, in the run loop; here a driver may die in between."""
        assert task in self.counts, "a task that is not repeated is expanded"
        assert task not in self.items, "a task is expanded twice"
        assert not self.canceled
        if self.random.random() < self.odds.undecidable:
            self.cannot.add(task)
            self._later(0.0, ExpandFailed(0.0, task, Failure("cannot begin", "permanent", "items")))
            return
        if self.random.random() < 0.05 and self.specs[task].each is not None:
            self.counts[task] = self.random.choice([0, 1, 3])
        made_of = self.written[task] if self.specs[task].each else replace(self.specs[task], twins=())
        items = tuple(_item(made_of, index) for index in range(self.counts[task]))
        self.items[task] = tuple(item.name for item in items)
        self.specs |= {item.name: item for item in items}
        closing = None
        if self.specs[task].each and self.closes.setdefault(task, self.random.random() < 0.4):
            closing = replace(
                _item(replace(made_of, twins=(), rules=(), breaker=None), 0), name=f"{task}[*]", whole_of=task
            )
            self.specs[closing.name] = closing
        for after in (0.0, *([self.random.random()] if self.random.random() < 0.05 else [])):
            self._later(after, Expanded(0.0, task, items, closing))

    def _gather(self, command: Gather) -> None:
        states = {item: self.machine.records[item].state for item in self.items[command.task]}
        assert set(states.values()) <= GOOD | {"omitted"}, "what is gathered is not all there"
        kept = tuple(item for item in self.items[command.task] if states[item] != "omitted")
        assert command.items == kept, "items are missing, or in another order"
        self.gathered.add(command.task)

    def _check_repeat(self, record: TaskRecord) -> None:
        error = record.error
        if error and record.state in {"pending", "claimed"} and not self.restarted[record.task]:
            is_named = error["reason"] in dict(self.specs[record.task].retry.errors)
            assert error["kind"] != "permanent" or is_named, "a permanent one repeats"

    def _decide(self, task: str) -> None:
        assert task not in self.asked, "a task is decided once"
        was_good = self.specs[task].item is not None and self.machine.records[task].state in GOOD
        assert self.machine.records[task].state == "waiting" or was_good
        assert not self.canceled
        self._assert_needs_met(task)
        self.asked.add(task)
        self.cannot.discard(task)
        after = self.random.choice([0.0, 0.0, self.random.random()])
        answer: Event
        is_item = self.specs[task].item is not None
        if was_good:
            answer = DecidedSkip(0.0, task, Reason("kept"))
        elif (not is_item and self.planned[task].action == "blocked") or self.random.random() < self.odds.undecidable:
            answer = DecidedFailure(0.0, task, Failure("cannot begin", reason="output_missing"))
            self.cannot.add(task)
        elif task in self.submitted:
            answer = DecidedItems(0.0, task, Reason("subtasks_run"))
        elif task in self.omitted or (not self.specs[task].whole_of and self.random.random() < self.odds.omits):
            answer = DecidedOmit(0.0, task, Reason("omitted"))
            self.omitted.add(task)
        elif self._is_repeated(task) and (self.specs[task].each == LISTED or self.random.random() < 0.3):
            answer = DecidedItems(0.0, task, Reason("items"))
        elif self.random.random() < 0.08 and not self._is_repeated(task):
            answer = DecidedSkip(0.0, task, Reason("up_to_date"))
        else:
            answer = DecidedRun(0.0, task, Reason("first"))
        self._later(after, answer)
        if self.random.random() < 0.02:
            self._later(after + self.random.random(), answer)

    def _is_repeated(self, task: str) -> bool:
        return self.specs[task].each is not None

    def _find_twin(self, command: FindTwin) -> None:
        """What the store would say: who comes first, of this run or of others, whose drivers may die."""
        task = command.task
        assert self.specs[task].twins, "nobody is equal to it"
        assert task not in self.seeking, "it is asked twice"
        assert not self.canceled
        self._assert_needs_met(task)
        self.seeking.add(task)
        after = self.random.choice([0.0, 0.0, self.random.uniform(0, 0.2)])
        self._later(after, self._twin_found(task, command.behind))

    def _twin_found(self, task: str, behind: tuple[str, str] | None) -> Event:
        records = self.machine.records
        run, twin = behind or ("", "")
        if run == RUN and records[twin].state in GOOD:
            return TwinEnded(0.0, task, run, twin)
        if (run == RUN and records[twin].state == "failure") or (run and run != RUN and self.random.random() < 0.1):
            self.failed_twins.add(task)
            return TwinEnded(0.0, task, run, twin, {"message": "it went wrong", "kind": "unknown", "reason": "exit"})
        if run and run != RUN and self.random.random() < 0.3:
            return StandsBehind(0.0, task, run, twin)
        if run and run != RUN and self.random.random() < 0.6:
            return TwinEnded(0.0, task, run, twin)
        equal = [one for one in sorted(self.leaders - {task}) if self.specs[one].twins == self.specs[task].twins]
        for leader in equal:
            record = records[leader]
            if record.state not in FINAL and (record.state != "paused" or record.attempt):
                self.leaders.discard(task)
                return StandsBehind(0.0, task, RUN, leader)
        if self.random.random() < self.others:
            self.leaders.discard(task)
            return StandsBehind(0.0, task, "other", "x")
        self.leaders.add(task)
        return StandsAlone(0.0, task)

    def _tell_service(self, command: TellService, event: Event) -> None:
        """Each attempt that was let through says once how it found the service, or that it cannot say."""
        self.untold.remove(command.token)
        failure = event.result.failure if isinstance(event, AttemptEnded) else None
        if command.found == "up":
            assert isinstance(event, AttemptEnded)
            assert failure is None or command.token in self.stopped
        if command.found == "down":
            assert isinstance(event, AttemptEnded | AttemptLost)
            may_pass = failure is not None and failure.kind == "temporary" and failure.reason not in NOT_ITS_FAULT
            assert may_pass or command.token in self.stopped, "a service is called down for nothing"

    def _take_room(self, command: TakeRoom) -> None:
        """Others may take all that there is, too; what this run takes itself is for the machine to know."""
        task, rules = command.task, self.specs[command.task].rules
        assert command.claims == {rule.group: rule.max for rule in rules}
        assert task not in self.wanted, "room is asked for twice"
        assert len(self.live) + len(self.wanted) < self.slots, "room is asked for without a slot"
        self.wanted.add(task)
        groups = tuple(rule.group for rule in rules)
        assert command.breaker == self.specs[task].breaker
        # Answers come in the order of the questions.
        self.answered_at = max(self.answered_at, self.now + self.random.choice([0.0, 0.0, self.random.uniform(0, 0.2)]))
        after = self.answered_at - self.now
        if command.breaker is not None and self.random.random() < self.down:
            until = self.now + self.random.choice([0.0, 1.0, 8.0, 1e9])
            self._later(after, ServiceDown(0.0, task, command.token, until))
            return
        if groups and self.random.random() < self.crowded:
            self.lines.add(groups)
            self._later(after, RoomFull(0.0, task, command.token, self.random.choice(groups)))
        else:
            self.lines.discard(groups)
            self.room[command.token] = groups
            self.untold |= {command.token} if command.breaker is not None else set()
            self._later(after, RoomTaken(0.0, task, command.token))
        for rule in rules:
            taken = sum(rule.group in places for places in self.room.values())
            assert taken <= rule.max, "more attempts than a rule allows"

    def _start(self, start: Start) -> None:
        task, token = start.task, start.token
        recorded, attempt = self.journal[task], self.attempts[token]
        assert (recorded.state, recorded.attempt, recorded.token) == ("claimed", start.attempt, token)
        assert (attempt.state, attempt.number) == ("claimed", start.attempt)
        assert token not in self.tokens, "a token names two attempts"
        assert task not in self.live.values(), "two attempts of one task"
        assert task not in self.succeeded, "a task that succeeded starts again"
        # Who had asked for room before there were fewer slots goes on.
        assert len(self.live) < (self.allowed if token in self.room else self.slots), "more attempts than slots"
        assert f"retry:{task}" not in self.timers, "a retry does not wait"
        is_planned = task in self.planned and self.planned[task].action == "run" and self.planned[task].key is not None
        assert task in self.asked or is_planned, "it was never decided that the task runs"
        retry, failed_at = self.specs[task].retry, self.failed_at.pop(task, None)
        if failed_at is not None and retry.jitter == "none":
            assert self.now >= failed_at + retry.initial_delay, "a retry comes too soon"
        assert self.specs[task].asks_first == (token in self.room), "an attempt has no room"
        assert task in self.alone or not self.specs[task].twins, "it was never asked who is equal"
        for twins in self.specs[task].twins:
            equal = [one for one in self.live.values() if twins in self.specs[one].twins]
            assert not equal, f"{task} runs beside {equal}, which is equal"
        assert not self._is_due(task), "something begins after its deadline"
        assert not self.canceled
        assert not self.overdue, "something begins after the deadline"
        assert task.partition("[")[0] not in self.held, "a paused task begins"
        assert not self.paused, "something begins in a paused run"
        if not self.specs[task].idempotent:
            ends = {_reason(attempt) for attempt in self.attempts.values() if attempt.task == task}
            assert not ends & {"lost", "timeout", "signal"} - dict(retry.errors).keys(), (
                "a task that is not idempotent repeats what may have happened"
            )
        self._assert_needs_met(task)
        self.tokens.add(token)
        self.live[token] = self.staged[token] = task
        for after, event in self._attempt(self.specs[task], token):
            self._later(after, event)

    def _attempt(self, spec: TaskSpec, token: str) -> Iterator[tuple[float, Event]]:
        """What a new attempt will report, if nothing stops it."""
        random, odds, task = self.random, self.odds, spec.name
        begins, lasts = random.uniform(0, 1), random.uniform(0, 12)
        (fate,) = random.choices(["ok", "fails", "lost", "hangs"], [1, odds.fails, odds.loses, odds.hangs])
        if fate == "lost" and random.random() < 0.3:
            yield begins, AttemptLost(0.0, task, token, "its worker never answered")
            return
        if random.random() < 0.1:
            yield begins / 2, AttemptQueued(0.0, task, token)
        is_heard = random.random() < 0.95
        if is_heard:
            yield begins, AttemptStarted(0.0, task, token)
            if random.random() < 0.05:
                yield begins + random.random(), AttemptStarted(0.0, task, token)
        if spec.heartbeat_timeout and random.random() < 0.8:
            beat = spec.heartbeat_timeout * 0.9
            for number in range(int(lasts / beat) + 1):
                yield begins + number * beat, Heartbeat(0.0, task, token)
        if fate == "ok":
            yield begins + lasts, AttemptEnded(0.0, task, token, AttemptResult(token))
            if random.random() < 0.1:
                yield begins + lasts + random.uniform(0, 3), AttemptEnded(0.0, task, token, AttemptResult(token))
        elif fate == "fails":
            kind = random.choice(["temporary", "permanent", "unknown"])
            reason = random.choice(["error", "error", "exit", "input_moved", "lost"])
            yield begins + lasts, AttemptEnded(0.0, task, token, _failed(token, kind, reason))
        elif fate == "lost":
            yield begins + lasts, AttemptLost(0.0, task, token, "its worker is gone")
            if random.random() < 0.3:
                yield begins + lasts + random.random(), AttemptEnded(0.0, task, token, AttemptResult(token))
        elif not is_heard:
            # No limit is counted from an unknown start; in the end its host is declared dead.
            yield 5_000.0, AttemptLost(0.0, task, token, "its host is gone")

    def _stop(self, task: str, token: str) -> None:
        assert self.live.get(token) == task, "what does not run is stopped"
        assert token not in self.stopped
        self.stopped.add(token)
        after = self.random.uniform(0, 3)
        fate = self.random.random()
        if fate < 0.6:
            self._later(after, AttemptEnded(0.0, task, token, _failed(token, "unknown", "signal")))
        elif fate < 0.8:
            self._later(after, AttemptEnded(0.0, task, token, AttemptResult(token)))
        else:
            self._later(after, AttemptLost(0.0, task, token, "its worker is gone"))

    def _publish(self, task: str, token: str, event: Event) -> None:
        assert isinstance(event, AttemptEnded)
        assert event.token == token
        assert event.result.failure is None
        assert token not in self.stopped, "an attempt that was stopped is published"
        self.publishing.add(token)
        after = self.random.choice([0.0, self.random.uniform(0, 3)])
        if self.random.random() < self.odds.publish_fails:
            reason = self.random.choice(["error", "input_moved"])
            kind = self.random.choice(["temporary", "permanent"])
            self._later(after, PublishFailed(0.0, task, token, Failure("not published", kind, reason)))
            return
        becomes_others = self._is_repeated(task)
        if not becomes_others:
            becomes_others = self.random.random() < self.odds.submits and task.count("[") < 3
            self.becoming[token] = self.random.choice([1, 1, 2, 4]) if becomes_others else 0
        for later in (0, *([1] if self.random.random() < 0.05 else [])):
            self._later(after + later, Published(0.0, task, token, becomes_others))

    # What must hold

    def _assert_needs_met(self, task: str) -> None:
        for need in self.specs[task].needs:
            state = self.machine.records[need.task].state
            assert _verdict(need, state) == "met", f"{task} goes before {need.task}, which is {state}"

    def _unended(self) -> Iterator[str]:
        return (token for token, attempt in self.attempts.items() if attempt.state in {"claimed", "running"})

    def _is_settled(self, task: str) -> bool:
        """Whether it is known of an item that it stays as it was before the run was resumed."""
        return task in self.machine.records and (task in self.planned or self.machine.records[task].state in FINAL)

    def _check(self, event: Event) -> None:
        records = self.machine.records
        # Items that succeeded in an earlier life stand as they are recorded.
        self.seen |= {
            task: one for task, one in records.items() if task not in self.seen and self.journal.get(task) == one
        }
        assert records == self.seen, "a change was not recorded"
        if isinstance(event, Published) and event.becomes_others and records[event.task].token == event.token:
            is_done = records[event.task].state == "success"
            assert not is_done or event.task in self.items, "a task is done without those that it has submitted"
        self.allowed = max(self.slots, min(self.allowed, len(self.live) + len(self.wanted)))
        assert len(self.live) <= self.allowed
        assert all(records[task].state == "success" for task in self.succeeded if self._is_settled(task)), (
            "a success is forgotten"
        )
        for token, task in self.live.items():
            assert records[task].state in {"claimed", "running"}
            assert records[task].token == token
            self._check_limits(token, task, event)
        for task, record in records.items():
            if record.state == "pending" and len(self.live) + len(self.wanted) < self.slots and not self.paused:
                assert self._waits(task), f"{task} waits for nothing after {event}"
            if task not in self.specs:
                assert record.state in FINAL, "an item that there is no more stays open"
                continue
            if record.state == "waiting":
                found = [_verdict(need, records[need.task].state) for need in self.specs[task].needs]
                assert "bad" not in found, f"{task} does not know that a need failed"
                assert task in self.asked or "wait" in found, f"{task} was forgotten"
                is_behind = task in self.asked and self.machine.records[task].reason.get("code") == "twin"
                assert not is_behind or task in self.seeking or f"twin:{task}" in self.timers, f"{task} waits for ever"
            if record.state in {"waiting", "pending", "paused"}:
                assert not self._is_due(task) or self.canceled or self.overdue, f"{task} goes on after its deadline"
            self._check_attempts(task, record)
        if self.canceled or self.overdue:
            going_on = {
                # Items that would have come too late for a deadline never come to be.
                task
                for task, items in self.items.items()
                if any(one in records and records[one].state not in FINAL for one in items)
            }
            assert all(
                record.state not in {"waiting", "pending"} for task, record in records.items() if task not in going_on
            )
            assert self.live.keys() <= self.stopped, "what runs is not stopped"

    def _is_due(self, task: str) -> bool:
        """Whether the time of its deadline is over, and was so before anything else that happens now."""
        deadline = self.written[task.partition("[")[0]].deadline
        return deadline is not None and self.now > deadline

    def _waits(self, task: str) -> bool:
        """Whether something will happen that lets a pending task go on although there is a slot."""
        groups = [rule.group for rule in self.specs[task].rules]
        groups += ["!s"] if self.specs[task].breaker else []
        if f"retry:{task}" in self.timers or f"room:{' '.join(groups)}" in self.timers or task in self.wanted:
            return True
        taking = Counter(rule.group for one in (*self.live.values(), *self.wanted) for rule in self.specs[one].rules)
        return any(rule.max <= taking[rule.group] for rule in self.specs[task].rules)

    def _check_limits(self, token: str, task: str, event: Event) -> None:
        spec = self.specs[task]
        if self.machine.records[task].state == "claimed" and token not in self.stopped:
            assert self.limits.start is not None
            due = self.queued_at.get(token, self.attempts[token].claimed_at) + self.limits.start
            assert "start" in self.timers, "nobody waits for an attempt to begin"
            assert self.timers["start"] <= due, "an attempt has longer to begin than it should"
        if self.machine.records[task].state != "running" or token in self.stopped:
            return
        assert f"timeout:{token}" in self.timers, "a running attempt has all the time of the world"
        if spec.heartbeat_timeout is None:
            return
        assert f"heartbeat:{token}" in self.timers, "nobody listens for a heartbeat"
        if isinstance(event, Heartbeat) and event.token == token:
            assert self.timers[f"heartbeat:{token}"] == self.now + spec.heartbeat_timeout, "a heartbeat was not heard"

    def _check_attempts(self, task: str, record: TaskRecord) -> None:
        spec = self.specs[task]
        # Who takes up a run gives what failed in it all its attempts.
        own = dict(spec.retry.errors)
        most = max(spec.retry.max_attempts, *own.values()) if own else spec.retry.max_attempts
        assert record.attempt - record.lost - record.before <= most
        assert record.before <= most * self.restarted[task]
        # A run that is resumed finds one more lost, and so does one attempt after a failure that it retries.
        assert record.lost <= MAX_LOST + 1 + self.restarted[task] + self.odds.deaths
        if record.state == "failure" and record.attempt and not self.restarted[task]:
            assert record.error is not None
            reason = record.error["reason"]
            if "because the run" in record.error["message"]:
                is_spent = self.limits.retries is not None and sum(self.retries.values()) >= self.limits.retries
                assert self.overdue or is_spent or any(self.restarted.values()), "a budget is left"
            elif reason == "unknown_outcome":
                assert not spec.idempotent
            elif reason in NOT_ITS_FAULT and record.error["kind"] != "permanent":
                most = MAX_UNSTARTED if reason == "unstarted" else MAX_LOST
                assert record.lost >= own.get(reason, most + 1) or not spec.idempotent or self.overdue
                assert reason != "lost" or spec.idempotent or reason in own, "its outcome is unknown"
            elif (
                record.error["message"] != "cannot begin"
                and reason != "deduped"
                and (record.error["kind"] != "permanent" or reason in own)
            ):
                left = own.get(reason, spec.retry.max_attempts) - (record.attempt - record.lost - record.before)
                assert left <= 0 or self.overdue, "attempts are left"

    def _check_end(self) -> None:
        records = self.machine.records
        assert self.machine.done
        assert self.machine.state == self.finished
        assert not self.live
        assert not self.timers, "a timer is left"
        assert not self.staged, "staged outputs are neither published nor discarded"
        assert {name: self.journal[name] for name in records} == records
        assert all(record.state in FINAL for record in self.journal.values()), "something stays open"
        for name in [name for name, items in self.items.items() if not records.keys() >= set(items)]:
            assert self._is_due(name), "items were asked for in vain"
            del self.items[name]
        late = [name for name in self.items if (records[name].error or {}).get("reason") == "late"]
        for name in late:
            if name not in self.gathered:
                # Items of an earlier life that come to be no more have ended with the run.
                for item in self.items.pop(name):
                    assert self.specs.pop(item).name not in records or records[item].state in FINAL
        for task in self.tasks:
            if task.name in self.items:
                self._check_group(task.name, records)
            else:
                self._check_final(task, records)
        for name, items in self.items.items():
            closing = (f"{name}[*]",) if f"{name}[*]" in records and name in self.gathered else ()
            for item in (*items, *closing):
                if item in self.items:
                    self._check_group(item, records)
                else:
                    self._check_final(self.specs[item], records)
        states = {record.state for task, record in records.items() if task in self.specs}
        expected = "failure" if states & {"failure", "upstream_failed"} else "success"
        if expected == "success" and "canceled" in states:
            expected = "failure" if self.overdue else "canceled"
        assert self.finished == expected
        assert self.canceled or self.overdue or self.called_off or "canceled" not in states

    def _check_group(self, name: str, records: Mapping[str, TaskRecord]) -> None:
        """A repeated task comes to the end that its items come to, if any come to be before its deadline."""
        record = records[name]
        if (record.error or {}).get("reason") == "late":
            assert (record.state, self.closes[name]) == ("failure", True), "all items were done in time"
            return
        items = [records[item] for item in self.items[name]]
        states = {item.state for item in items}
        assert states <= FINAL
        closing = records.get(f"{name}[*]")
        if closing is not None and name not in self.gathered and record.state == "upstream_failed":
            assert closing.state in FINAL - {"canceled"}, "what would close it was canceled by nobody"
        if closing is not None and name in self.gathered:
            assert states <= GOOD | {"omitted"}, "what closes a task comes before its items are done"
            items.append(closing)
            states.add(closing.state)
        elif self.closes.get(name) and name in self.gathered:
            # Between the last item and what would close the task, that was to end.
            assert record.state in {"canceled", "failure"}
            return
        if states & {"failure", "upstream_failed"}:
            first = next(item for item in items if item.state in {"failure", "upstream_failed"})
            assert (record.state, record.blocked_by) == ("upstream_failed", first.blocked_by or first.task)
        elif "canceled" in states and record.state == "upstream_failed":
            first = next(item for item in items if item.state == "canceled")
            assert record.blocked_by == first.task in self.called_off
        elif "canceled" in states:
            assert record.state == "canceled"
            assert self.canceled or self.overdue or name in self.called_off
        elif states == {"omitted"} and self._is_repeated(name):
            assert record.state == "omitted"
        else:
            assert record.state in {"success", "skipped"}
            assert states <= {"skipped", "omitted"} or record.state == "success"
        assert name in self.gathered if record.state in GOOD else closing is not None or name not in self.gathered

    def _check_final(self, task: TaskSpec, records: Mapping[str, TaskRecord]) -> None:
        record = records[task.name]
        assert record.state in FINAL
        needs = {need: _verdict(need, records[need.task].state) for need in task.needs}
        if task.name in self.cannot:
            assert record.state in {"failure", "canceled"}, "it could not begin, and ended otherwise"
        elif task.name in self.succeeded or (task.name in self.planned and self.planned[task.name].action == "skip"):
            assert record.state in {"skipped", "success", "omitted"}
        elif record.state == "upstream_failed":
            assert self._is_root(record.blocked_by, task, records)
        elif task.name in self.planned and self.planned[task.name].action == "omit":
            assert record.state == "omitted"
        elif record.state == "omitted":
            assert "omit" in needs.values() or task.name in self.omitted
        elif record.state != "canceled":
            assert record.state in {"success", "skipped", "failure"}
            # Whose outcome is unknown stays so, though what it needed ran again and failed.
            is_kept = (record.error or {}).get("reason") == "unknown_outcome" and self.restarted[task.name]
            if record.state == "failure" and (record.error or {}).get("reason") == "late":
                assert self._is_due(task.name) or self.now == self.written[task.name.partition("[")[0]].deadline
                return
            if record.state == "failure" and (record.error or {}).get("reason") == "deduped":
                assert task.name in self.failed_twins, "it failed for a twin that did not"
            assert set(needs.values()) <= {"met"} or is_kept
        elif not self.canceled and not self.overdue and task.name not in self.called_off:
            pytest.fail(f"{task.name} was canceled by nobody")

    def _is_root(self, root: str | None, task: TaskSpec, records: Mapping[str, TaskRecord]) -> bool:
        """Whether a chain of bad needs leads from the task up to the failed one."""
        stack = [task]
        while stack:
            for need in stack.pop().needs:
                state = records[need.task].state
                if _verdict(need, state) == "bad":
                    is_root = root is not None and root.partition("[")[0] == need.task
                    if is_root and root is not None and records[root].state in {"failure", "canceled"}:
                        return True
                    stack.append(self.specs[need.task])
        return False


def _odds(random: Random) -> Odds:
    def sometimes(chance: float, most: float) -> float:
        return random.uniform(0, most) if random.random() < chance else 0.0

    return Odds(
        fails=sometimes(0.6, 1.0),
        loses=random.choice([0.0, 0.0, 0.3, 20.0]),
        hangs=sometimes(0.3, 0.5),
        publish_fails=sometimes(0.3, 0.5),
        undecidable=sometimes(0.3, 0.2),
        omits=sometimes(0.3, 0.3),
        submits=sometimes(0.4, 0.6),
        deaths=random.choice([0, 0, 1, 2, 4]),
        cancels=random.random() < 0.2,
    )


def _tasks(random: Random) -> list[TaskSpec]:
    size = random.choice([0, 1, 2, 4, 8, 12, 25])
    rules = [RuleSpec(random.choice([1, 1, 2, 4]), group, f"of {group}") for group in ("g", "h")]
    ruled = random.choice([0.0, 0.0, 0.5, 1.0])
    service = BreakerSpec("crm", "s")
    needy = random.choice([0.0, 0.0, 0.4, 1.0])
    twinned = random.choice([0.0, 0.0, 0.4, 1.0])
    due = random.choice([0.0, 0.0, 0.3])
    return [
        TaskSpec(
            f"t{index}",
            "shell",
            "shell:run",
            (),
            SkipSpec(can_skip=True),
            needs=tuple(_need(random, f"t{need}") for need in _some_before(random, index)),
            retry=RetrySpec(
                max_attempts=random.choice([1, 1, 2, 3, 5]),
                backoff=random.choice(["fixed", "exponential"]),
                initial_delay=random.choice([0.0, 1.0, 3.0]),
                jitter=random.choice(["none", "full", "equal"]),
                errors=random.choice([(), (), (("exit", 1), ("timeout", 4)), (("error", 2), ("lost", 3))]),
            ),
            timeout=random.choice([5.0, 15.0, 1000.0]),
            heartbeat_timeout=random.choice([None, None, 2.0]),
            idempotent=random.random() < 0.85,
            each=random.choice([None, None, None, None, LISTED, OF_ROWS]),
            rules=tuple(rule for rule in rules if random.random() < ruled * 0.7),
            twins=(TwinSpec("running", random.choice(["v", "w"])),) if random.random() < twinned else (),
            breaker=service if random.random() < needy else None,
            deadline=random.uniform(0.5, 60) if random.random() < due else None,
        )
        for index in range(size)
    ]


LISTED = EachSpec(items=(1, 2))
OF_ROWS = EachSpec(rows=ReadSpec("rows", "parquet", uri="/rows.parquet"))


def _item(task: TaskSpec, index: int) -> TaskSpec:
    return replace(task, name=f"{task.name}[{index}]", needs=(), each=None, item=ItemSpec(task.name, index))


def _some_before(random: Random, index: int) -> list[int]:
    return random.sample(range(index), min(index, random.choice([0, 1, 1, 2, 3])))


def _need(random: Random, task: str) -> NeedSpec:
    return random.choice(
        [NeedSpec(task, data=True), NeedSpec(task, data=True), NeedSpec(task), NeedSpec(task, requires="completion")]
    )


def _reason(attempt: AttemptRecord) -> str:
    """Why an attempt failed; nothing for one that somebody canceled."""
    failure = (attempt.result or {}).get("failure") or {}
    return "lost" if attempt.state == "lost" else failure.get("reason", "") if attempt.state == "failure" else ""


def _failed(token: str, kind: str, reason: str) -> AttemptResult:
    return AttemptResult(token, Failure("it went wrong", kind, reason))


def _verdict(need: NeedSpec, state: TaskState) -> str:
    """The rule of the language, written a second time."""
    if state not in FINAL:
        return "wait"
    if need.requires == "completion" and not need.data:
        return "met"
    if state == "omitted":
        return "omit" if need.data else "met"
    return "met" if state in GOOD else "bad"


def _reachable(state: TaskState) -> set[TaskState]:
    """All that a task in that state may be recorded as next: a call's moves are recorded as one."""
    found: set[TaskState] = set() if state in FINAL else {state}
    todo: list[TaskState] = [state]
    while todo:
        new = MOVES[todo.pop()] - found
        found |= new
        todo += new
    return found


def _brief(told: Event | Command) -> str:
    """One line of the trace: what is recorded in short, the rest as it is."""
    if not isinstance(told, Record) or told.task is None:
        return repr(told)
    task, attempt = told.task, told.attempt
    ended = f", {attempt.token} {attempt.state}" if attempt else ""
    return f"{task.task} {task.state} (attempt {task.attempt}, {task.lost} lost){ended}"


def simulate(seed: int) -> None:
    """One world, from its opening to its end; says its seed and its last steps if something does not hold."""
    world = World(seed)
    try:
        world.run()
    except Exception as problem:
        last = "\n".join(world.trace[-60:])
        raise AssertionError(f"seed {seed}: {problem}\n{last}") from problem


@pytest.mark.parametrize("first", range(0, NORMAL_SEEDS, BLOCK))
def test_simulated_runs(first: int) -> None:
    for seed in range(first, first + BLOCK):
        simulate(seed)


@pytest.mark.long
@pytest.mark.parametrize("first", range(NORMAL_SEEDS, NORMAL_SEEDS + LONG_SEEDS, 10 * BLOCK))
def test_many_simulated_runs(first: int) -> None:
    for seed in range(first, first + 10 * BLOCK):
        simulate(seed)
