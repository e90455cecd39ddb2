"""What SQLite's errors mean to the user of a state store."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from trc.runtime.errors import Stopped, stopped


def refusal(error: sqlite3.DatabaseError, path: Path) -> Stopped:
    """The end of a command whose state store cannot be used, with the remedy."""
    # The low byte is the kind of error, the others tell its finer causes.
    match getattr(error, "sqlite_errorcode", 0) & 0xFF:
        case sqlite3.SQLITE_NOTADB:
            what = f'"{path}" is not a state store: it is not a SQLite database'
            remedy = "move the file away: trc makes a new store, and runs every task once more"
        case sqlite3.SQLITE_CORRUPT:
            what = f'the state store "{path}" is damaged: {error}'
            remedy = f'restore it from a backup, or move "{path.parent}" away: trc makes a new store, and runs every task once more'
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            what = f'another process keeps the state store "{path}" locked'
            remedy = "wait for the other trc command to end, or end it, and try again"
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM | sqlite3.SQLITE_AUTH:
            what = f'the state store "{path}" cannot be opened for writing: {error}'
            remedy = (
                f'let this user write to "{path.parent}" and the files in it, or choose another folder for the state'
            )
        case sqlite3.SQLITE_FULL:
            what = f'there is no space left for the state store "{path}"'
            remedy = "free some space on that disk, and run the command again: nothing that was recorded is lost"
        case sqlite3.SQLITE_IOERR:
            what = f'the disk of the state store "{path}" reports an error: {error}'
            remedy = "look at the disk's free space and health, and run the command again"
        case _:
            what = f'the state store "{path}" cannot be used: {error}'
            remedy = f'restore it from a backup, or move "{path.parent}" away: trc makes a new store, and runs every task once more'
    return stopped("TRC606", what, remedy)


def folder_refusal(error: OSError, path: Path) -> Stopped:
    """The end of a command whose state folder cannot be made."""
    reason = (error.strerror or str(error)).lower()
    return stopped(
        "TRC606",
        f'the folder "{path.parent}" for the state store cannot be used: {reason}',
        "choose another folder for the state, or let this user write there",
    )
