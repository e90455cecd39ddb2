"""The state store in memory: for tests, and for runs that leave nothing behind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from threading import RLock
from typing import Any, TypeVar

from trc.runtime.store.journal import (
    AttemptRecord,
    DeadLetter,
    Driver,
    LetterState,
    Message,
    MessageState,
    RunRecord,
    RunState,
    Service,
    TaskRecord,
    Transaction,
    Twin,
    Wish,
)
from trc.runtime.store.results import FileDigest, Result

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


@dataclass(slots=True)
class _Tables:
    """Insertion order is the order in which things were first put."""

    drivers: dict[str, tuple[Driver, float]] = field(default_factory=dict[str, tuple[Driver, float]])
    runs: dict[str, RunRecord] = field(default_factory=dict[str, RunRecord])
    tasks: dict[str, dict[str, TaskRecord]] = field(default_factory=dict[str, dict[str, TaskRecord]])
    attempts: dict[str, dict[tuple[str, int], AttemptRecord]] = field(
        default_factory=dict[str, dict[tuple[str, int], AttemptRecord]]
    )
    leases: dict[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    results: dict[tuple[str, str, str], Result] = field(default_factory=dict[tuple[str, str, str], Result])
    latest: dict[str, dict[str, Result]] = field(default_factory=dict[str, dict[str, Result]])
    digests: dict[str, FileDigest] = field(default_factory=dict[str, FileDigest])
    letters: dict[int, DeadLetter] = field(default_factory=dict[int, DeadLetter])
    wishes: dict[str, Wish] = field(default_factory=dict[str, Wish])
    messages: dict[int, Message] = field(default_factory=dict[int, Message])
    task_wishes: dict[str, dict[str, Wish]] = field(default_factory=dict[str, dict[str, Wish]])
    room: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    """By group and token, the run that takes a place."""
    lines: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    """By run and set of groups, who came when."""
    twins: dict[tuple[str, ...], Twin] = field(default_factory=dict[tuple[str, ...], Twin])
    """By group, run and task."""
    services: dict[str, Service] = field(default_factory=dict[str, Service])


class MemoryStore:
    """Journal and results that live as long as the object. Threads may share it."""

    def __init__(self) -> None:
        self._tables = _Tables()
        self._lock = RLock()

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        with self._lock:
            block = _MemoryTransaction(self._tables)
            try:
                yield block
            except BaseException:
                block.undo()
                raise

    def enrol(self, driver: Driver, lease_until: float) -> None:
        with self._lock:
            self._tables.drivers[driver.id] = (driver, lease_until)

    def drivers(self) -> Mapping[str, tuple[Driver, float]]:
        with self._lock:
            return dict(self._tables.drivers)

    def runs(self, *, pipeline: str | None = None, state: RunState | None = None, limit: int = 100) -> list[RunRecord]:
        with self._lock:
            newest_put_first = reversed(self._tables.runs.values())
            chosen = [
                run for run in newest_put_first if pipeline in (None, run.pipeline) and state in (None, run.state)
            ]
        return sorted(chosen, key=lambda run: run.created_at, reverse=True)[: max(limit, 0)]

    def run(self, run: str) -> RunRecord | None:
        with self._lock:
            exact = self._tables.runs.get(run)
            if exact is not None:
                return exact
            begin = [record for name, record in self._tables.runs.items() if name.startswith(run)]
        return begin[0] if len(begin) == 1 else None

    def submitted(self, pipeline: str, submission: str) -> RunRecord | None:
        with self._lock:
            runs = self._tables.runs.values()
            return next((one for one in runs if (one.pipeline, one.submission) == (pipeline, submission)), None)

    def tasks(self, run: str) -> list[TaskRecord]:
        with self._lock:
            return list(self._tables.tasks.get(run, {}).values())

    def attempts(self, run: str, task: str | None = None) -> list[AttemptRecord]:
        with self._lock:
            return [one for one in self._tables.attempts.get(run, {}).values() if task in (None, one.task)]

    def letters(self, *, run: str | None = None, settled: bool = False, limit: int = 1000) -> list[DeadLetter]:
        with self._lock:
            newest_first = [self._tables.letters[number] for number in sorted(self._tables.letters, reverse=True)]
        chosen = [one for one in newest_first if run in (None, one.run) and (settled or one.state == "open")]
        return chosen[: max(limit, 0)]

    def letter(self, number: int) -> DeadLetter | None:
        with self._lock:
            return self._tables.letters.get(number)

    def messages(
        self, *, run: str | None = None, state: MessageState | None = None, limit: int = 1000
    ) -> list[Message]:
        with self._lock:
            newest_first = [self._tables.messages[number] for number in sorted(self._tables.messages, reverse=True)]
        chosen = [one for one in newest_first if run in (None, one.run) and state in (None, one.state)]
        return chosen[: max(limit, 0)]

    def next_message_at(self) -> float | None:
        with self._lock:
            return min((one.due_at for one in self._tables.messages.values() if one.state == "pending"), default=None)

    def services(self) -> list[Service]:
        with self._lock:
            return sorted(self._tables.services.values(), key=lambda one: one.name)

    def takers(self, groups: Sequence[str]) -> frozenset[str]:
        with self._lock:
            taking = {run for (group, _), run in self._tables.room.items() if group in groups}
            lines = self._tables.lines
            return frozenset(taking | {run for run, bundle in lines if not set(groups).isdisjoint(bundle.split(" "))})

    def wish(self, run: str) -> Wish:
        with self._lock:
            return self._tables.wishes.get(run, "run")

    def task_wishes(self, run: str) -> Mapping[str, Wish]:
        with self._lock:
            return dict(self._tables.task_wishes.get(run, {}))

    def latest(self, pipeline: str) -> Mapping[str, Result]:
        with self._lock:
            return dict(self._tables.latest.get(pipeline, {}))

    def find(self, pipeline: str, task: str, key: str) -> Result | None:
        with self._lock:
            return self._tables.results.get((pipeline, task, key))

    def digests(self, paths: Iterable[str]) -> Mapping[str, FileDigest]:
        with self._lock:
            return {path: self._tables.digests[path] for path in paths if path in self._tables.digests}

    def put_digests(self, digests: Mapping[str, FileDigest]) -> None:
        with self._lock:
            self._tables.digests.update(digests)

    def digest_paths(self) -> list[str]:
        with self._lock:
            return sorted(self._tables.digests)

    def forget_digests(self, paths: Sequence[str]) -> None:
        with self._lock:
            for path in paths:
                self._tables.digests.pop(path, None)


class _Absent:
    """Stands for the value of a key that was not there."""


_ABSENT = _Absent()


class _MemoryTransaction:
    """Changes the tables at once, and remembers how to take each change back."""

    def __init__(self, tables: _Tables) -> None:
        self._tables = tables
        self._before: list[tuple[dict[Any, Any], Any, Any]] = []

    def undo(self) -> None:
        """Takes back every change, the last one first."""
        for table, key, value in reversed(self._before):
            if value is _ABSENT:
                del table[key]
            else:
                table[key] = value
        self._before.clear()

    def put_run(self, run: RunRecord) -> None:
        self._set(self._tables.runs, run.id, run)

    def put_tasks(self, tasks: Sequence[TaskRecord]) -> None:
        for task in tasks:
            self._set(self._of_run(self._tables.tasks, task.run), task.task, task)

    def put_attempts(self, attempts: Sequence[AttemptRecord]) -> None:
        for attempt in attempts:
            self._set(self._of_run(self._tables.attempts, attempt.run), (attempt.task, attempt.number), attempt)

    def put_results(self, results: Sequence[Result]) -> None:
        for result in results:
            self._set(self._tables.results, (result.pipeline, result.task, result.key), result)
            self._set(self._tables.latest.setdefault(result.pipeline, {}), result.task, result)

    def put_letters(self, letters: Sequence[DeadLetter]) -> None:
        for one in letters:
            self._require(one.run)
            self.settle_letters(one.run, one.task, "replayed", one.died_at)
            number = max(self._tables.letters, default=0) + 1
            self._set(self._tables.letters, number, replace(one, number=number))

    def settle_letters(self, run: str, task: str, state: LetterState, at: float) -> None:
        for number, one in list(self._tables.letters.items()):
            if (one.run, one.task, one.state) == (run, task, "open"):
                self._set(self._tables.letters, number, replace(one, state=state, settled_at=at))

    def permitted(self, run: str, attempts: Mapping[str, str]) -> frozenset[str]:
        opened, tasks = self._tables.runs.get(run), self._tables.tasks.get(run, {})
        if opened is None or opened.state != "running":
            return frozenset()
        found = ((tasks.get(task), token) for task, token in attempts.items())
        return frozenset(
            token for one, token in found if one and one.token == token and one.state in ("claimed", "running")
        )

    def forget_runs(self, runs: Sequence[str]) -> None:
        of_runs: tuple[dict[str, Any], ...] = (
            self._tables.tasks,
            self._tables.attempts,
            self._tables.wishes,
            self._tables.task_wishes,
            self._tables.runs,
        )
        for run in runs:
            found = self._tables.runs.get(run)
            if found is None or found.state == "running":
                continue
            self.release(run)
            for number in [number for number, one in self._tables.letters.items() if one.run == run]:
                self._drop(self._tables.letters, number)
            for number in [number for number, one in self._tables.messages.items() if one.run == run]:
                self._drop(self._tables.messages, number)
            self.drop_twins([one for one in self._tables.twins.values() if one.run == run])
            for table in of_runs:
                if run in table:
                    self._drop(table, run)

    def forget_results(self, before: float) -> int:
        busy = {run.pipeline for run in self._tables.runs.values() if run.state == "running"}
        last = {(one.pipeline, one.task, one.key) for tasks in self._tables.latest.values() for one in tasks.values()}
        stale = [
            key
            for key, one in self._tables.results.items()
            if one.committed_at < before and key not in last and one.pipeline not in busy
        ]
        for key in stale:
            self._drop(self._tables.results, key)
        return len(stale)

    def put_messages(self, messages: Sequence[Message]) -> None:
        known = {one.id for one in self._tables.messages.values()}
        for one in messages:
            self._require(one.run)
            if one.id not in known:
                known.add(one.id)
                number = max(self._tables.messages, default=0) + 1
                self._set(self._tables.messages, number, replace(one, number=number))

    def take_messages(self, driver: str, now: float, until: float, limit: int) -> list[Message]:
        waiting = [one for one in self._tables.messages.values() if one.state == "pending" and one.due_at <= now]
        taken = [
            replace(one, taken_by=driver, due_at=until)
            for one in sorted(waiting, key=lambda one: (one.due_at, one.number))[:limit]
        ]
        for one in taken:
            self._set(self._tables.messages, one.number, one)
        return taken

    def put_tried(self, messages: Sequence[Message]) -> None:
        for one in messages:
            known = self._tables.messages.get(one.number)
            if known is not None and known.state == "pending":
                self._set(self._tables.messages, one.number, one)

    def free_messages(self, driver: str, at: float) -> None:
        for one in list(self._tables.messages.values()):
            if one.state == "pending" and one.taken_by == driver:
                self._set(self._tables.messages, one.number, replace(one, taken_by=None, due_at=at))

    def renew_messages(self, numbers: Sequence[int], at: float) -> None:
        for number in numbers:
            one = self._tables.messages.get(number)
            if one is not None:
                renewed = replace(one, state="pending", tries=0, due_at=at, taken_by=None, error="", settled_at=None)
                self._set(self._tables.messages, number, renewed)

    def put_wish(self, run: str, wish: Wish) -> None:
        self._require(run)
        self._set(self._tables.wishes, run, wish)

    def put_task_wish(self, run: str, task: str, wish: Wish) -> None:
        self._set(self._of_run(self._tables.task_wishes, run), task, wish)

    def forget_task_wishes(self, run: str) -> None:
        if run in self._tables.task_wishes:
            self._drop(self._tables.task_wishes, run)

    def drives(self, run: str, driver: str) -> bool:
        found = self._tables.runs.get(run)
        return found is not None and found.state == "running" and found.driver == driver

    def acquire(self, uris: Sequence[str], run: str, driver: str) -> Mapping[str, str]:
        self._require(run)
        held = ((uri, self._holder(uri)) for uri in sorted(set(uris)))
        others = {uri: holder for uri, holder in held if holder is not None and holder != run}
        if not others:
            for uri in uris:
                self._set(self._tables.leases, uri, (run, driver))
        return others

    def release(self, run: str) -> None:
        for uri in [uri for uri, (holder, _) in self._tables.leases.items() if holder == run]:
            self._drop(self._tables.leases, uri)
        self.free_room_of(run)
        for one in [one for one in self._tables.services.values() if one.run == run]:
            self.put_service(one._replace(until=0.0, run=None, token=None))

    def twins(self, group: str) -> list[Twin]:
        return [self._now(one) for one in self._tables.twins.values() if one.group == group]

    def _now(self, twin: Twin) -> Twin:
        run, task = self._tables.runs[twin.run], self._tables.tasks.get(twin.run, {}).get(twin.task)
        if task is None:
            return twin._replace(run_state=run.state)
        return twin._replace(state=task.state, attempt=task.attempt, error=task.error, run_state=run.state)

    def put_twin(self, twin: Twin) -> None:
        self._require(twin.run)
        self.drop_twins([twin])
        self._set(self._tables.twins, twin[:3], twin)

    def drop_twins(self, twins: Sequence[Twin]) -> None:
        for one in twins:
            if one[:3] in self._tables.twins:
                self._drop(self._tables.twins, one[:3])

    def service(self, group: str) -> Service | None:
        return self._tables.services.get(group)

    def put_service(self, service: Service) -> None:
        self._set(self._tables.services, service.group, service)

    def free_room_of(self, run: str) -> None:
        for place in [place for place, holder in self._tables.room.items() if holder == run]:
            self._drop(self._tables.room, place)
        for line in [line for line in self._tables.lines if line[0] == run]:
            self._drop(self._tables.lines, line)

    def take_room(self, run: str, token: str, claims: Mapping[str, int]) -> str | None:
        self._require(run)
        line = (run, " ".join(sorted(claims)))
        for group, most in claims.items():
            if self._taken(group, line) >= most:
                if line not in self._tables.lines:
                    self._set(self._tables.lines, line, max(self._tables.lines.values(), default=0) + 1)
                return group
        for group in claims:
            self._set(self._tables.room, (group, token), run)
        if line in self._tables.lines:
            self._drop(self._tables.lines, line)
        return None

    def _taken(self, group: str, line: tuple[str, str]) -> int:
        """The places that others take, or wait for who came before."""
        number = self._tables.lines.get(line)
        before = [
            other
            for (other, bundle), since in self._tables.lines.items()
            if group in bundle.split(" ") and other != line[0] and (number is None or since < number)
        ]
        taken = [holder for (one, _), holder in self._tables.room.items() if one == group]
        return sum(self._tables.runs[one].state == "running" for one in (*taken, *before))

    def free_room(self, token: str) -> None:
        for place in [place for place in self._tables.room if place[1] == token]:
            self._drop(self._tables.room, place)

    def leave_line(self, run: str, groups: Sequence[str]) -> None:
        line = (run, " ".join(sorted(groups)))
        if line in self._tables.lines:
            self._drop(self._tables.lines, line)

    def _holder(self, uri: str) -> str | None:
        lease = self._tables.leases.get(uri)
        if lease is None or self._tables.runs[lease[0]].state != "running":
            return None
        return lease[0]

    def _of_run(self, table: dict[str, dict[_Key, _Value]], run: str) -> dict[_Key, _Value]:
        self._require(run)
        return table.setdefault(run, {})

    def _require(self, run: str) -> None:
        if run not in self._tables.runs:
            raise ValueError(f'a record refers to a run that is not recorded ("{run}")')

    def _drop(self, table: dict[_Key, Any], key: _Key) -> None:
        self._before.append((table, key, table.pop(key)))

    def _set(self, table: dict[_Key, _Value], key: _Key, value: _Value) -> None:
        self._before.append((table, key, table.get(key, _ABSENT)))
        table[key] = value
