"""The state machine of a run: `handle(event) -> commands`, without a clock, a disk or a wait."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from heapq import heapify, heappop, heappush
from random import Random
from types import MappingProxyType
from typing import Literal, assert_never

from trc.runtime.plan import PlannedTask
from trc.runtime.reasons import Reason
from trc.runtime.scheduler.budget import NO_LIMITS, Limits, out_of_budget, retries_made
from trc.runtime.scheduler.commands import (
    Command,
    Decide,
    Discard,
    DropTimer,
    Expand,
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
)
from trc.runtime.scheduler.events import (
    AttemptEnded,
    AttemptLost,
    AttemptStarted,
    CancelRequested,
    DecidedFailure,
    DecidedItems,
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
    SlotsChanged,
    TaskCancelRequested,
    TaskPauseRequested,
    TaskResumeRequested,
    TimerFired,
)
from trc.runtime.scheduler.failures import (
    INTERRUPTED,
    failure_facts,
    fell_silent,
    given_up,
    never_began,
    of_unknown_outcome,
    ran_too_long,
    was_canceled,
    was_lost,
    was_overdue,
    was_stopped,
)
from trc.runtime.scheduler.graph import UNENDED, build, is_of_unknown_outcome, take_up
from trc.runtime.scheduler.node import Node
from trc.runtime.scheduler.retry import NOT_ITS_FAULT, delay, is_unknown, may_repeat, may_retry
from trc.runtime.scheduler.rules import PATIENCE, Line, Rooms, claims_of, line_of
from trc.runtime.scheduler.state import FINAL, MOVES, SUCCEEDED, run_state
from trc.runtime.spec import TaskSpec
from trc.runtime.store.journal import AttemptRecord, RunState, TaskRecord, TaskState
from trc.runtime.taskside.result import AttemptResult, Failure


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
        self._run = run
        self._planned = planned
        self._slots = slots
        self._async_slots = async_slots
        self._random = random
        self._token = token
        self._nodes = build(run, tasks, planned, resumed, attempts)
        self._left = {record.task: record for record in resumed if record.task not in self._nodes}
        """What the journal holds of items of repeated tasks that are not known yet."""
        self._tried_before = {attempt.token: attempt for attempt in attempts} if self._left else {}
        self._records = {name: node.task_record(run) for name, node in self._nodes.items()}

        self._at = 0.0
        self._opened = self._canceling = self._paused = self._is_overdue = False
        self._limits = limits
        self._watches_starts = False
        self._retries = 0 if limits.retries is None else retries_made(resumed, limits.began_at)
        self._state: RunState = "running"
        self._unfinished = len(self._nodes)
        self._ready: list[tuple[int, Node]] = []
        """A heap of the pending tasks that only lack a slot."""
        self._ready_async: list[tuple[int, Node]] = []
        """As well, of those that have slots of their own."""
        self._live_async = 0
        """How many of the live attempts take one of those."""
        self._rooms = Rooms()
        """The pending tasks that are under concurrency rules."""
        self._live: dict[str, Node] = {}
        """By token, the attempts that take a slot."""

        self._settled: list[Node] = []
        """Tasks that came to a final state, which their dependants do not know yet."""
        self._moved: dict[Node, bool] = {}
        """Tasks to be recorded, and whether durably."""
        self._tried: list[tuple[Node, AttemptRecord]] = []
        self._asked: list[Node] = []
        self._effects: list[Command] = []

    @property
    def records(self) -> Mapping[str, TaskRecord]:
        """Every task as it stands, by name."""
        return MappingProxyType(self._records)

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
        self._at = event.at
        match event:
            case AttemptStarted():
                self._attempt_started(event)
            case AttemptEnded():
                self._attempt_ended(event)
            case Published():
                self._published(event)
            case DecidedRun():
                self._decided_run(event)
            case DecidedSkip():
                self._decided_skip(event)
            case DecidedFailure():
                self._decided_failure(event)
            case Heartbeat():
                self._heartbeat(event)
            case TimerFired():
                self._timer_fired(event.timer)
            case AttemptLost():
                self._attempt_lost(event)
            case PublishFailed():
                self._publish_failed(event)
            case DecidedItems():
                self._decided_items(event)
            case Expanded():
                self._expanded(event)
            case ExpandFailed():
                self._expand_failed(event)
            case RoomTaken():
                self._room_taken(event)
            case RoomFull():
                self._room_full(event)
            case Opened():
                self._open()
            case CancelRequested():
                self._cancel()
            case PauseRequested():
                self._paused = True
            case ResumeRequested():
                self._paused = False
            case TaskPauseRequested():
                self._meddle(self._hold, event.task)
            case TaskResumeRequested():
                self._meddle(self._let_go, event.task)
            case TaskCancelRequested():
                self._meddle(self._cancel_one, event.task)
            case SlotsChanged():
                assert event.slots >= 1, "a run needs a slot"
                self._slots = event.slots
            case _:
                assert_never(event)
        self._tell_dependants()
        self._fill_slots()
        return self._commands()

    # What each event means

    def _open(self) -> None:
        assert not self._opened, "a run opens once"
        self._opened = True
        self._give_up_left()
        for node in self._nodes.values():
            if node.kept:
                self._settle(node)
                continue
            # All tasks are recorded as the run opens, so that who looks sees the whole of it.
            self._moved[node] = True
            action = self._planned[node.spec.name].action
            if action in ("skip", "omit"):
                self._move(node, "skipped" if action == "skip" else "omitted")
            if node.interrupted:
                self._give_up_interrupted(node, node.interrupted)
            if node.state == "waiting" and not node.unmet:
                self._end_wait(node)
        deadline = self._limits.deadline
        if deadline is not None and deadline <= self._at:
            self._end_overdue()
        elif deadline is not None:
            self._effects.append(SetTimer("deadline", deadline))

    def _give_up_left(self) -> None:
        """As to attempts of items which are not known yet: nobody will hear how they ended, either."""
        for record in self._left.values():
            attempt = self._tried_before.get(record.token or "")
            if attempt is not None and attempt.state in UNENDED:
                self._effects += [
                    Record(attempt=attempt._replace(state="lost", ended_at=self._at)),
                    Discard(record.task, attempt.token),
                ]

    def _give_up_interrupted(self, node: Node, attempt: AttemptRecord) -> None:
        """Nobody will hear how an attempt of the dead driver ended."""
        self._tried.append((node, attempt._replace(state="lost", ended_at=self._at)))
        self._effects.append(Discard(node.spec.name, attempt.token))
        self._count_lost(node)

    def _count_lost(self, node: Node) -> None:
        node.lost += 1
        if node.state != "waiting" or may_repeat(node.spec, "lost", node.lost):
            return
        failure = was_lost(INTERRUPTED)
        self._fail(node, given_up(failure, node.spec, node.lost))

    def _decided_run(self, event: DecidedRun) -> None:
        node = self._nodes[event.task]
        if self._awaits_decision(node):
            node.reason, node.succeeded = event.reason.to_json(), None
            # Nothing is lost with it: who resumes the run decides again.
            self._move(node, "pending", durable=False)
            self._queue(node)

    def _decided_skip(self, event: DecidedSkip) -> None:
        node = self._nodes[event.task]
        if not self._awaits_decision(node):
            return
        if node.succeeded is not None:
            self._keep(node, node.succeeded)
            return
        node.reason = event.reason.to_json()
        self._move(node, "skipped")

    def _decided_failure(self, event: DecidedFailure) -> None:
        node = self._nodes[event.task]
        if self._awaits_decision(node):
            self._fail(node, event.failure)

    def _decided_items(self, event: DecidedItems) -> None:
        node = self._nodes[event.task]
        if self._awaits_decision(node):
            node.reason = event.reason.to_json()
            self._ask_for_items(node)

    def _ask_for_items(self, node: Node) -> None:
        node.phase = "gathering"
        self._moved[node] = True
        self._effects.append(Expand(node.spec.name))

    def _expanded(self, event: Expanded) -> None:
        group = self._nodes[event.task]
        if group.phase != "gathering" or group.items or group.state in FINAL:
            return
        if self._canceling or group.is_canceled:
            self._call_off(group)
            return
        if group.state == "waiting":
            group.started_at = self._at
            self._move(group, "running", durable=False)
        group.unmet = len(event.items)
        reason = Reason("item", group.spec.name).to_json()
        for spec in event.items:
            node = Node(spec, reason, rank=group.rank, serial=len(self._nodes), group=group)
            self._nodes[spec.name] = node
            group.items.append(node)
            self._unfinished += 1
            self._begin_item(node)
        if not event.items:
            self._gathered(group)

    def _begin_item(self, node: Node) -> None:
        record = self._left.pop(node.spec.name, None)
        if record is not None:
            take_up(self._run, node, record, self._tried_before)
        if record is not None and is_of_unknown_outcome(record):
            self._records[node.spec.name] = record
            self._keep(node, record)
            return
        if record is not None and record.state in SUCCEEDED:
            # Nothing takes its place before that is decided.
            self._records[node.spec.name] = node.succeeded = record
        else:
            self._moved[node] = True
        if node.interrupted:
            self._count_lost(node)
        if node.state != "waiting":
            return
        if node.group is not None and node.group.is_held and node.succeeded is None:
            node.is_held = True
            self._rest_held(node)
        else:
            self._asked.append(node)

    def _keep(self, node: Node, record: TaskRecord) -> None:
        """An item that came to its end before the run was resumed: that stands as it is recorded."""
        node.kept, node.state = record, record.state
        self._settle(node)

    def _expand_failed(self, event: ExpandFailed) -> None:
        node = self._nodes[event.task]
        if node.phase == "gathering" and not node.items and node.state not in FINAL:
            self._fail(node, event.failure)

    def _attempt_started(self, event: AttemptStarted) -> None:
        node = self._live.get(event.token)
        if node is None or node.state != "claimed":
            return
        node.started_at = event.at
        self._move(node, "running", durable=False)
        self._try(node, "running")
        if node.phase == "live":
            self._effects.append(SetTimer(f"timeout:{event.token}", event.at + node.spec.timeout))
            self._await_heartbeat(node, event.token)

    def _heartbeat(self, event: Heartbeat) -> None:
        node = self._live.get(event.token)
        if node is not None and node.phase == "live" and node.state == "running":
            self._await_heartbeat(node, event.token)

    def _timer_fired(self, timer: str) -> None:
        kind, _, subject = timer.partition(":")
        if kind == "retry":
            node = self._nodes[subject]
            if node.phase == "resting":
                node.phase = "idle"
                if not node.is_held:
                    self._queue(node)
        elif timer == "deadline":
            self._end_overdue()
        elif timer == "start":
            self._end_unstarted()
        elif kind == "room":
            self._look_for_room(tuple(subject.split(" ")))
        elif (live := self._live.get(subject)) is not None and live.phase == "live":
            live.limit = (
                ran_too_long(live.spec.timeout) if kind == "timeout" else fell_silent(live.spec.heartbeat_timeout or 0)
            )
            self._stop(live, subject)

    def _attempt_ended(self, event: AttemptEnded) -> None:
        result = event.result
        node = self._live.get(event.token)
        if node is None:
            self._discard_stale(event)
            return
        was_stopping = node.phase == "stopping"
        self._free_slot(node, event.token)
        # A short attempt's end may be the first that is heard of it.
        node.started_at = node.started_at or result.started_at or None
        if was_stopping:
            because = was_canceled if node.is_canceled else was_stopped
            self._attempt_failed(node, node.limit or result.failure or because(), result)
        elif result.failure is not None:
            self._attempt_failed(node, result.failure, result)
        else:
            node.phase = "publishing"
            node.result = result
            self._effects.append(Publish(node.spec.name, event.token))

    def _discard_stale(self, event: AttemptEnded) -> None:
        node = self._nodes[event.task]
        is_published = node.state == "success" or node.has_listed
        is_taken = node.token == event.token and (node.phase == "publishing" or is_published)
        if event.result.failure is None and not is_taken:
            self._effects.append(Discard(event.task, event.token))

    def _attempt_lost(self, event: AttemptLost) -> None:
        node = self._live.get(event.token)
        if node is not None:
            self._free_slot(node, event.token)
            self._attempt_failed(node, node.limit or was_lost(event.why), None)

    def _published(self, event: Published) -> None:
        node = self._nodes[event.task]
        if node.phase == "publishing" and node.token == event.token:
            node.phase = "idle"
            node.error = None
            ended_at = (node.result and node.result.ended_at) or self._at
            self._try(node, "success", node.result, ended_at)
            if node.spec.each is not None and self._canceling:
                self._call_off(node)
                return
            if node.spec.each is not None:
                node.result, node.has_listed = None, True
                if node.state == "claimed":
                    self._move(node, "running")
                self._ask_for_items(node)
                return
            self._move(node, "success")
            # Others may have been published before it: that is no part of how long it took.
            node.ended_at = ended_at
            node.result = None

    def _publish_failed(self, event: PublishFailed) -> None:
        node = self._nodes[event.task]
        if node.phase == "publishing" and node.token == event.token:
            node.phase = "idle"
            result, node.result = node.result, None
            self._attempt_failed(node, event.failure, result)

    def _end_unstarted(self) -> None:
        """Stops what was handed over long ago and has not begun, and looks again when the next could be due."""
        self._watches_starts = False
        start = self._limits.start
        assert start is not None, "nobody waits for attempts to begin"
        left = [node for node in self._live.values() if node.state == "claimed" and node.phase == "live"]
        for node in left:
            if node.claimed_at + start <= self._at and node.token is not None:
                node.limit = never_began(start)
                self._stop(node, node.token)
        waiting = [node.claimed_at for node in left if node.phase == "live"]
        if waiting:
            self._watches_starts = True
            self._effects.append(SetTimer("start", min(waiting) + start))

    def _end_overdue(self) -> None:
        """As a cancel, but what runs has failed for it, and so has the run."""
        if self._canceling or self.done:
            return
        self._is_overdue = True
        for node in self._live.values():
            node.limit = node.limit or was_overdue()
        self._cancel()

    def _cancel(self) -> None:
        if self._canceling or self.done:
            return
        self._canceling = True
        self._ready.clear()
        self._ready_async.clear()
        for line in tuple(self._rooms.lined_up):
            self._leave_line(line)
        self._rooms.clear()
        for node in self._nodes.values():
            if node.phase == "live" and node.token is not None:
                self._stop(node, node.token)
            elif node.state in ("waiting", "pending", "paused") and node.phase != "gathering":
                if node.succeeded is not None and node.state == "waiting":
                    self._keep(node, node.succeeded)
                else:
                    self._call_off(node)

    # One task by itself

    def _meddle(self, do: Callable[[Node], None], task: str) -> None:
        """An item of an earlier go may be none of this one."""
        node = self._nodes.get(task)
        if node is not None:
            do(node)

    def _hold(self, node: Node) -> None:
        """The task begins nothing more; what it waits for goes on. A repeated task is its items."""
        if node.state in FINAL or node.is_held or self._canceling:
            return
        node.is_held = True
        for item in node.items:
            self._hold(item)
        if node.state == "pending":
            self._withdraw(node)
            self._rest_held(node)
        elif self._awaits_decision(node):
            self._rest_held(node)

    def _rest_held(self, node: Node) -> None:
        node.waits = Reason("paused").to_json()
        self._move(node, "paused")

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
            self._move(node, "pending")
        else:
            self._move(node, "waiting")
            if node.group is None:
                self._end_wait(node)
            else:
                self._asked.append(node)

    def _cancel_one(self, node: Node) -> None:
        if node.state in FINAL or node.is_canceled or self._canceling:
            return
        if node.phase == "gathering":
            node.is_canceled = True
            for item in node.items:
                self._cancel_one(item)
            return
        if node.phase in ("live", "stopping"):
            node.is_canceled = True
            if node.phase == "live" and node.token is not None:
                self._stop(node, node.token)
        elif node.state in ("waiting", "pending", "paused"):
            node.is_canceled = True
            if node.state == "pending":
                self._withdraw(node)
            self._call_off(node)

    def _withdraw(self, node: Node) -> None:
        """The task is none of those that could begin."""
        if node.spec.rules:
            self._rooms.withdraw(node)
            if line_of(node) not in self._rooms.waiting:
                self._leave_line(line_of(node))
            return
        for ready in (self._ready, self._ready_async):
            if (node.rank, node) in ready:
                ready.remove((node.rank, node))
                heapify(ready)

    # How an attempt goes on

    def _attempt_failed(self, node: Node, failure: Failure, result: AttemptResult | None) -> None:
        """The attempt is over, its slot is free, and nothing of it is published."""
        assert node.token is not None
        self._effects.append(Discard(node.spec.name, node.token))
        if result is None or result.failure != failure:
            result = replace(result or self._unheard(node, node.token), failure=failure)
        if self._is_overdue:
            self._try(node, "failure", result)
            self._fail(node, of_unknown_outcome(failure) if is_unknown(node.spec, failure) else failure)
        elif self._canceling or node.is_canceled:
            self._try(node, "canceled", result)
            self._call_off(node)
        elif failure.reason in NOT_ITS_FAULT and failure.kind != "permanent":
            self._try(node, "lost" if failure.reason == "lost" else "failure", result)
            node.lost += 1
            if may_repeat(node.spec, failure.reason, node.lost):
                self._repeat(node, failure, 0.0)
            else:
                self._fail(node, given_up(failure, node.spec, node.lost))
        else:
            self._try(node, "failure", result)
            counted = node.attempt - node.lost - node.before
            if not may_retry(node.spec, counted, failure):
                self._fail(node, of_unknown_outcome(failure) if is_unknown(node.spec, failure) else failure)
            elif self._limits.retries is not None and self._retries >= self._limits.retries:
                self._fail(node, out_of_budget(failure, self._limits.retries))
            else:
                self._retries += 1
                self._repeat(node, failure, delay(node.spec.retry, counted, self._random))

    def _unheard(self, node: Node, token: str) -> AttemptResult:
        return AttemptResult(token, started_at=node.started_at or node.claimed_at, ended_at=self._at)

    def _repeat(self, node: Node, failure: Failure, after: float) -> None:
        node.error = failure_facts(failure)
        # From here on nobody may publish under the old attempt's name.
        node.token = None
        if after > 0:
            node.phase = "resting"
            self._effects.append(SetTimer(f"retry:{node.spec.name}", self._at + after))
        self._move(node, "pending")
        if node.is_held:
            self._rest_held(node)
        elif node.phase != "resting":
            self._queue(node)

    def _fail(self, node: Node, failure: Failure) -> None:
        node.error = failure_facts(failure)
        self._move(node, "failure")

    def _call_off(self, node: Node) -> None:
        if node.phase == "resting":
            self._effects.append(DropTimer(f"retry:{node.spec.name}"))
            node.phase = "idle"
        why = "deadline" if self._is_overdue else "canceled" if self._canceling else "task_canceled"
        node.reason = Reason(why).to_json()
        self._move(node, "canceled")

    def _stop(self, node: Node, token: str) -> None:
        node.phase = "stopping"
        self._drop_timers(node, token)
        self._effects.append(Stop(node.spec.name, token))

    def _free_slot(self, node: Node, token: str) -> None:
        del self._live[token]
        self._live_async -= self._is_async(node)
        if node.spec.rules:
            self._free_room(node, token)
        if node.phase == "live":
            self._drop_timers(node, token)
        node.phase = "idle"

    def _drop_timers(self, node: Node, token: str) -> None:
        if node.state == "running":
            self._effects.append(DropTimer(f"timeout:{token}"))
            if node.spec.heartbeat_timeout is not None:
                self._effects.append(DropTimer(f"heartbeat:{token}"))

    def _await_heartbeat(self, node: Node, token: str) -> None:
        if node.spec.heartbeat_timeout is not None:
            self._effects.append(SetTimer(f"heartbeat:{token}", self._at + node.spec.heartbeat_timeout))

    # Who goes next

    def _awaits_decision(self, node: Node) -> bool:
        return node.state == "waiting" and not node.unmet and node.phase == "idle"

    def _tell_dependants(self) -> None:
        """Lets a task's end reach all below it, without recursion: chains are long."""
        while self._settled:
            node = self._settled.pop()
            if node.group is not None:
                self._item_ended(node.group)
            for dependant, verdicts in node.dependants:
                if dependant.state != "waiting":
                    continue
                verdict = verdicts[node.state]
                if verdict == "block":
                    self._block(dependant, node.blocked_by or node.spec.name)
                    continue
                if verdict == "omit":
                    dependant.omitted_by = node.omitted_by or node.spec.name
                dependant.unmet -= 1
                if not dependant.unmet:
                    self._end_wait(dependant)

    def _item_ended(self, group: Node) -> None:
        group.unmet -= 1
        if not group.unmet and group.state not in FINAL:
            self._gathered(group)

    def _gathered(self, group: Node) -> None:
        """The end of a repeated task: that of its items together, once the last of them has ended."""
        group.phase = "idle"
        states = {item.state for item in group.items}
        bad = {"failure", "upstream_failed"}
        if not self._canceling and not group.is_canceled:
            bad.add("canceled")
        failed = next((item for item in group.items if item.state in bad), None)
        if failed is not None:
            self._block(group, failed.blocked_by or failed.spec.name)
            return
        if "canceled" in states:
            self._call_off(group)
            return
        if states == {"omitted"}:
            group.reason = group.items[0].reason
            self._move(group, "omitted")
            return
        kept = tuple(item.spec.name for item in group.items if item.state != "omitted")
        self._effects.append(Gather(group.spec.name, kept))
        has_run = group.attempt > group.before or "success" in states
        if not has_run:
            group.reason = Reason("items_up_to_date", f"{len(group.items):,} items").to_json()
        self._move(group, "success" if has_run else "skipped")

    def _block(self, node: Node, root: str) -> None:
        node.blocked_by = root
        node.reason = Reason("upstream_failed", root).to_json()
        self._move(node, "upstream_failed")

    def _end_wait(self, node: Node) -> None:
        # Only now: had a need failed meanwhile, that would be the answer, whichever came first.
        if node.omitted_by is not None:
            node.reason = Reason("upstream_omitted", node.omitted_by).to_json()
            self._move(node, "omitted")
        elif node.is_held:
            self._rest_held(node)
        elif self._is_settled(node):
            self._move(node, "pending", durable=False)
            self._queue(node)
        else:
            self._asked.append(node)

    def _is_settled(self, node: Node) -> bool:
        """Whether the plan has decided it a moment ago, with all that it reads in place, and need not decide again."""
        planned = self._planned[node.spec.name]
        return planned.action == "run" and planned.key is not None

    def _queue(self, node: Node) -> None:
        node.phase = "idle"
        if node.spec.rules:
            self._rooms.enter(node)
        else:
            heappush(self._ready_async if self._is_async(node) else self._ready, (node.rank, node))

    def _is_async(self, node: Node) -> bool:
        # One that waits for room takes an ordinary slot.
        return node.spec.is_async and self._async_slots > 0 and not node.spec.rules

    def _fill_slots(self) -> None:
        while len(self._live) - self._live_async + len(self._rooms.asking) < self._slots and not self._paused:
            if self._rooms.waiting and self._ask_for_room(self._ready[0][0] if self._ready else None):
                continue
            if not self._ready:
                break
            node = heappop(self._ready)[1]
            self._claim(node, self._token(node.spec.name, node.attempt + 1))
        while self._ready_async and self._live_async < self._async_slots and not self._paused:
            self._live_async += 1
            node = heappop(self._ready_async)[1]
            self._claim(node, self._token(node.spec.name, node.attempt + 1))
        if self._rooms.fresh:
            self._tell_who_waits()

    def _claim(self, node: Node, token: str) -> None:
        node.attempt += 1
        node.token = token
        node.phase = "live"
        node.claimed_at, node.started_at = self._at, None
        node.limit = None
        self._live[token] = node
        if not self._watches_starts and self._limits.start is not None:
            # One timer for all: most attempts begin at once.
            self._watches_starts = True
            self._effects.append(SetTimer("start", self._at + self._limits.start))
        self._move(node, "claimed")
        self._try(node, "claimed")
        self._effects.append(Start(node.spec.name, node.attempt, token))

    # Who has room

    def _ask_for_room(self, before: int | None) -> bool:
        """Has the best task that may have room ask for it, unless another goes before it; whether one did."""
        node = self._rooms.first()
        if node is None or (before is not None and node.rank > before):
            return False
        token = self._token(node.spec.name, node.attempt + 1)
        self._rooms.ask(node, token)
        self._effects.append(TakeRoom(node.spec.name, token, claims_of(node)))
        return True

    def _room_taken(self, event: RoomTaken) -> None:
        node = self._rooms.asking.pop(event.token)
        # It stands in line no more: whoever of the run is next asks anew.
        self._leave_line(line_of(node), is_told=False)
        if node.state == "pending" and not self._paused:
            self._claim(node, event.token)
            return
        self._free_room(node, event.token)
        if node.state == "pending":
            self._rooms.enter(node)

    def _room_full(self, event: RoomFull) -> None:
        node = self._rooms.asking.pop(event.token)
        line = line_of(node)
        self._rooms.lined_up.add(line)
        if node.state == "pending":
            self._rooms.told_full(node, event.group)
            self._effects.append(SetTimer(_room_timer(line), self._at + PATIENCE))
        else:
            self._rooms.give_back(node)
            self._leave_line(line)

    def _look_for_room(self, line: Line) -> None:
        """Lets a line ask again. Where it cannot begin anything now, it keeps nobody else from it."""
        self._rooms.full.pop(line, None)
        self._fill_slots()
        if all(line_of(node) != line for node in self._rooms.asking.values()):
            self._leave_line(line)

    def _leave_line(self, line: Line, *, is_told: bool = True) -> None:
        self._rooms.full.pop(line, None)
        if line in self._rooms.lined_up:
            self._rooms.lined_up.remove(line)
            self._effects.append(DropTimer(_room_timer(line)))
            if is_told:
                self._effects.append(LeaveLine(line))

    def _free_room(self, node: Node, token: str) -> None:
        self._rooms.give_back(node)
        self._effects.append(FreeRoom(token))

    def _tell_who_waits(self) -> None:
        for node, rule in self._rooms.lacking():
            node.waits = Reason("no_room", f"{rule.max} {rule.shown}").to_json()
            self._moved[node] = True

    # What is known

    def _move(self, node: Node, state: TaskState, *, durable: bool = True) -> None:
        """The one place where a task's state changes."""
        assert state in MOVES[node.state], f"{node.spec.name}: {node.state} to {state} is no legal move"
        node.state = state
        if node.waits is not None and state not in ("pending", "paused"):
            node.waits = None
        self._moved[node] = durable or self._moved.get(node, False)
        if state in FINAL:
            node.ended_at = self._at
            self._settle(node)

    def _settle(self, node: Node) -> None:
        self._unfinished -= 1
        self._settled.append(node)

    def _try(
        self,
        node: Node,
        state: Literal["claimed", "running", "success", "failure", "lost", "canceled"],
        result: AttemptResult | None = None,
        at: float | None = None,
    ) -> None:
        ended_at = None if state in ("claimed", "running") else at or self._at
        self._tried.append((node, node.attempt_record(self._run, state, ended_at, result)))

    def _commands(self) -> list[Command]:
        commands = self._recorded()
        commands += self._effects
        self._effects = []
        if self._asked:
            self._asked.sort(key=lambda node: node.rank)
            commands += [Decide(node.spec.name) for node in self._asked if node.state == "waiting"]
            self._asked = []
        if not self._unfinished and not self.done:
            commands += self._call_off_left()
            state = run_state(node.state for node in self._nodes.values())
            self._state = "failure" if self._is_overdue and state == "canceled" else state
            if self._limits.deadline is not None and not self._is_overdue:
                commands.append(DropTimer("deadline"))
            if self._watches_starts:
                commands.append(DropTimer("start"))
            commands.append(Finish(self._state))
        return commands

    def _call_off_left(self) -> list[Command]:
        """Items that there are no more since the run was resumed come to an end with it."""
        left = [record for record in self._left.values() if record.state not in FINAL]
        self._left = {}
        reason = Reason("canceled").to_json()
        ended = [record._replace(state="canceled", reason=reason, ended_at=self._at) for record in left]
        self._records.update((record.task, record) for record in ended)
        return [Record(record) for record in ended]

    def _recorded(self) -> list[Command]:
        commands: list[Command] = []
        latest: dict[Node, AttemptRecord] = {}
        for node, attempt in self._tried:
            if node in latest:
                commands.append(Record(attempt=latest[node]))
            latest[node] = attempt
        for node, durable in self._moved.items():
            record = self._records[node.spec.name] = node.task_record(self._run)
            commands.append(Record(record, latest.get(node), durable))
        self._tried = []
        self._moved = {}
        return commands


def _room_timer(line: Line) -> str:
    return f"room:{' '.join(line)}"
