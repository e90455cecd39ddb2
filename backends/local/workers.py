"""Runs attempts in warm worker processes: a few of them, started when there is work."""

from __future__ import annotations

import atexit
import json
import os
import selectors
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from trc.backends.local.endings import failure_at_end, failure_of_limit
from trc.backends.local.groups import BESIDE, Groups
from trc.backends.local.memory import memory_of_machine
from trc.backends.local.process import OWN, PREFETCH_LIMIT, Handed, Kind, WorkerProcess
from trc.backends.local.shared import SharedWorker
from trc.backends.local.turns import Turns
from trc.runtime.clock import Clock
from trc.runtime.executor import Ended, Lost, Needed, Prepared, Progressed, Queued, Report, Started
from trc.runtime.plain_json import encode_plain, is_plain
from trc.runtime.spec import TaskSpec
from trc.runtime.surroundings import cores
from trc.runtime.taskside.order import TaskOrder
from trc.runtime.taskside.result import AttemptResult, Failure

if TYPE_CHECKING:
    from trc.backends.local.environments import Antechamber

_ENGINES_SHARE: Final = 0.8
_SOON: Final = 0.01
"""Seconds by which it may be told later that an attempt began."""
_TELL_QUEUED: Final = 0.5
"""Seconds between two times that it is told who waits for others."""
_MOST_HELD: Final = 64
"""How many queries that wait for their turn keep no worker from others."""
_WAKEUPS: Final = 4096
_LONG: Final = 0.1
"""Seconds after which a running attempt is not waited for: about twice what a new process takes to be ready."""
# One for all orders: `json.dumps` with separators builds a new one each time.
_encode: Final = json.JSONEncoder(separators=(",", ":")).encode


