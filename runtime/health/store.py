"""The file of a state store, looked at without a change to it or its companions."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from trc.runtime.health.finding import Finding, ok
from trc.runtime.store.migrate import APPLICATION_ID, FOLDER
from trc.runtime.store.refusals import refusal

_PATIENCE: Final = 5.0
_HEADER: Final = 100
_WAL: Final = b"\x02\x02"
"""Bytes 18 and 19 of a database that writes ahead: the versions that it is written and read with."""
_MOST_TOLD: Final = 3
_NEW: Final = "move the state folder away: trc makes a new one, and runs every task once more"


def open_store(path: Path) -> sqlite3.Connection:
    """The store, for reading. Raises sqlite3.Error.

    Where no log lies beside it nobody has it open, and it is read as a file that nobody writes: else SQLite
    would leave a log there.
    """
    is_alone = not _log(path).exists()
    asked = "mode=ro&immutable=1" if is_alone else "mode=ro"
    return sqlite3.connect(f"{path.absolute().as_uri()}?{asked}", uri=True, timeout=_PATIENCE, isolation_level=None)


def look_at_store(path: Path) -> Iterator[Finding]:
    """Whether the store can be read and written, is of this trc's form, and whole. Ends at what makes the rest meaningless."""
    try:
        head = _head(path)
    except OSError as error:
        text = f'"{path}" cannot be read: {(error.strerror or str(error)).lower()}'
        yield Finding("store", "error", text, "let this user read and write it")
        return
    for attempt in (1, 2):
        was_alone = not _log(path).exists()
        found = list(_look_inside(path, head))
        # Somebody may have begun to write while it was read as if nobody did.
        if attempt == 2 or not (was_alone and _log(path).exists()):
            yield from found
            return


def _look_inside(path: Path, head: bytes) -> Iterator[Finding]:
    check = "store"
    try:
        with closing(open_store(path)) as connection:
            application, version = connection.execute(
                "SELECT application_id, user_version FROM pragma_application_id, pragma_user_version"
            ).fetchone()
            tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
            yield _opened(path)
            yield from _form(application, version, tables)
            yield _ahead(head)
            check = "integrity"
            yield _whole(connection)
    except sqlite3.DatabaseError as error:
        (told,) = refusal(error, path).diagnostics
        yield Finding(check, "error", told.message, "; ".join(told.help))


def _opened(path: Path) -> Finding:
    closed = [
        one for one in (path, _log(path), path.with_name(f"{path.name}-shm")) if one.exists() and not _is_writable(one)
    ]
    if closed:
        text = f'"{closed[0]}" can be read, but not written'
        return Finding("store", "error", text, "let this user write to it, and to the folder that it lies in")
    return ok("store", f"the state store opens ({path.stat().st_size / 1e6:,.1f} MB)")


def _form(application: int, version: int, tables: int) -> Iterator[Finding]:
    newest = max(int(file.name[:4]) for file in FOLDER.glob("*.sql"))
    if application != APPLICATION_ID and tables:
        yield Finding("schema", "error", "the state store is a database, but not one of trc", _NEW)
    elif version > newest:
        text = f"the state store has version {version}, and this trc knows {newest}"
        yield Finding("schema", "error", text, "use the trc that wrote it, or a newer one")
    elif version < newest:
        text = f"the state store has version {version}; the next command that writes makes it {newest}"
        yield Finding("schema", "warn", text, "keep a copy of it, if an older trc is to use it again")
    else:
        yield ok("schema", f"the state store has the current version, {version}")


def _ahead(head: bytes) -> Finding:
    if head[18:20] == _WAL:
        return ok(
            "write-ahead-log", "the state store writes ahead, so that readers and writers do not wait for each other"
        )
    text = "the state store does not write ahead: whoever reads it keeps others from writing"
    return Finding(
        "write-ahead-log",
        "warn",
        text,
        "switch it on while nothing runs: sqlite3 .trc/state.db 'PRAGMA journal_mode = WAL'",
    )


def _whole(connection: sqlite3.Connection) -> Finding:
    wrong = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(10)") if row[0] != "ok"]
    wrong += [f'a row of "{table}" refers to nothing' for table, *_ in connection.execute("PRAGMA foreign_key_check")]
    if wrong:
        more = f" and {len(wrong) - _MOST_TOLD} more" if len(wrong) > _MOST_TOLD else ""
        text = f"the state store is damaged: {'; '.join(wrong[:_MOST_TOLD])}{more}".replace("\n", " ")
        return Finding("integrity", "error", text, f"restore it from a backup, or {_NEW}")
    return ok("integrity", "the state store is whole")


def _log(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_HEADER)


def _is_writable(path: Path) -> bool:
    return os.access(path, os.W_OK)
