"""The run loop: events from executor and timers go into the machine, its commands are carried out."""

from __future__ import annotations

import heapq
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import takewhile
from types import MappingProxyType

from trc.runtime import executor as reports
from trc.runtime.attempts import Attempts
from trc.runtime.beside import Beside
from trc.runtime.clock import Clock
from trc.runtime.errors import stopped
from trc.runtime.executor import Executor
from trc.runtime.hooks import Hooks
from trc.runtime.jumps import Jumps
from trc.runtime.listing import Dataset, Inputs, Missing
from trc.runtime.observe import EnvironmentMoved, Observer, TaskMoved, TaskProgressed, TasksAdded, Ticked, Wished
from trc.runtime.planner import MaySkip, MustRun, Omits, Planner, Refused, Repeats
from trc.runtime.reasons import Reason
from trc.runtime.repeated import gathered, unrepeatable, whole
from trc.runtime.rooms import RoomKeeper
from trc.runtime.scheduler import commands, events
from trc.runtime.scheduler.machine import Machine
from trc.runtime.scheduler.state import SUCCEEDED
from trc.runtime.spec import PipelineSpec, TaskSpec
from trc.runtime.store.journal import (
    AttemptRecord,
    DeadLetter,
    Driver,
    Journal,
    Message,
    RunRecord,
    RunState,
    TaskRecord,
    Transaction,
    Wish,
)
from trc.runtime.store.results import Result, StoredOutput
from trc.runtime.taskside.order import TaskOrder
from trc.runtime.taskside.result import Failure
from trc.runtime.twins import TwinKeeper

_LONGEST_WAIT = 0.25
"""Seconds: how late a request to cancel is noticed at worst."""
_BETWEEN_LOOKS = 0.5
"""Seconds between two looks at what other processes wish of the run."""


@dataclass(slots=True)
class Timers:
    """Named alarms, earliest first; setting one again moves it."""

    due: dict[str, float] = field(default_factory=dict[str, float])
    queue: list[tuple[float, str]] = field(default_factory=list[tuple[float, str]])

    def set(self, timer: str, at: float) -> None:
        self.due[timer] = at
        heapq.heappush(self.queue, (at, timer))

    def drop(self, timer: str) -> None:
        self.due.pop(timer, None)

    def shift(self, seconds: float) -> None:
        """Moves all alarms, as the clock that they are set by has moved."""
        self.due = {timer: at + seconds for timer, at in self.due.items()}
        self.queue = [(at, timer) for timer, at in self.due.items()]
        heapq.heapify(self.queue)

    def next_at(self) -> float | None:
        while self.queue and self.due.get(self.queue[0][1]) != self.queue[0][0]:
            heapq.heappop(self.queue)
        return self.queue[0][0] if self.queue else None

    def fired(self, now: float) -> Iterable[str]:
        while (at := self.next_at()) is not None and at <= now:
            _, timer = heapq.heappop(self.queue)
            del self.due[timer]
            yield timer


def require_own(transaction: Transaction, run: RunRecord) -> None:
    """Raises Stopped if the run is not its driver's any more."""
    if not transaction.drives(run.id, run.driver):
        raise stopped(
            "TRC617",
            f"another process has taken over run {run.id}",
            "leave it to that one, which `trc status` shows; this one has published nothing since",
            exit_code=1,
        )