class LocalExecutor:
    """Implements `Executor` with at most `workers` processes, each of which runs one attempt at a time.

    Each has orders more in its pipe while it runs, so that it need not wait for us: one, or as
    many as are done in a moment. What is in a pipe can be taken back and given to another. Beside
    them, one process has `max_async` asynchronous attempts at the same time. With `is_shielded`, whoever ends this
    process may kill its children first.
    """

    def __init__(
        self,
        workers: int,
        environ: Mapping[str, str],
        clock: Clock,
        max_async: int = 0,
        antechamber: Callable[[], Antechamber] | None = None,
        *,
        is_shielded: bool = False,
    ) -> None:
        self._most = workers
        self._is_shielded = is_shielded
        self._environ = dict(environ)
        self._clock = clock
        self._open_antechamber = antechamber
        self._antechamber: Antechamber | None = None
        """Made for the first order that is to run in an environment of its own."""
        self._memory_share = int(memory_of_machine() * _ENGINES_SHARE / workers)
        self._turns = Turns(workers, cores())
        self._groups = Groups()
        self._workers: list[WorkerProcess] = []
        self._ending: list[WorkerProcess] = []
        self._waiting: deque[Handed] = deque()
        self._ready: dict[str, WorkerProcess] = {}
        """By token, the workers that have read an order which they may not begin yet."""
        self._reports: list[Report] = []
        self._told_queued_at = time.monotonic()
        self._begun: set[str] = set()
        """The attempts that were told to have begun, and not to have ended."""
        self._selector = selectors.DefaultSelector()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the executor
        self._wakers: list[int] = []
        """The pipes of those who may end a `poll`."""
        self._is_woken = False
        self._max_async = max_async
        self._shared = SharedWorker(self._environ, self._errors, self._selector, clock, self._tell)
        atexit.register(self.close)

    @property
    def slots(self) -> int:
        not_hired = self._most - len(self._workers)
        # What waits for an environment, or for its turn, keeps no worker from others.
        for_turns = min(_MOST_HELD, sum(handed.takes_turns for handed in self._waiting)) if self._waiting else 0
        return 2 * not_hired + sum(1 + worker.depth for worker in self._workers) + self._held + for_turns

    @property
    def async_slots(self) -> int:
        return self._max_async

    def expect(self, tasks: Sequence[TaskSpec]) -> None:
        for task in tasks[: self._most]:
            # An environment may have to be built first, and secrets are fetched for attempts alone.
            if not (task.environment or task.secrets or task.is_async):
                self._hire(Kind(tuple(sorted(task.env.items())), task.memory)).preload(task.runs)

    def make_ready(self, order: TaskOrder) -> bool:
        if order.is_async:
            return False
        idle = None if self._waiting else next((one for one in self._workers if one.is_idle and one.has_spoken), None)
        if idle is None:
            return False
        handed = self._handed(order)
        if handed.takes_turns or handed.kind != idle.kind or len(handed.line) > PREFETCH_LIMIT:
            return False
        if not idle.make_ready(handed):
            return False
        self._ready[order.token] = idle
        return True

    def start(self, *orders: TaskOrder) -> None:
        # All are written before the first one is sent: who is sent one by one is woken for each.
        for order in orders:
            self._accept(order)
        self._hand_out()

    def _accept(self, order: TaskOrder) -> None:
        """Begins an order whose worker has read it; any other waits for a worker, or for its environment first."""
        if self._max_async and self._shared.takes(order):
            self._shared.start(order)
            return
        ready = self._ready.pop(order.token, None)
        if ready is None:
            handed = self._handed(order)
            if handed.kind.environment and not self._is_there(handed.kind.environment):
                self._hold(handed, order)
            else:
                self._waiting.append(handed)
            return
        self._tell_started(ready.begin(), self._clock.now())
        self._await_place(ready)

    def _handed(self, order: TaskOrder) -> Handed:
        raw = order.to_dict()
        # Nobody but the process itself awaits what it runs.
        raw.pop("is_async", None)
        if order.memory is None:
            raw["memory_share"] = order.memory_share or self._memory_share
        takes_turns = self._turns.waits_for_one(order)
        if takes_turns:
            raw["threads"] = self._turns.threads
        line = (encode_plain(raw) if _is_plain(raw) else _encode(raw).encode()) + b"\n"
        secrets = tuple(one.ref for one in order.secrets) if order.secrets else ()
        kind = Kind(tuple(sorted(order.env.items())), order.memory, secrets, order.environment)
        return Handed(order.token, line, kind, order.log, order.retry_on, takes_turns)

    def _is_there(self, environment: str) -> bool:
        return self._antechamber is not None and environment in self._antechamber.ready

    def prepare(self, ahead: Iterable[Needed]) -> None:
        """Begins to build the environments that tasks are about to need."""
        for one in ahead:
            if one.environment:
                self._opened().begin(one.project, one.environment, one.tasks)

    def _hold(self, handed: Handed, order: TaskOrder) -> None:
        """Has an order wait for its environment."""
        self._opened().hold(handed, order.project, order.task, order.attempt)

    def _opened(self) -> Antechamber:
        if self._antechamber is None:
            assert self._open_antechamber is not None, "whoever gives such orders says where environments are"
            self._antechamber = self._open_antechamber()
            self._selector.register(self._antechamber.news, selectors.EVENT_READ, self._release)
        return self._antechamber

    @property
    def _held(self) -> int:
        return 0 if self._antechamber is None else self._antechamber.held

    def _release(self) -> None:
        assert self._antechamber is not None
        self._antechamber.release(self._waiting.append, self._fail)
        for told in self._antechamber.building():
            self._reports.append(Prepared(self._clock.now(), told.tasks, told.state, told.what, told.seconds))

    def _fail(self, handed: Handed, failure: Failure) -> None:
        now = self._clock.now()
        result = AttemptResult(handed.token, failure, started_at=now, ended_at=now)
        self._reports.append(Ended(handed.token, now, result))

    def stop(self, token: str, grace: float) -> None:
        if self._antechamber is not None and self._antechamber.withdraw(token):
            self._lose(token, "stopped")
            return
        if self._shared.stop(token, grace):
            return
        for handed in self._waiting:
            if handed.token == token:
                self._waiting.remove(handed)
                self._lose(token, "stopped")
                return
        for worker in self._workers:
            if token in {handed.token for handed in (worker.running, *worker.queued) if handed}:
                returned = self._take_back(worker)
                if any(handed.token == token for handed in returned):
                    self._send_all(worker, [handed for handed in returned if handed.token != token])
                    self._lose(token, "stopped")
                else:
                    self._waiting.extendleft(reversed(returned))
                    self._end(worker, token, grace)
                return

    def poll(self, timeout: float | None) -> Sequence[Report]:
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            if self._reports and not self._has_news:
                # Short attempts are told of once, at their end.
                soon = time.monotonic() + _SOON
                end = soon if end is None else min(end, soon)
            wait = 0.0 if self._has_news or not self._is_busy(end) else self._until(end)
            for key, _events in self._selector.select(wait):
                key.data()
            self._force_overdue()
            self._shared.force_overdue()
            self._hand_out()
            is_over = self._is_woken or (end is not None and time.monotonic() >= end)
            if self._has_news or is_over or not self._is_busy(end):
                reports, self._reports = self._reports, []
                self._is_woken = False
                if time.monotonic() - self._told_queued_at >= _TELL_QUEUED:
                    reports += self._queued()
                return reports

    def _queued(self) -> Iterator[Report]:
        """Those that wait for others to end, or for their environment."""
        self._told_queued_at, now = time.monotonic(), self._clock.now()
        behind = [handed for worker in self._workers if worker.running is not None for handed in worker.queued]
        if any(worker.running is not None for worker in self._workers):
            behind += self._waiting
        if self._antechamber is not None:
            behind += (handed for waiting in self._antechamber.waiting.values() for handed in waiting)
        return (Queued(handed.token, now) for handed in behind)

    def waker(self) -> Callable[[], None]:
        """What ends a `poll` that waits, or the next one that would. It may be called from any thread, until `close`."""
        news, wake = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._wakers += [news, wake]

        def woken() -> None:
            with suppress(BlockingIOError):
                os.read(news, _WAKEUPS)
            self._is_woken = True

        def call() -> None:
            with suppress(BlockingIOError):  # it is full of calls
                os.write(wake, b".")

        self._selector.register(news, selectors.EVENT_READ, woken)
        return call

    @property
    def _has_news(self) -> bool:
        """Whether there is more to tell than that attempts began."""
        return any(not isinstance(report, Started) for report in self._reports)

    def close(self) -> None:
        atexit.unregister(self.close)
        self._waiting.clear()
        self._shared.close()
        workers, self._workers, self._ending = [*self._workers, *self._ending], [], []
        for worker in workers:
            worker.kill()
        for worker in workers:
            worker.collect()
        if self._antechamber is not None:
            self._antechamber.close()
        self._selector.close()
        for descriptor in self._wakers:
            os.close(descriptor)
        self._wakers.clear()
        self._errors.close()

    # ── handing out ──

    def _hand_out(self) -> None:
        """Gives each waiting order a worker that can take it, and each idle worker something to do."""
        for _ in range(len(self._waiting)):
            handed = self._waiting.popleft()
            is_held = handed.takes_turns and sum(worker.has_turn for worker in self._workers) >= self._turns.most
            worker = self._free_worker(handed) if self._can_hire and not is_held else None
            worker = worker or self._ahead(handed)
            if worker is None:
                self._waiting.append(handed)
            else:
                self._send(worker, handed)
        is_free = self._can_hire and all(handed.takes_turns for handed in self._waiting)
        if is_free and (hindered := self._hindered()):
            self._level(hindered)
            self._relieve(hindered)

    def _free_worker(self, handed: Handed) -> WorkerProcess:
        """An idle worker of its kind, or a new one; asked for only where there can be one."""
        idle = [worker for worker in self._workers if worker.is_idle]
        fitting = next((worker for worker in idle if worker.kind == handed.kind), None)
        if fitting is not None:
            return fitting
        if len(self._workers) >= self._most:
            self._retire(idle[0])
        return self._hire(handed.kind)

    def _ahead(self, handed: Handed) -> WorkerProcess | None:
        if handed.takes_turns or len(handed.line) > PREFETCH_LIMIT:
            return None
        fitting = [worker for worker in self._workers if worker.is_ahead and worker.kind == handed.kind]
        return min(fitting, key=_behind, default=None)

    def _level(self, hindered: Sequence[WorkerProcess]) -> None:
        """Of the orders that wait behind a running one, half go to a worker that has nothing to do."""
        for idle in [worker for worker in self._workers if worker.is_idle]:
            busy = max((worker for worker in hindered if worker.kind == idle.kind), key=_behind, default=None)
            returned = [] if busy is None else self._take_back(busy)
            kept = len(returned) // 2
            for place, handed in enumerate(returned):
                self._send(busy if busy is not None and place < kept else idle, handed)

    def _relieve(self, hindered: Sequence[WorkerProcess]) -> None:
        """An order that waits behind a long one is worth another worker process."""
        now = time.monotonic()
        for busy in hindered:
            returned = self._take_back(busy) if self._can_hire and now >= busy.since + _LONG else []
            for place, handed in enumerate(returned):
                self._send(self._free_worker(handed) if place == 0 else busy, handed)

    def _hindered(self) -> list[WorkerProcess]:
        """The workers in whose pipes orders wait behind a running one."""
        return [worker for worker in self._workers if worker.queued and worker.running is not None]

    @property
    def _can_hire(self) -> bool:
        """Whether there is place for a new worker, as it is or once one that has nothing to do is gone."""
        return len(self._workers) < self._most or any(worker.is_idle for worker in self._workers)

    def _hire(self, kind: Kind) -> WorkerProcess:
        interpreter = OWN
        if kind.environment:
            assert self._antechamber is not None
            interpreter = self._antechamber.ready[kind.environment]
        group = None if kind.memory is None else self._groups.make(kind.memory)
        worker = WorkerProcess(
            kind, self._environ, self._errors, interpreter, is_shielded=self._is_shielded, group=group
        )
        self._workers.append(worker)
        self._selector.register(worker.messages, selectors.EVENT_READ, partial(self._receive, worker))
        assert worker.exit is not None
        self._selector.register(worker.exit, selectors.EVENT_READ, partial(self._bury, worker))
        return worker

    def _send(self, worker: WorkerProcess, handed: Handed) -> None:
        if worker.send(handed):
            self._tell_started(handed, self._clock.now())
        self._await_place(worker)

    def _await_place(self, worker: WorkerProcess) -> None:
        if worker.has_unsent:
            self._selector.register(worker.orders, selectors.EVENT_WRITE, partial(self._send_rest, worker))

    def _send_all(self, worker: WorkerProcess, orders: Iterable[Handed]) -> None:
        for handed in orders:
            self._send(worker, handed)

    def _take_back(self, worker: WorkerProcess) -> list[Handed]:
        returned = worker.take_back()
        if worker.running is not None:
            self._tell_started(worker.running, self._clock.now())
        return returned

    def _tell_started(self, handed: Handed, at: float) -> None:
        """Tells it once: an order that begins at once can still be overtaken, and taken back."""
        if handed.token not in self._begun:
            self._begun.add(handed.token)
            self._reports.append(Started(handed.token, at))

    def _send_rest(self, worker: WorkerProcess) -> None:
        worker.send_rest()
        if not worker.has_unsent:
            self._selector.unregister(worker.orders)

    # ── ending ──

    def _retire(self, worker: WorkerProcess) -> None:
        """Ends a worker that has nothing to do; another may take its place at once."""
        self._workers.remove(worker)
        self._ending.append(worker)
        self._kill(worker)

    def _end(self, worker: WorkerProcess, token: str, grace: float) -> None:
        worker.stopping = token
        worker.deadline = time.monotonic() + grace
        if grace > 0:
            worker.terminate()
        else:
            self._kill(worker)

    def _force_overdue(self) -> None:
        now = time.monotonic()
        for worker in self._workers:
            if worker.deadline is not None and worker.deadline <= now:
                worker.deadline = None
                self._kill(worker)

    def _kill(self, worker: WorkerProcess) -> None:
        if worker.has_unsent:
            self._selector.unregister(worker.orders)
        worker.kill()

    def _bury(self, worker: WorkerProcess) -> None:
        """The process is gone, and all that it had started: says what became of its orders."""
        self._receive(worker)
        for descriptor in (worker.messages, worker.exit):
            if descriptor is not None and descriptor in self._selector.get_map():
                self._selector.unregister(descriptor)
        self._kill(worker)
        unread = worker.unread()
        at_limit = (
            None if worker.running is None else _at_limit(worker, AttemptResult(worker.running.token), worker.running)
        )
        code = worker.collect()
        if worker in self._ending:
            self._ending.remove(worker)
            return
        self._workers.remove(worker)
        for queued in reversed(worker.queued):
            self._tell_queued(worker, queued, worker.never_took(queued, unread))
        if worker.running is not None:
            self._tell_end(worker, worker.running, worker.never_took(worker.running, unread), code, at_limit)

    def _tell_end(
        self, worker: WorkerProcess, handed: Handed, is_unread: bool, code: int, at_limit: AttemptResult | None
    ) -> None:
        if worker.stopping is not None:
            own = worker.stopping == handed.token
            self._lose(handed.token, "stopped" if own else "its worker process was ended for another attempt")
            return
        if is_unread:
            self._lose(handed.token, "its worker process ended before it took the order")
            return
        now = self._clock.now()
        self._begun.discard(handed.token)
        failure = failure_at_end(code, worker.kind.memory, handed.retry_on)
        result = at_limit or AttemptResult(handed.token, failure)
        self._reports.append(Ended(handed.token, now, replace(result, ended_at=now)))

    def _tell_queued(self, worker: WorkerProcess, queued: Handed, is_unread: bool) -> None:
        if worker.stopping == queued.token:
            self._lose(queued.token, "stopped")
        elif not is_unread:
            self._lose(queued.token, "its worker process ended as it began")
        elif worker.has_spoken:
            self._waiting.appendleft(queued)
        else:
            self._lose(queued.token, f"never started: the worker process ended at once{self._last_words()}")

    def _tell(self, report: Report) -> None:
        self._reports.append(report)

    def _lose(self, token: str, why: str) -> None:
        self._begun.discard(token)
        self._reports.append(Lost(token, self._clock.now(), why))

    def _last_words(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return f": {lines[-1]}" if lines else ""

    # ── listening ──

    def _receive(self, worker: WorkerProcess) -> None:
        if worker.messages < 0:
            return
        lines = worker.receive()
        if lines is None:
            # Its end is seen at `exit`; a task can also have closed the pipe, and goes on.
            if worker.messages in self._selector.get_map():
                self._selector.unregister(worker.messages)
            return
        for line in lines:
            try:
                message = json.loads(line.decode())
            except ValueError:
                self._waiting.extendleft(reversed(self._take_back(worker)))
                self._end(worker, "", 0)
                return
            self._hear(worker, message)

    def _hear(self, worker: WorkerProcess, message: Mapping[str, Any]) -> None:
        worker.has_spoken = True
        if "result" in message:
            result = AttemptResult.from_dict(message["result"])
            self._begun.discard(result.token)
            worker.pace.saw(result.ended_at - result.started_at)
            if result.failure is not None and worker.running is not None:
                result = _at_limit(worker, result, worker.running) or result
            self._reports.append(Ended(result.token, result.ended_at, result))
            if message["is_last"]:
                self._part_with(worker)
                return
            self._go_on(worker, message["next"])
            if worker.stopping == result.token:
                # It ended by itself; the signal may still be on its way to the process.
                self._kill(worker)
        elif "started" in message:
            self._go_on(worker, message["started"])
        elif "progress" in message:
            told = message["progress"]
            self._reports.append(Progressed(told["token"], told["at"], told["done"], told["total"]))

    def _go_on(self, worker: WorkerProcess, beginning: Mapping[str, Any] | None) -> None:
        """The worker is done with one order and takes the next: it says so, or it was waiting for it."""
        began = worker.began()
        if began is not None:
            at = self._clock.now() if beginning is None else beginning["at"]
            self._tell_started(began, at)
        elif worker.kind.is_single_use and worker.stopping is None:
            self._retire(worker)

    def _part_with(self, worker: WorkerProcess) -> None:
        """The worker's process is of no use any more; what waits behind the last order goes elsewhere."""
        self._waiting.extendleft(reversed(worker.take_back()))
        worker.running = None
        self._retire(worker)

    def _until(self, end: float | None) -> float | None:
        deadlines = [worker.deadline for worker in self._workers if worker.deadline is not None]
        if end is not None:
            deadlines.append(end)
        if self._shared.deadline is not None:
            deadlines.append(self._shared.deadline)
        if self._can_hire:
            deadlines += [worker.since + _LONG for worker in self._hindered()]
        return max(0.0, min(deadlines) - time.monotonic()) if deadlines else None

    def _is_busy(self, end: float | None) -> bool:
        """Whether waiting without a limit could be answered by anything."""
        if end is not None or self._waiting or self._held or self._shared.is_busy:
            return True
        return any(not worker.is_idle for worker in self._workers)


def _is_plain(order: Mapping[str, Any]) -> bool:
    """Whether nothing of an order comes out of data, where numbers may be none: all else in it is trc's own."""
    return not ("item" in order or "handed" in order or order["checks"]) and is_plain(order["params"])


def _at_limit(worker: WorkerProcess, result: AttemptResult, handed: Handed) -> AttemptResult | None:
    """The result of a failed attempt some of whose processes were killed at the limit of all; None where none was."""
    limit, group = worker.kind.memory, worker.group
    if limit is None or group is None or not group.kills:
        return None
    peak = group.peak
    held = None if peak is None else peak - BESIDE
    failure = failure_of_limit(limit, held, result.failure, handed.retry_on)
    return replace(result, failure=failure, peak_memory=peak or result.peak_memory)


def _behind(worker: WorkerProcess) -> int:
    return len(worker.queued)
