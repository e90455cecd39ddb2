"""What every state store that speaks SQL does: the named statements, and records as rows."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, Protocol, Self

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
from trc.runtime.store.rows import (
    Row,
    attempt_of,
    attempt_row,
    digest_of,
    digest_row,
    driver_of,
    driver_row,
    letter_of,
    letter_row,
    message_of,
    message_row,
    result_of,
    result_row,
    run_of,
    run_row,
    service_of,
    service_row,
    task_of,
    task_row,
    twin_of,
)


class Rows(Protocol):
    """What a statement answers: rows to go through, and how many it changed."""

    @property
    def rowcount(self) -> int: ...

    def fetchone(self) -> Any: ...

    def fetchall(self) -> list[Any]: ...

    def __iter__(self) -> Iterator[Any]: ...


class Connection(Protocol):
    """A database, as far as the statements go."""

    def execute(self, sql: str, values: Any = ..., /) -> Rows:
        """Carries out a statement with the values of its places."""
        ...

    def executemany(self, sql: str, rows: Iterable[Any], /) -> object:
        """Carries out a statement for each of these rows."""
        ...


class SqlStore(ABC):
    """Journal and results in a database. What opens one, and what makes a block of changes one, is its own.

    An object of this class belongs to the thread that made it. Raises `Stopped` where the database cannot be used.
    """

    def __init__(self, connection: Connection, load: Callable[[str], Mapping[str, str]]) -> None:
        self._connection = connection
        self._load = load
        self._sql = {**load("journal"), **load("results")}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @abstractmethod
    def close(self) -> None:
        """Gives the database back; the object is of no use afterwards."""

    @abstractmethod
    def transaction(self) -> AbstractContextManager[Transaction]:
        """As of the `Journal`."""

    @abstractmethod
    def snapshot(self) -> AbstractContextManager[Callable[[str], Iterator[dict[str, Any]]]]:
        """Meanwhile, statements see all of the database as it was at one moment; their rows come one by one, by column."""

    @abstractmethod
    def _refusing(self) -> AbstractContextManager[None]:
        """Meanwhile, what the database complains of becomes what the user is told."""

    @property
    def connection(self) -> Connection:
        """For whoever looks at what is kept, and changes nothing."""
        return self._connection

    def cache(self) -> SqlStore:
        """The store that digests of this machine's files are cached in."""
        return self

    def tidy(self) -> bool:
        """Removes what the store keeps for itself and needs no more; false where it does so without being asked."""
        return False

    def enrol(self, driver: Driver, lease_until: float) -> None:
        with self._refusing():
            self._connection.execute(self._sql["enrol"], driver_row(driver, lease_until))

    def drivers(self) -> Mapping[str, tuple[Driver, float]]:
        with self._refusing():
            rows = map(driver_of, self._connection.execute(self._sql["drivers"]))
            return {driver.id: (driver, lease_until) for driver, lease_until in rows}

    def runs(self, *, pipeline: str | None = None, state: RunState | None = None, limit: int = 100) -> list[RunRecord]:
        chosen = {"pipeline": pipeline, "state": state, "limit": max(limit, 0)}
        with self._refusing():
            return [run_of(row) for row in self._connection.execute(self._sql["runs"], chosen)]

    def run(self, run: str) -> RunRecord | None:
        with self._refusing():
            exact = self._connection.execute(self._sql["run"], (run,)).fetchone()
            if exact is not None:
                return run_of(exact)
            begin = self._connection.execute(self._sql["runs_that_begin"], {"prefix": run}).fetchall()
            return run_of(begin[0]) if len(begin) == 1 else None

    def submitted(self, pipeline: str, submission: str) -> RunRecord | None:
        with self._refusing():
            row = self._connection.execute(self._sql["submitted"], (pipeline, submission)).fetchone()
            return None if row is None else run_of(row)

    def tasks(self, run: str) -> list[TaskRecord]:
        with self._refusing():
            return [task_of(row) for row in self._connection.execute(self._sql["tasks"], (run,))]

    def attempts(self, run: str, task: str | None = None) -> list[AttemptRecord]:
        with self._refusing():
            rows = self._connection.execute(self._sql["attempts"], {"run": run, "task": task})
            return [attempt_of(row) for row in rows]

    def letters(self, *, run: str | None = None, settled: bool = False, limit: int = 1000) -> list[DeadLetter]:
        chosen = {"run": run, "settled": settled, "limit": max(limit, 0)}
        with self._refusing():
            return [letter_of(row) for row in self._connection.execute(self._sql["letters"], chosen)]

    def letter(self, number: int) -> DeadLetter | None:
        with self._refusing():
            row = self._connection.execute(self._sql["letter"], (number,)).fetchone()
            return None if row is None else letter_of(row)

    def messages(
        self, *, run: str | None = None, state: MessageState | None = None, limit: int = 1000
    ) -> list[Message]:
        chosen = {"run": run, "state": state, "limit": max(limit, 0)}
        with self._refusing():
            return [message_of(row) for row in self._connection.execute(self._sql["messages"], chosen)]

    def next_message_at(self) -> float | None:
        with self._refusing():
            (at,) = self._connection.execute(self._sql["next_message_at"]).fetchone()
            return None if at is None else float(at)

    def services(self) -> list[Service]:
        with self._refusing():
            return [service_of(row) for row in self._connection.execute(self._sql["services"], ())]

    def takers(self, groups: Sequence[str]) -> frozenset[str]:
        found: set[str] = set()
        with self._refusing():
            for group in groups:
                found.update(run for (run,) in self._connection.execute(self._sql["takers"], {"grp": group}))
        return frozenset(found)

    def wish(self, run: str) -> Wish:
        with self._refusing():
            row = self._connection.execute(self._sql["wish"], (run,)).fetchone()
            return "run" if row is None else row[0]

    def task_wishes(self, run: str) -> Mapping[str, Wish]:
        with self._refusing():
            return dict(self._connection.execute(self._sql["task_wishes"], (run,)))

    def latest(self, pipeline: str) -> Mapping[str, Result]:
        with self._refusing():
            rows = self._connection.execute(self._sql["latest"], (pipeline,))
            return {row[1]: result_of(row) for row in rows}

    def find(self, pipeline: str, task: str, key: str) -> Result | None:
        with self._refusing():
            row = self._connection.execute(self._sql["find"], (pipeline, task, key)).fetchone()
            return None if row is None else result_of(row)

    def digests(self, paths: Iterable[str]) -> Mapping[str, FileDigest]:
        wanted = json.dumps([path for path in paths if _is_storable(path)])
        with self._refusing():
            return dict(map(digest_of, self._connection.execute(self._sql["digests"], (wanted,))))

    def put_digests(self, digests: Mapping[str, FileDigest]) -> None:
        rows = [digest_row(path, known) for path, known in digests.items() if _is_storable(path)]
        if not rows:
            return
        with self.transaction():
            self._connection.executemany(self._sql["put_digest"], rows)

    def digest_paths(self) -> list[str]:
        with self._refusing():
            return [path for (path,) in self._connection.execute(self._sql["digest_paths"])]

    def forget_digests(self, paths: Sequence[str]) -> None:
        with self.transaction():
            self._connection.executemany(self._sql["forget_digest"], [(path,) for path in paths])

    def import_rows(self, statement: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Within a transaction, takes in rows of an export."""
        self._connection.executemany(self._load("state")[statement], rows)

    def export_rows(
        self, stream: Callable[[str], Iterator[dict[str, Any]]], statement: str
    ) -> Iterator[dict[str, Any]]:
        """Within a snapshot, the rows of an export."""
        return stream(self._load("state")[statement])

    def ids_of_runs(self) -> frozenset[str]:
        """All runs that are recorded."""
        with self._refusing():
            return frozenset(run for (run,) in self._connection.execute(self._load("state")["ids"]))

    def committed(self) -> list[Result]:
        """All results that are kept, in the order of their commits."""
        with self._refusing():
            return list(map(result_of, self._connection.execute(self._load("lineage")["committed"])))

    def replaced(self) -> list[Row]:
        """Of commits whose results are not kept any more: pipeline, task, run, attempt, time, and the attempt's result as text."""
        with self._refusing():
            return self._connection.execute(self._load("lineage")["replaced"]).fetchall()

    def digests_of_runs(self) -> Mapping[str, str]:
        """By run, the digest of the pipeline that was run."""
        with self._refusing():
            return dict(self._connection.execute(self._load("lineage")["digests_of_runs"]))


class SqlTransaction:
    """The changes that may be made while the write lock is held."""

    def __init__(self, connection: Connection, sql: Mapping[str, str]) -> None:
        self._connection = connection
        self._sql = sql

    def put_run(self, run: RunRecord) -> None:
        self._connection.execute(self._sql["put_run"], run_row(run))

    def put_tasks(self, tasks: Sequence[TaskRecord]) -> None:
        self._connection.executemany(self._sql["put_task"], map(task_row, tasks))

    def put_attempts(self, attempts: Sequence[AttemptRecord]) -> None:
        self._connection.executemany(self._sql["put_attempt"], map(attempt_row, attempts))

    def put_results(self, results: Sequence[Result]) -> None:
        self._connection.executemany(self._sql["put_result"], map(result_row, results))
        self._connection.executemany(self._sql["put_latest"], [(one.pipeline, one.task, one.key) for one in results])

    def put_letters(self, letters: Sequence[DeadLetter]) -> None:
        for one in letters:
            self.settle_letters(one.run, one.task, "replayed", one.died_at)
            self._connection.execute(self._sql["put_letter"], letter_row(one))

    def settle_letters(self, run: str, task: str, state: LetterState, at: float) -> None:
        chosen = {"run": run, "task": task, "state": state, "at": at}
        self._connection.execute(self._sql["settle_letters"], chosen)

    def put_messages(self, messages: Sequence[Message]) -> None:
        self._connection.executemany(self._sql["put_message"], map(message_row, messages))

    def take_messages(self, driver: str, now: float, until: float, limit: int) -> list[Message]:
        rows = self._connection.execute(self._sql["due_messages"], (now, limit))
        taken = [replace(message_of(row), taken_by=driver, due_at=until) for row in rows]
        self._connection.executemany(self._sql["take_message"], [(driver, until, one.number) for one in taken])
        return taken

    def put_tried(self, messages: Sequence[Message]) -> None:
        rows = [
            (one.state, one.tries, one.due_at, one.taken_by, one.error, one.settled_at, one.number) for one in messages
        ]
        self._connection.executemany(self._sql["put_tried"], rows)

    def free_messages(self, driver: str, at: float) -> None:
        self._connection.execute(self._sql["free_messages"], {"driver": driver, "at": at})

    def renew_messages(self, numbers: Sequence[int], at: float) -> None:
        self._connection.executemany(self._sql["renew_message"], [(at, number) for number in numbers])

    def take_room(self, run: str, token: str, claims: Mapping[str, int]) -> str | None:
        bundle = " ".join(sorted(claims))
        for group, most in claims.items():
            chosen = {"grp": group, "run": run, "bundle": bundle}
            (taken,) = self._connection.execute(self._sql["room_taken"], chosen).fetchone()
            if taken >= most:
                lines = [{"grp": one, "run": run, "bundle": bundle} for one in claims]
                self._connection.executemany(self._sql["wait_for_room"], lines)
                return group
        self._connection.executemany(self._sql["take_room"], [(one, token, run) for one in claims])
        self._connection.execute(self._sql["leave_line"], (run, bundle))
        return None

    def twins(self, group: str) -> list[Twin]:
        return [twin_of(row) for row in self._connection.execute(self._sql["twins"], (group,))]

    def put_twin(self, twin: Twin) -> None:
        self.drop_twins([twin])
        self._connection.execute(self._sql["put_twin"], (twin.group, twin.run, twin.task, twin.key))

    def drop_twins(self, twins: Sequence[Twin]) -> None:
        self._connection.executemany(self._sql["drop_twin"], [(one.group, one.run, one.task) for one in twins])

    def service(self, group: str) -> Service | None:
        row = self._connection.execute(self._sql["service"], (group,)).fetchone()
        return None if row is None else service_of(row)

    def put_service(self, service: Service) -> None:
        self._connection.execute(self._sql["put_service"], service_row(service))

    def free_room(self, token: str) -> None:
        self._connection.execute(self._sql["free_room"], (token,))

    def free_room_of(self, run: str) -> None:
        self._connection.execute(self._sql["release_room"], (run,))
        self._connection.execute(self._sql["release_lines"], (run,))

    def leave_line(self, run: str, groups: Sequence[str]) -> None:
        self._connection.execute(self._sql["leave_line"], (run, " ".join(sorted(groups))))

    def permitted(self, run: str, attempts: Mapping[str, str]) -> frozenset[str]:
        if len(attempts) == 1:  # as in a chain of tasks, each of which waits for this answer
            rows = self._connection.execute(self._sql["permitted_one"], (run, *attempts))
        else:
            rows = self._connection.execute(self._sql["permitted"], (run, json.dumps(list(attempts))))
        return frozenset(token for task, token in rows if attempts[task] == token)

    def forget_runs(self, runs: Sequence[str]) -> None:
        for what in (
            "tasks",
            "attempts",
            "leases",
            "letters",
            "wishes",
            "wishes_of_tasks",
            "messages",
            "room",
            "lines",
            "twins",
            "run",
        ):
            self._connection.executemany(self._sql[f"forget_{what}"], [(run,) for run in runs])

    def forget_results(self, before: float) -> int:
        return self._connection.execute(self._sql["forget_results"], (before,)).rowcount

    def put_task_wish(self, run: str, task: str, wish: Wish) -> None:
        self._connection.execute(self._sql["put_task_wish"], (run, task, wish))

    def forget_task_wishes(self, run: str) -> None:
        self._connection.execute(self._sql["forget_task_wishes"], (run,))

    def put_wish(self, run: str, wish: Wish) -> None:
        self._connection.execute(self._sql["put_wish"], (run, wish))

    def drives(self, run: str, driver: str) -> bool:
        return self._connection.execute(self._sql["drives"], (run, driver)).fetchone() is not None

    def acquire(self, uris: Sequence[str], run: str, driver: str) -> Mapping[str, str]:
        holders = dict(self._connection.execute(self._sql["holders"], (json.dumps(list(uris)), run)))
        if not holders:
            self._connection.executemany(self._sql["acquire"], [(uri, run, driver) for uri in uris])
        return holders

    def release(self, run: str) -> None:
        self._connection.execute(self._sql["release"], (run,))
        self._connection.execute(self._sql["release_services"], (run,))
        self.free_room_of(run)


def _is_storable(path: str) -> bool:
    """Whether the path is text: a name of other bytes is not cached, which costs time only."""
    return path.isascii() or not any("\ud800" <= character <= "\udfff" for character in path)
