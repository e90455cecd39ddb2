"""Brings a state database to the form that this version of trc knows."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from trc.runtime.errors import stopped
from trc.runtime.taskside.records import record

FOLDER = Path(__file__).parent / "migrations"

APPLICATION_ID = 0x7472632E
"""Says in the file's header that it is ours ("trc.")."""

_HEADER = "SELECT application_id, user_version FROM pragma_application_id, pragma_user_version"


@record(frozen=True, slots=True)
class Migration:
    """One numbered step; once released, its file never changes."""

    version: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        return sha256(self.sql.encode()).hexdigest()


def migrate(connection: sqlite3.Connection, path: Path, folder: Path = FOLDER) -> None:
    """Applies what is missing, each migration in a transaction; raises `Stopped` for a database that is not ours."""
    last = newest(folder)
    if connection.execute(_HEADER).fetchone() == (APPLICATION_ID, last):
        return
    migrations = released(folder)
    with _only_one(path):
        _refuse_foreign(connection, path, last)
        connection.execute("PRAGMA journal_mode = WAL").fetchone()
        for migration in migrations:
            _apply(connection, path, migration)


def newest(folder: Path = FOLDER) -> int:
    """The version that this trc knows."""
    return max(int(file.name[:4]) for file in folder.glob("*.sql"))


def released(folder: Path = FOLDER) -> tuple[Migration, ...]:
    """All steps, in their order."""
    files = sorted(folder.glob("*.sql"))
    return tuple(Migration(int(file.stem[:4]), file.stem, file.read_text(encoding="utf-8")) for file in files)


def _refuse_foreign(connection: sqlite3.Connection, path: Path, last: int) -> None:
    application, version = connection.execute(_HEADER).fetchone()
    if application != APPLICATION_ID and connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone():
        raise stopped(
            "TRC606",
            f'"{path}" is a database, but not a state store of trc',
            "move it away, or choose another folder for the state: trc makes a new store there",
        )
    if version > last:
        raise stopped(
            "TRC606",
            f'the state store "{path}" was written by a newer trc (its version is {version}, this trc knows {last})',
            "use that trc, or choose another folder for the state",
        )


@contextmanager
def _only_one(path: Path) -> Iterator[None]:
    """Holds a lock on the folder: two first openings at a time would fail to switch to write-ahead logging.

    One of them would also find the other's tables without having seen whose they are.
    """
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _apply(connection: sqlite3.Connection, path: Path, migration: Migration) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        if not _is_applied(connection, path, migration):
            for statement in _statements(migration.sql):
                connection.execute(statement)
            connection.execute(
                "INSERT INTO migrations (version, name, checksum) VALUES (?, ?, ?)",
                (migration.version, migration.name, migration.checksum),
            )
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {migration.version}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _is_applied(connection: sqlite3.Connection, path: Path, migration: Migration) -> bool:
    connection.execute(
        "CREATE TABLE IF NOT EXISTS migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL)"
    )
    found = connection.execute("SELECT checksum FROM migrations WHERE version = ?", (migration.version,)).fetchone()
    if found is not None and found[0] != migration.checksum:
        raise stopped(
            "TRC606",
            f'the state store "{path}" was laid out by another "{migration.name}" than this trc has',
            "use the trc that made it, or choose another folder for the state",
        )
    return found is not None


def _statements(sql: str) -> Iterator[str]:
    statement = ""
    for line in sql.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
