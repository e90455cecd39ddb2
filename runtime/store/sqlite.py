"""The state store in one SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn

from trc.runtime.store.journal import Transaction
from trc.runtime.store.migrate import migrate
from trc.runtime.store.refusals import folder_refusal, refusal
from trc.runtime.store.sql import SqlStore, SqlTransaction
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


class SqliteStore(SqlStore):
    """Journal and results in the file at `path`, made with its folder if it is not there.

    Any number of processes may use the file; an object of this class belongs to the thread that made it.
    Raises `Stopped` where the file cannot be used.
    """

    def __init__(self, path: Path, patience: float = PATIENCE) -> None:
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise folder_refusal(error, path) from error
        with self._refusing():
            self._file = sqlite3.connect(path, timeout=patience, isolation_level=None)
        super().__init__(self._file, load)
        try:
            self._set_up()
        except OSError as error:
            self._file.close()
            raise folder_refusal(error, path) from error
        except BaseException:
            self._file.close()
            raise
        self._transaction = SqlTransaction(self._file, self._sql)

    def close(self) -> None:
        """Gives the file back; the object is of no use afterwards."""
        self._file.close()

    def transaction(self) -> AbstractContextManager[Transaction]:
        return _Block(self._file, self._transaction, self._refuse)

    @contextmanager
    def snapshot(self) -> Iterator[Callable[[str], Iterator[dict[str, Any]]]]:
        with self._refusing():
            self._file.execute("BEGIN")
            try:
                yield self._stream
            finally:
                self._file.execute("ROLLBACK")

    def _stream(self, sql: str) -> Iterator[dict[str, Any]]:
        rows = self._file.execute(sql)
        names = [column[0] for column in rows.description]
        for row in rows:
            yield dict(zip(names, row))

    def _set_up(self) -> None:
        with self._refusing():
            for setting in _SETTINGS:
                self._file.execute(setting)
            migrate(self._file, self._path)

    @contextmanager
    def _refusing(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            self._refuse(error)

    def _refuse(self, error: sqlite3.DatabaseError) -> NoReturn:
        """Raises what becomes of an error of SQLite; a mistake of ours stays what it is."""
        if isinstance(error, sqlite3.IntegrityError):
            raise ValueError(f"a record refers to a run that is not recorded ({error})") from error
        if isinstance(error, sqlite3.ProgrammingError):
            raise error
        raise refusal(error, self._path) from error


class _Block:
    """A transaction. It is a class because tasks wait for its beginning and its end: a generator takes longer."""

    __slots__ = ("_file", "_refuse", "_transaction")

    def __init__(
        self,
        file: sqlite3.Connection,
        transaction: Transaction,
        refuse: Callable[[sqlite3.DatabaseError], NoReturn],
    ) -> None:
        self._file = file
        self._transaction = transaction
        self._refuse = refuse

    def __enter__(self) -> Transaction:
        try:
            self._file.execute("BEGIN IMMEDIATE")
        except sqlite3.DatabaseError as error:
            self._refuse(error)
        return self._transaction

    def __exit__(
        self, _kind: type[BaseException] | None, raised: BaseException | None, _trace: TracebackType | None
    ) -> None:
        try:
            self._end(raised is None)
        except sqlite3.DatabaseError as error:
            self._refuse(error)
        if isinstance(raised, sqlite3.DatabaseError):
            self._refuse(raised)

    def _end(self, is_whole: bool) -> None:
        try:
            if is_whole:
                self._file.execute("COMMIT")
        finally:
            # Some errors, such as a full disk, have rolled back already.
            if self._file.in_transaction:
                self._file.execute("ROLLBACK")
