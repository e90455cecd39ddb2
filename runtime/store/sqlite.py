"""The state store in one SQLite file."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from trc.runtime.store.journal import (
    AttemptRecord,
    DeadLetter,
    Driver,
    LetterState,
    RunRecord,
    RunState,
    TaskRecord,
    Transaction,
    Wish,
)
from trc.runtime.store.migrate import migrate
from trc.runtime.store.refusals import folder_refusal, refusal
from trc.runtime.store.results import FileDigest, Result
from trc.runtime.store.rows import (
    attempt_of,
    attempt_row,
    digest_of,
    digest_row,
    driver_of,
    driver_row,
    letter_of,
    letter_row,
    result_of,
    result_row,
    run_of,
    run_row,
    task_of,
    task_row,
)
from trc.runtime.store.statements import load

PATIENCE = 30.0
"""How many seconds a writer waits for another one."""

# FULL: a commit survives a power cut. Nothing secret lies here, so freed pages are not overwritten.
# The log starts over after 1.6 MB and not 4: to write over blocks that a file has is synced in half the
# time of growing it, for that changes the file system's own records as well.
_SETTINGS = (
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA secure_delete = OFF",
    "PRAGMA wal_autocheckpoint = 400",
)


class SqliteStore:
    """Journal and results in the file at `path`, made with its folder if it is not there.

    Any number of processes may use the file; an object of this class belongs to the thread that made it.
    Raises `Stopped` where the file cannot be used.
    """

    def __init__(self, path: Path, patience: float = PATIENCE) -> None:
        self._path = path
        self._sql = {**load("journal"), **load("results")}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise folder_refusal(error, path) from error
        with self._refusing():
            self._connection = sqlite3.connect(path, timeout=patience, isolation_level=None)
        try:
            self._set_up()
        except OSError as error:
            self._connection.close()
            raise folder_refusal(error, path) from error
        except BaseException:
            self._connection.close()
            raise
        self._transaction = _SqliteTransaction(self._connection, self._sql)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Gives the file back; the object is of no use afterwards."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        with self._refusing():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._transaction
                self._connection.execute("COMMIT")
            except BaseException:
                # Some errors, such as a full disk, have rolled back already.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

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

    def _set_up(self) -> None:
        with self._refusing():
            for setting in _SETTINGS:
                self._connection.execute(setting)
            migrate(self._connection, self._path)

    @contextmanager
    def _refusing(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.IntegrityError as error:
            raise ValueError(f"a record refers to a run that is not recorded ({error})") from error
        except sqlite3.ProgrammingError:
            raise
        except sqlite3.DatabaseError as error:
            raise refusal(error, self._path) from error


class _SqliteTransaction:
    """The changes that may be made while the write lock is held."""

    def __init__(self, connection: sqlite3.Connection, sql: Mapping[str, str]) -> None:
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

    def is_current(self, run: str, task: str, token: str) -> bool:
        return self._connection.execute(self._sql["is_current"], (run, task, token)).fetchone() is not None

    def forget_runs(self, runs: Sequence[str]) -> None:
        for what in ("tasks", "attempts", "leases", "letters", "wishes", "wishes_of_tasks", "room", "lines", "run"):
            self._connection.executemany(self._sql[f"forget_{what}"], [(run,) for run in runs])

    def forget_results(self, before: float) -> int:
        return self._connection.execute(self._sql["forget_results"], (before,)).rowcount

    def put_wish(self, run: str, wish: Wish) -> None:
        self._connection.execute(self._sql["put_wish"], (run, wish))

    def put_task_wish(self, run: str, task: str, wish: Wish) -> None:
        self._connection.execute(self._sql["put_task_wish"], (run, task, wish))

    def forget_task_wishes(self, run: str) -> None:
        self._connection.execute(self._sql["forget_task_wishes"], (run,))

    def drives(self, run: str, driver: str) -> bool:
        return self._connection.execute(self._sql["drives"], (run, driver)).fetchone() is not None

    def acquire(self, uris: Sequence[str], run: str, driver: str) -> Mapping[str, str]:
        holders = dict(self._connection.execute(self._sql["holders"], (json.dumps(list(uris)), run)))
        if not holders:
            self._connection.executemany(self._sql["acquire"], [(uri, run, driver) for uri in uris])
        return holders

    def release(self, run: str) -> None:
        self._connection.execute(self._sql["release"], (run,))
        self.free_room_of(run)

    def take_room(self, run: str, token: str, claims: Mapping[str, int]) -> str | None:
        bundle = " ".join(sorted(claims))
        for group, most in claims.items():
            chosen = {"grp": group, "run": run, "bundle": bundle}
            (taken,) = self._connection.execute(self._sql["room_taken"], chosen).fetchone()
            if taken >= most:
                self._connection.executemany(self._sql["wait_for_room"], [(run, bundle, one) for one in claims])
                return group
        self._connection.executemany(self._sql["take_room"], [(one, token, run) for one in claims])
        self._connection.execute(self._sql["leave_line"], (run, bundle))
        return None

    def free_room(self, token: str) -> None:
        self._connection.execute(self._sql["free_room"], (token,))

    def free_room_of(self, run: str) -> None:
        self._connection.execute(self._sql["release_room"], (run,))
        self._connection.execute(self._sql["release_lines"], (run,))

    def leave_line(self, run: str, groups: Sequence[str]) -> None:
        self._connection.execute(self._sql["leave_line"], (run, " ".join(sorted(groups))))


def _is_storable(path: str) -> bool:
    """Whether the path is text: a name of other bytes is not cached, which costs time only."""
    return path.isascii() or not any("\ud800" <= character <= "\udfff" for character in path)
