"""Gives attempts copies of the objects and of what lies on the web that they read, and sends what they wrote: around any executor of this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from queue import Empty, SimpleQueue
from shutil import rmtree
from threading import Event
from typing import Final

from trc.compiler.ir.uris import is_web
from trc.runtime.clock import Clock
from trc.runtime.executor import Ended, Executor, Lost, Needed, Progressed, Report, Started
from trc.runtime.spec import TaskSpec
from trc.runtime.storage.errors import MovingFile, told_as
from trc.runtime.storage.routed import is_object
from trc.runtime.storage.s3 import S3Storage
from trc.runtime.storage.s3_errors import moved
from trc.runtime.storage.sync.filling import fill
from trc.runtime.storage.sync.run import Synchronised, synchronise, write_log, write_report
from trc.runtime.storage.web_copies import WebCopies
from trc.runtime.store.results import ObjectIdentity
from trc.runtime.taskside.order import SYNC, OrderInput, OrderOutput, TaskOrder
from trc.runtime.taskside.outputs import measure
from trc.runtime.taskside.records import record
from trc.runtime.taskside.result import AttemptResult, Failure, WrittenOutput
from trc.runtime.taskside.task import TaskResult

_AT_A_TIME: Final = 4
"""Attempts whose objects travel at the same time."""
_GLANCE: Final = 0.02
"""Seconds between looks at transfers while attempts run, too: the executor waits for nothing but its own."""

_HEARTBEAT: Final = 1.0
"""Seconds between words of how far a synchronisation is."""

Copies = Mapping[str, str]


@record(frozen=True, slots=True)
class _Fetched:
    token: str
    order: TaskOrder | Failure


@dataclass(slots=True)
class Transferring:
    """Implements `Executor` around another one, whose orders then name files of this machine alone."""

    inner: Executor
    objects: S3Storage | None
    """None where nothing of the pipeline lies on S3."""
    web: WebCopies
    clock: Clock
    _travelling: dict[str, Event] = field(default_factory=dict[str, Event])
    """By token, what stops its transfers."""
    _orders: dict[str, TaskOrder] = field(default_factory=dict[str, TaskOrder])
    """The attempts with objects that the executor has, as they were ordered."""
    _running: set[str] = field(default_factory=set[str])
    """All attempts that the executor has."""
    _arrived: SimpleQueue[_Fetched | Started | Progressed | Ended] = field(default_factory=SimpleQueue)
    _reports: list[Report] = field(default_factory=list[Report])
    _threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(_AT_A_TIME, "transfer"))

    @property
    def slots(self) -> int:
        # Attempts whose objects travel keep no worker from others.
        return self.inner.slots + len(self._travelling)

    @property
    def async_slots(self) -> int:
        return self.inner.async_slots

    def expect(self, tasks: Sequence[TaskSpec]) -> None:
        self.inner.expect(tasks)

    def prepare(self, ahead: Sequence[Needed]) -> None:
        self.inner.prepare(ahead)

    def make_ready(self, order: TaskOrder) -> bool:
        return order.runs != SYNC and not _has_objects(order) and self.inner.make_ready(order)

    def start(self, *orders: TaskOrder) -> None:
        at_hand = [order for order in orders if order.runs != SYNC and not _has_objects(order)]
        if at_hand:
            self._begin(*at_hand)
        for order in orders:
            if order.runs == SYNC:
                self._travel(order.token, partial(self._synchronise, order))
            elif _has_objects(order):
                self._orders[order.token] = order
                self._travel(order.token, partial(self._fetch, order))

    def _begin(self, *orders: TaskOrder) -> None:
        self._running.update(order.token for order in orders)
        self.inner.start(*orders)

    def _travel(self, token: str, go: Callable[[Event], _Fetched | Ended]) -> None:
        stop = self._travelling[token] = Event()
        self._threads.submit(lambda: self._arrived.put(go(stop)))

    def stop(self, token: str, grace: float) -> None:
        stop = self._travelling.pop(token, None)
        if stop is None:
            self.inner.stop(token, grace)
            return
        stop.set()
        self._orders.pop(token, None)
        self._reports.append(Lost(token, self.clock.now(), "stopped"))

    def poll(self, timeout: float | None) -> Sequence[Report]:
        waited = 0.0
        while True:
            self._receive(0.0)
            if self._travelling and not self._reports:
                if self._running:
                    self._hear(self.inner.poll(_GLANCE))
                else:
                    self._receive(_GLANCE)
                waited += _GLANCE
            elif self._reports:
                self._hear(self.inner.poll(0.0))
            else:
                self._hear(self.inner.poll(None if timeout is None else max(0.0, timeout - waited)))
            if self._reports or not self._travelling or (timeout is not None and waited >= timeout):
                reports, self._reports = self._reports, []
                return reports

    def close(self) -> None:
        for stop in self._travelling.values():
            stop.set()
        self._threads.shutdown(cancel_futures=True)
        self.inner.close()
        self.web.close()
        if self.objects is not None:
            self.objects.close()

    def _receive(self, wait: float) -> None:
        """Takes what has arrived, if only after a moment."""
        while True:
            try:
                one = self._arrived.get(timeout=wait) if wait else self._arrived.get_nowait()
            except Empty:
                return
            wait = 0.0
            if isinstance(one, (Started, Progressed)):
                if one.token in self._travelling:
                    self._reports.append(one)
                continue
            if self._travelling.pop(one.token, None) is None:
                continue
            if isinstance(one, Ended):
                self._reports.append(one)
            elif isinstance(one.order, Failure):
                self._orders.pop(one.token)
                self._reports.append(self._failed(one.token, one.order))
            else:
                self._begin(one.order)

    def _hear(self, reports: Sequence[Report]) -> None:
        for report in reports:
            order = None
            if isinstance(report, (Ended, Lost)):
                self._running.discard(report.token)
                order = self._orders.pop(report.token, None)
            if order is not None and isinstance(report, Ended) and report.result.failure is None:
                self._send_later(order, report)
                continue
            if order is not None:
                _forget_filling(order)
            self._reports.append(report)

    def _send_later(self, order: TaskOrder, ended: Ended) -> None:
        self._travel(order.token, lambda stop: self._send(order, ended, stop))

    def _failed(self, token: str, failure: Failure, begun: float | None = None) -> Ended:
        now = self.clock.now()
        return Ended(token, now, AttemptResult(token, failure, started_at=begun or now, ended_at=now))

    # ── in threads ──

    def _fetch(self, order: TaskOrder, stop: Event) -> _Fetched:
        try:
            copies = {
                uri: self.storage.fetch(uri, identity, stop) for uri, identity in dict(_objects_of(order)).items()
            }
            copies |= {url: self.web.fetch(url, version, stop) for url, version in dict(_pages_of(order)).items()}
        except Exception as error:  # noqa: BLE001 - a thread's error is its attempt's
            return _Fetched(order.token, _failure(error))
        return _Fetched(order.token, _with_copies(order, copies))

    def _send(self, order: TaskOrder, ended: Ended, stop: Event) -> Ended:
        try:
            read = dict(_objects_of(order))
            if read:
                self.storage.look_again(read)
            for uri, identity in read.items():
                self._require_same(uri, identity)
            if order.filling:
                fill(self.storage, order.fills, ended.result.outputs[0].path, order.filling, stop)
            for written in ended.result.outputs:
                final = next(one.uri for one in order.outputs if one.name == written.name)
                if final is not None and is_object(final):
                    self.storage.send(written.path, final, stop)
        except Exception as error:  # noqa: BLE001 - as above
            return replace(ended, result=replace(ended.result, failure=_failure(error), outputs=()))
        finally:
            _forget_filling(order)
        return replace(ended, at=max(ended.at, self.clock.now()))

    def _synchronise(self, order: TaskOrder, stop: Event) -> Ended:
        """Does itself what an attempt orders that only looks at storage, and writes there."""
        begun, told = self.clock.now(), 0.0
        self._arrived.put(Started(order.token, begun))

        def report(done: int, total: int) -> None:
            nonlocal told
            now = self.clock.now()
            if now - told >= _HEARTBEAT:
                told = now
                self._arrived.put(Progressed(order.token, now, done, total))

        try:
            done = synchronise(self.storage, order, stop, report)
            write_log(order.log, done)
            outputs = tuple(self._report_of(one, done, stop) for one in order.outputs)
        except Exception as error:  # noqa: BLE001 - as above
            return self._failed(order.token, _failure(error), begun)
        now = self.clock.now()
        return Ended(order.token, now, AttemptResult(order.token, None, outputs, done.values, "", begun, now))

    def _report_of(self, output: OrderOutput, done: Synchronised, stop: Event) -> WrittenOutput:
        write_report(output.path, done)
        if output.uri is not None and is_object(output.uri):
            self.storage.send(output.path, output.uri, stop)
        return measure(output, TaskResult(rows={output.name: done.lines}))

    @property
    def storage(self) -> S3Storage:
        """Who has to do with objects has a storage for them."""
        assert self.objects is not None
        return self.objects

    def _require_same(self, uri: str, identity: ObjectIdentity) -> None:
        if self.storage.identity(uri) != identity:
            raise moved(uri)


def _failure(error: Exception) -> Failure:
    if isinstance(error, MovingFile):
        return Failure(str(error), "temporary", "input_moved")
    kind, reason = told_as(error, "publish") if isinstance(error, OSError) else ("unknown", "error")
    return Failure(str(error), kind, reason)


def _forget_filling(order: TaskOrder) -> None:
    """Removes the files that it left for a prefix."""
    if order.filling:
        rmtree(order.filling, ignore_errors=True)


def _has_objects(order: TaskOrder) -> bool:
    is_written = bool(order.filling) or any(one.uri is not None and is_object(one.uri) for one in order.outputs)
    is_read = next(_objects_of(order), None) is not None or next(_pages_of(order), None) is not None
    return is_written or is_read


def _objects_of(order: TaskOrder) -> Iterator[tuple[str, ObjectIdentity]]:
    for one in _inputs_of(order):
        if one.etags and is_object(one.files[0]):
            yield from zip(one.files, map(ObjectIdentity, one.etags, one.sizes), strict=True)


def _pages_of(order: TaskOrder) -> Iterator[tuple[str, str]]:
    """What lies on the web, with the version that was told: a task that is given an address itself fetches that itself."""
    for one in _inputs_of(order):
        if one.etags and is_web(one.files[0]) and one.files[0] != order.params.get("url"):
            yield from zip(one.files, one.etags, strict=True)


def _inputs_of(order: TaskOrder) -> Iterator[OrderInput]:
    checks = order.checks
    for one in (*order.inputs, *((checks.data, *checks.looked_up) if checks is not None else ())):
        yield from _with_inner(one)


def _with_inner(one: OrderInput) -> Iterator[OrderInput]:
    yield one
    for inner in one.inputs:
        yield from _with_inner(inner)


def _with_copies(order: TaskOrder, copies: Copies) -> TaskOrder:
    checks = order.checks
    if checks is not None:
        looked_up = tuple(_copied(one, copies) for one in checks.looked_up)
        checks = replace(checks, data=_copied(checks.data, copies), looked_up=looked_up)
    return replace(order, inputs=tuple(_copied(one, copies) for one in order.inputs), checks=checks)


def _copied(one: OrderInput, copies: Copies) -> OrderInput:
    inner = tuple(_copied(each, copies) for each in one.inputs)
    if not one.files or one.files[0] not in copies:
        return replace(one, inputs=inner) if inner else one
    files = tuple(copies[file] for file in one.files)
    return replace(one, files=files, inputs=inner, etags=(), sizes=(), names=one.files)