class Batch:
    """What one round makes known: written in one transaction, which begins when it is first needed.

    Raises Stopped if the run is in other hands by then: this driver was taken for dead, and nothing of it counts any more.
    """

    def __init__(
        self, journal: Journal, run: RunRecord, stack: ExitStack, ended: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        self._journal = journal
        self._run = run
        self._stack = stack
        self._transaction: Transaction | None = None
        self._ended = ended
        """The attempts that ended in this round, by task: they are asked about all at once."""
        self._permitted: frozenset[str] | None = None

    def begin(self) -> Transaction:
        if self._transaction is None:
            transaction = self._stack.enter_context(self._journal.transaction())
            require_own(transaction, self._run)
            self._transaction = transaction
        return self._transaction

    @property
    def transaction(self) -> Transaction:
        return self.begin()

    def permits(self, task: str, token: str) -> bool:
        """Whether an attempt may publish what it has staged."""
        if self._ended.get(task) != token:
            return token in self.transaction.permitted(self._run.id, {task: token})
        if self._permitted is None:
            self._permitted = self.transaction.permitted(self._run.id, self._ended)
        return token in self._permitted


class KeepAlive:
    """Renews the driver's lease while the loop turns; times in seconds."""

    def __init__(self, journal: Journal, driver: Driver, lease: float, every: float) -> None:
        self._journal = journal
        self._driver = driver
        self._lease = lease
        self._every = every
        self._last: float | None = None

    def __call__(self, now: float) -> None:
        # A clock that was set back is no reason to wait until it has caught up.
        if self._last is None or not 0 <= now - self._last < self._every:
            self._last = now
            self._journal.enrol(self._driver, now + self._lease)


@dataclass(slots=True)
class Loop:
    """Drives one run to its end. All that touches the world is handed in."""

    spec: PipelineSpec
    run_record: RunRecord
    machine: Machine
    planner: Planner
    attempts: Attempts
    executor: Executor
    journal: Journal
    clock: Clock
    observe: Observer
    keep_alive: KeepAlive
    settled: dict[Dataset, StoredOutput]
    hooks: Hooks | None = None
    """What tells the outside of the run; None where nobody is to be told."""
    wake: Callable[[], None] = lambda: None
    """Has the messages delivered that were written down."""
    letters: set[str] = field(default_factory=set[str])
    """The tasks that dead letters of the run speak of, from earlier goes at it."""
    grace: float = 5.0
    tick: float | None = None
    cancel_asked: bool = False
    _cancelled: bool = False
    _timers: Timers = field(default_factory=Timers)
    _tasks: dict[str, TaskRecord] = field(default_factory=dict[str, TaskRecord])
    _records: dict[tuple[str, int], AttemptRecord] = field(default_factory=dict[tuple[str, int], AttemptRecord])
    _results: list[Result] = field(default_factory=list[Result])
    """What was published in this round."""
    _died: list[DeadLetter] = field(default_factory=list[DeadLetter])
    _messages: list[Message] = field(default_factory=list[Message])
    """What hooks are to tell of this round."""
    _moved: list[tuple[TaskRecord, AttemptRecord | None]] = field(
        default_factory=list[tuple[TaskRecord, "AttemptRecord | None"]]
    )
    _came: list[TasksAdded] = field(default_factory=list[TasksAdded])
    """What tasks have become in this round."""
    _overtaken: dict[str, list[AttemptRecord]] = field(default_factory=dict[str, list[AttemptRecord]])
    """By task, the attempts that ended while the next one began: no move of the task tells of them."""
    _listed: dict[str, Inputs] = field(default_factory=dict[str, Inputs])
    """What the tasks read that were decided in this round: those that begin in it need not look again."""
    _prepared: dict[str, TaskOrder | Failure] = field(default_factory=dict[str, "TaskOrder | Failure"])
    """By token, the orders that were written before they may be begun."""
    _listed_in: dict[str, Result | None] = field(default_factory=dict[str, "Result | None"])
    """By repeated task, the result that lists its items; None where the author wrote them."""
    _writers: dict[str, str] = field(default_factory=dict[str, str])
    """By location, the item or sub-task that writes it."""
    _beside: Beside = field(default_factory=Beside)
    _slots: int = 0
    _wish: Wish = "run"
    _task_wishes: Mapping[str, Wish] = field(default_factory=dict[str, Wish])
    _looks_at: float = 0.0
    _finished: RunState | None = None
    _jumps: Jumps = field(default_factory=lambda: Jumps(time.monotonic))
    _jumped: int = 0
    """How often the clock has jumped."""
    _rooms: RoomKeeper = field(init=False)
    _twins: TwinKeeper = field(init=False)
    _inputs: dict[str, Inputs] = field(default_factory=dict[str, Inputs])
    """What those tasks read that others may stand for, as it was when they were decided."""

    def __post_init__(self) -> None:
        self._rooms = RoomKeeper(self.journal, self.run_record, self.clock)
        self._twins = TwinKeeper(self.journal, self.run_record, self.clock, self.planner)

    def run(self) -> RunState:
        """Runs until every task is in a final state. Raises what the store raises: nothing is lost by that."""
        with self._beside:
            return self._run()

    def _run(self) -> RunState:
        if self.hooks is not None:
            self._messages.extend(self.hooks.of_beginning())
        pending: list[events.Event] = [events.Opened(self.clock.now())]
        while True:
            effects = self._handle(pending)
            try:
                pending = self._perform(effects)
            finally:
                # After what was to be started: whoever watches can wait, the next attempt cannot.
                self._announce()
            if self._finished is not None and not pending:
                return self._finished
            if not pending:
                pending = self._wait()

    def cancel(self) -> None:
        """Asks for the run to end; noticed within a quarter of a second."""
        self.cancel_asked = True

    def _handle(self, pending: Sequence[events.Event]) -> list[commands.Command]:
        """Lets the machine answer events, makes the answers durable, and returns what is then to be done."""
        self.attempts.look_again()
        effects: list[commands.Command] = []
        queue = deque(pending)
        durable = False
        with ExitStack() as stack:
            stack.callback(self._beside.finish)
            ended = {event.task: event.token for event in pending if isinstance(event, events.AttemptEnded)}
            batch = Batch(self.journal, self.run_record, stack, ended)
            while queue:
                for command in self.machine.handle(queue.popleft()):
                    match command:
                        case commands.Decide():
                            queue.append(self._decide(command.task))
                        case commands.Publish():
                            queue.append(self._publish(command, batch))
                        case commands.Expand():
                            queue.append(self._expand(command.task, batch))
                        case commands.Gather():
                            self._gather(command)
                        case commands.Record():
                            durable = self._record(command) or durable
                        case commands.FindTwin():
                            queue.append(self._find_twin(command, batch.transaction))
                        case commands.TellService():
                            self._tell_service(command, batch.transaction)
                        case commands.TakeRoom():
                            queue.append(self._rooms.take(command, batch.transaction))
                        case commands.FreeRoom():
                            batch.transaction.free_room(command.token)
                        case commands.LeaveLine():
                            batch.transaction.leave_line(self.run_record.id, command.groups)
                        case _:
                            effects.append(command)
            if durable or self._results or self._messages:
                self._write(batch.transaction)
            self._make_ready(effects)
        if self._messages:
            self._messages.clear()
            self.wake()
        return effects

    def _make_ready(self, effects: Iterable[commands.Command]) -> None:
        """Lets idle workers wake up and read, while the disk syncs, what they are to begin once that is done."""
        starts = [command for command in effects if isinstance(command, commands.Start)]
        known = list(takewhile(lambda start: self.attempts.knows_all(start.task, self._listed), starts))
        if known:
            self._beside.begin(partial(self._prepare_ahead, known))

    def _prepare_ahead(self, starts: Iterable[commands.Start]) -> None:
        for start in starts:
            order = self._prepared[start.token] = self._prepare(start)
            if isinstance(order, Failure) or not self.executor.make_ready(order):
                return

    def _prepare(self, start: commands.Start) -> TaskOrder | Failure:
        return self.attempts.prepare(start, self.settled, self._listed.get(start.task))

    def _decide(self, task: str) -> events.Event:
        spec = self.attempts.tasks[task]
        decision = self.planner.decide(spec, self.settled)
        now = self.clock.now()
        match decision:
            case MustRun():
                self._listed[task] = decision.inputs
                if spec.twins:
                    self._inputs[task] = decision.inputs
                return events.DecidedRun(now, task, decision.reason)
            case MaySkip():
                self._settle(task, decision.result.outputs)
                self.planner.returned[task] = decision.result.values
                return events.DecidedSkip(now, task, decision.reason)
            case Repeats():
                self._listed_in[task] = decision.result
                if spec.each is None and decision.result is not None:
                    self._settle(task, decision.result.outputs)
                    self.planner.returned[task] = decision.result.values
                return events.DecidedItems(now, task, decision.reason)
            case Omits():
                return events.DecidedOmit(now, task, decision.reason)
            case Missing() if decision.may_pass and not spec.twins:
                # Who could not be asked may answer when the attempt begins, or else the next one.
                return events.DecidedRun(now, task, Reason("no_key", decision.reason.detail))
            case Missing() | Refused():
                return events.DecidedFailure(now, task, decision.failure)

    def _find_twin(self, command: commands.FindTwin, transaction: Transaction) -> events.Event:
        """Looks for what stands for a task, whose readers then find what that has made."""
        spec = self.attempts.tasks[command.task]
        found, result = self._twins.find(command, spec, self._inputs[command.task], transaction)
        if result is not None:
            self._settle(command.task, result.outputs)
        return found

    def _tell_service(self, command: commands.TellService, transaction: Transaction) -> None:
        breaker = self.attempts.tasks[command.task].breaker
        assert breaker is not None
        self._rooms.tell(command, breaker, transaction)

    def _expand(self, task: str, batch: Batch) -> events.Event:
        """Makes the repetitions or sub-tasks of a task known, with the locations that they publish to."""
        found = self.planner.items(self.attempts.tasks[task], self._listed_in.get(task))
        now = self.clock.now()
        if isinstance(found, Failure):
            return events.ExpandFailed(now, task, found)
        uris = sorted({output.uri for one in found for output in one.outputs if output.uri is not None})
        failure = self._take(uris, batch) or self._written_twice(found)
        if failure is not None:
            is_item = self.attempts.tasks[task].each is not None
            return events.ExpandFailed(now, task, failure if is_item else replace(failure, reason="submitted"))
        spec = self.attempts.tasks[task]
        closing = whole(spec) if spec.each is not None else None
        self.attempts.add(found if closing is None else (*found, closing))
        own = (self.settled.get((task, one.name)) for one in spec.outputs)
        self._came.append(TasksAdded(task, found, tuple(one for one in own if one is not None)))
        return events.Expanded(now, task, found, closing)

    def _take(self, uris: Sequence[str], batch: Batch) -> Failure | None:
        """Takes the locations that items publish to, where no other run and no other task writes there."""
        others = {one.uri for task in self.spec.tasks if task.each is None for one in task.outputs}
        twice = next((uri for uri in uris if uri in others), None)
        if twice is not None:
            return unrepeatable(f'another task writes "{twice}", too', "give each its own location")
        holders = batch.transaction.acquire(uris, self.run_record.id, self.run_record.driver) if uris else {}
        for uri, holder in holders.items():
            return unrepeatable(f'run {holder} is writing "{uri}"', "wait for its end, then `trc retry` this run")
        return None

    def _written_twice(self, found: Iterable[TaskSpec]) -> Failure | None:
        """Why these cannot be, where they would write what items or sub-tasks of other tasks write."""
        for one in found:
            for output in one.outputs:
                if output.uri is not None and (writer := self._writers.setdefault(output.uri, one.name)) != one.name:
                    return unrepeatable(f'"{writer}" writes "{output.uri}", too', "give each its own location")
        return None

    def _gather(self, command: commands.Gather) -> None:
        """What the items of a task have made becomes its outputs; a task with sub-tasks has outputs of its own."""
        if self.attempts.tasks[command.task].each is None:
            return
        for output in self.attempts.tasks[command.task].outputs:
            made = ((item, self.settled[item, output.name]) for item in command.items)
            self.settled[command.task, output.name] = gathered(output.name, made)

    def _settle(self, task: str, outputs: Iterable[StoredOutput]) -> None:
        for output in outputs:
            self.settled[task, output.name] = output

    def _publish(self, command: commands.Publish, batch: Batch) -> events.Event:
        batch.begin()
        outcome = self.attempts.publish(command.token, batch.permits)
        now = self.clock.now()
        if isinstance(outcome, Failure):
            return events.PublishFailed(now, command.task, command.token, outcome)
        self._results.append(outcome)
        self._settle(command.task, outcome.outputs)
        self.planner.returned[command.task] = outcome.values
        becomes_others = self.attempts.tasks[command.task].each is not None or bool(outcome.submitted)
        if becomes_others:
            self._listed_in[command.task] = outcome
        return events.Published(now, command.task, command.token, becomes_others)

    def _record(self, record: commands.Record) -> bool:
        if record.task is not None:
            self._tasks[record.task.task] = record.task
            self._moved.append((record.task, record.attempt))
            if record.task.state == "failure":
                self._died.append(self.attempts.letter(record.task))
            if self.hooks is not None:
                self._messages.extend(self.hooks.of_task(record.task))
        if record.attempt is not None:
            self._records[record.attempt.task, record.attempt.number] = record.attempt
            if record.task is None:
                self._overtaken.setdefault(record.attempt.task, []).append(record.attempt)
        return record.durable

    def _write(self, transaction: Transaction) -> None:
        transaction.put_tasks(tuple(self._tasks.values()))
        log_of = self.attempts.log_of
        transaction.put_attempts([one._replace(log=log_of(one.task, one.number)) for one in self._records.values()])
        transaction.put_results(self._results)
        if self._died:
            transaction.put_letters(self._died)
        if self._messages:
            transaction.put_messages(self._messages)
        for task in [task for task in self.letters if task in self._tasks and self._tasks[task].state in SUCCEEDED]:
            self.letters.remove(task)
            transaction.settle_letters(self._tasks[task].run, task, "replayed", self.clock.now())
        self._died.clear()
        self._tasks.clear()
        self._records.clear()
        self._results.clear()

    def _announce(self) -> None:
        while self._came:
            self.observe(self._came.pop(0))
        for record, attempt in self._moved:
            outputs = self.attempts.outputs.get(record.task, ()) if record.state == "success" else ()
            log = self.attempts.log_of(record.task, record.attempt) if record.state == "failure" else None
            attempts = () if attempt is None else (attempt,)
            if self._overtaken:
                attempts = (*self._overtaken.pop(record.task, ()), *attempts)
            rests = record.state == "pending" and record.error is not None
            retry_at = self._timers.due.get(f"retry:{record.task}") if rests else None
            self.observe(TaskMoved(record, outputs, log, attempts, retry_at))
        self._moved.clear()

    def _perform(self, effects: Iterable[commands.Command]) -> list[events.Event]:
        """Carries out what the machine asked for, now that it is durable."""
        answers: list[events.Event] = []
        ready: list[TaskOrder] = []
        # To make that durable took its time.
        self.planner.look_again()
        for command in effects:
            match command:
                case commands.Start():
                    prepared = self._prepared.pop(command.token, None) or self._prepare(command)
                    if isinstance(prepared, Failure):
                        answers.append(self._never_began(command, prepared))
                    else:
                        ready.append(prepared)
                case commands.Stop():
                    self._hand_over(ready)
                    self.executor.stop(command.token, self.grace)
                case commands.Discard():
                    self.attempts.discard(command.token)
                case commands.SetTimer():
                    self._timers.set(command.timer, command.at)
                case commands.DropTimer():
                    self._timers.drop(command.timer)
                case commands.Finish():
                    self._finished = command.state
                case (
                    commands.Decide()
                    | commands.Publish()
                    | commands.Expand()
                    | commands.Gather()
                    | commands.Record()
                    | commands.FindTwin()
                    | commands.TellService()
                    | commands.TakeRoom()
                    | commands.FreeRoom()
                    | commands.LeaveLine()
                ):
                    raise AssertionError(command)
        self._hand_over(ready)
        self._listed.clear()
        return answers

    def _hand_over(self, ready: list[TaskOrder]) -> None:
        """Starts what was prepared, all at once: no worker goes to sleep in between, and is woken again."""
        if ready:
            self.executor.start(*ready)
            ready.clear()

    def _never_began(self, command: commands.Start, failure: Failure) -> events.Event:
        now = self.clock.now()
        result = self.attempts.never_began(command.token, failure, now)
        return events.AttemptEnded(now, command.task, command.token, result)

    def _wait(self) -> list[events.Event]:
        """What happened since: reports, alarms, and a request to cancel."""
        now = self._now()
        self.keep_alive(now)
        self.observe(Ticked(now))
        next_at = self._timers.next_at()
        wait = _LONGEST_WAIT if self.tick is None else min(self.tick, _LONGEST_WAIT)
        if next_at is not None:
            wait = min(wait, max(0.0, next_at - now))
        told = self.executor.poll(wait)
        jumped, now = self._jumped, self._now()
        if self._jumped != jumped:
            # They were told by a clock that says something else by now.
            told = [replace(report, at=now) for report in told]
        happened = self._heard(told)
        if self.executor.slots != self._slots:
            self._slots = self.executor.slots
            happened.append(events.SlotsChanged(now, self._slots))
        happened.extend(events.TimerFired(now, timer) for timer in self._timers.fired(now))
        happened.extend(self._wished(now))
        if self.cancel_asked and not self._cancelled:
            self._cancelled = True
            happened.append(events.CancelRequested(now))
        if not happened and self._tasks:
            with ExitStack() as stack:
                self._write(Batch(self.journal, self.run_record, stack).transaction)
        return happened

    def _now(self) -> float:
        """The present. What is awaited is as far away as before, whatever was done to the clock."""
        now = self.clock.now()
        jumped = self._jumps.by(now)
        if jumped:
            self._jumped += 1
            self._timers.shift(jumped)
            self._looks_at += jumped
        return now

    def _wished(self, now: float) -> Iterable[events.Event]:
        """What other processes wish of the run, now and then looked for."""
        if now < self._looks_at:
            return
        self._looks_at = now + _BETWEEN_LOOKS
        yield from self._wished_of_tasks(now)
        before, self._wish = self._wish, self.journal.wish(self.run_record.id)
        if self._wish == before:
            return
        self.observe(Wished(self._wish))
        if self._wish == "cancel":
            self.cancel_asked = True
        elif self._wish == "pause":
            yield events.PauseRequested(now)
        else:
            yield events.ResumeRequested(now)

    def _wished_of_tasks(self, now: float) -> Iterable[events.Event]:
        wishes = self.journal.task_wishes(self.run_record.id)
        if wishes == self._task_wishes:
            return
        for task, wish in wishes.items():
            if self._task_wishes.get(task, "run") == wish:
                continue
            self.observe(Wished(wish, task))
            match wish:
                case "pause":
                    yield events.TaskPauseRequested(now, task)
                case "cancel":
                    yield events.TaskCancelRequested(now, task)
                case "run":
                    yield events.TaskResumeRequested(now, task)
        self._task_wishes = wishes

    def _heard(self, told: Sequence[reports.Report]) -> list[events.Event]:
        """What the executor told. An end tells of its beginning as well: that one is news only if it comes before."""
        ended = {report.token for report in told if isinstance(report, reports.Ended)}
        return [
            event
            for report in told
            if not (isinstance(report, reports.Started) and report.token in ended)
            for event in self._event(report)
        ]

    def _event(self, report: reports.Report) -> Iterable[events.Event]:
        if isinstance(report, reports.Prepared):
            self.observe(EnvironmentMoved(report.at, report.tasks, report.state, report.what, report.seconds))
            return
        task = self.attempts.task_of(report.token)
        match report:
            case reports.Queued():
                yield events.AttemptQueued(report.at, task, report.token)
            case reports.Started():
                yield events.AttemptStarted(report.at, task, report.token)
            case reports.Progressed():
                if report.done is not None:
                    self.observe(TaskProgressed(task, report.done, report.total))
                yield events.Heartbeat(report.at, task, report.token)
            case reports.Ended():
                self.attempts.ended(report.token, report.result)
                yield events.AttemptEnded(report.at, task, report.token, report.result)
            case reports.Lost():
                yield events.AttemptLost(report.at, task, report.token, report.why)
