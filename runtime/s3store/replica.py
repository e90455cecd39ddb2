"""This machine's copy of a store on S3: a SQLite file that steps of the log are carried out in, one after the other."""

from __future__ import annotations

import gzip
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory
from typing import Any, Final

from trc.runtime.s3store.segment import Statement, Step
from trc.runtime.store.migrate import migrate, newest
from trc.runtime.store.refusals import folder_refusal, refusal
from trc.runtime.taskside.records import record

# The log on S3 is what counts: a copy that a power cut has taken back some steps reads them again.
_SETTINGS: Final = (
    "PRAGMA synchronous = NORMAL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA secure_delete = OFF",
)
_OURS: Final = (
    "CREATE TABLE IF NOT EXISTS replica (one INTEGER PRIMARY KEY CHECK (one = 1), id TEXT NOT NULL, store TEXT NOT NULL, "
    "position INTEGER NOT NULL, probed TEXT NOT NULL)"
)
_CHANGES: Final = frozenset({sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE})
_LOOKS: Final = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION})
_CLOSED: Final = frozenset({"replica", "migrations"})


class NewerCopy(Exception):  # noqa: N818 - named for what was met
    """A checkpoint of tables that this trc does not know; its text is their version."""


@record(frozen=True, slots=True)
class Standing:
    """Which store a copy is of, which place of its log it has come to, and which endpoint was found to keep conditions."""

    id: str
    """Of the copy itself."""
    store: str = ""
    position: int = 0
    probed: str = ""


class Replica:
    """The copy, and what is done in it. Blocks hold the file's write lock: processes of one machine go one by one.

    As a connection of a store, it brings itself up to date before what stands alone (`look`), and notes what blocks change.
    """

    def __init__(self, path: Path, patience: float, look: Callable[[], None]) -> None:
        self.path = path
        self._patience = patience
        self._look = look
        self._noted: list[Statement] | None = None
        with self.refusing():
            try:
                self._file = self._opened()
            except sqlite3.DatabaseError as error:
                if getattr(error, "sqlite_errorcode", 0) & 0xFF not in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
                    raise
                # Nothing is lost with it: all of it is read again.
                for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
                    path.with_name(name).unlink(missing_ok=True)
                self._file = self._opened()

    def _opened(self) -> sqlite3.Connection:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            file = sqlite3.connect(self.path, timeout=self._patience, isolation_level=None)
        except OSError as error:
            raise folder_refusal(error, self.path) from error
        try:
            for setting in _SETTINGS:
                file.execute(setting)
            migrate(file, self.path)
            file.execute(_OURS)
            file.execute("INSERT OR IGNORE INTO replica VALUES (1, ?, '', 0, '')", (token_hex(16),))
        except BaseException:
            file.close()
            raise
        return file

    def close(self) -> None:
        self._file.close()

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Meanwhile, what SQLite complains of becomes what the user is told."""
        try:
            yield
        except sqlite3.IntegrityError as error:
            raise ValueError(f"a record refers to a run that is not recorded ({error})") from error
        except sqlite3.ProgrammingError:
            raise
        except sqlite3.DatabaseError as error:
            raise refusal(error, self.path) from error

    # ── where it stands ──

    @property
    def standing(self) -> Standing:
        return Standing(*self._file.execute("SELECT id, store, position, probed FROM replica").fetchone())

    @property
    def name(self) -> str:
        """What no other copy is called, not even one that somebody has made of this file."""
        found = self.path.stat()
        return f"{self.standing.id}-{found.st_dev}-{found.st_ino}"

    def move(self, position: int) -> None:
        """From now on it has come to that place of the log."""
        self._file.execute("UPDATE replica SET position = ?", (position,))

    def note_probed(self, endpoint: str) -> None:
        self._file.execute("UPDATE replica SET probed = ?", (endpoint,))

    # ── blocks ──

    def begin(self) -> None:
        self._file.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        self._file.execute("COMMIT")

    def keep(self, position: int) -> None:
        """Ends a block in which nothing was changed but by others, up to that place; not where SQLite has taken all back by itself."""
        if self._file.in_transaction:
            self.move(position)
            self.commit()

    def rollback(self) -> None:
        if self._file.in_transaction:
            self._file.execute("ROLLBACK")

    @contextmanager
    def noting(self) -> Iterator[list[Statement]]:
        """Meanwhile, all that changes something is noted; it is taken back if the block raises."""
        self._noted = []
        self._file.execute("SAVEPOINT step")
        try:
            yield self._noted
        except BaseException:
            # Some errors, such as a full disk, have rolled back all already.
            if self._file.in_transaction:
                self._file.execute("ROLLBACK TO step")
                self._file.execute("RELEASE step")
            raise
        else:
            self._file.execute("RELEASE step")
        finally:
            self._noted = None

    @property
    def is_in_block(self) -> bool:
        return self._noted is not None

    # ── as the connection of a store ──

    def execute(self, sql: str, values: Any = (), /) -> sqlite3.Cursor:
        if self._noted is None:
            self._look()
        elif not sql.startswith("SELECT"):
            self._noted.append((sql, [values]))
        return self._file.execute(sql, values)

    def executemany(self, sql: str, rows: Iterable[Any], /) -> None:
        """Only within a block: else some could be carried out, and others not."""
        assert self._noted is not None
        given = list(rows)
        if given:
            self._noted.append((sql, given))
            self._file.executemany(sql, given)

    def stream(self, sql: str) -> Iterator[dict[str, Any]]:
        rows = self._file.execute(sql)
        names = [column[0] for column in rows.description]
        for row in rows:
            yield dict(zip(names, row))

    @contextmanager
    def snapshot(self) -> Iterator[Callable[[str], Iterator[dict[str, Any]]]]:
        """Meanwhile, the copy is read as it is at the beginning."""
        self._file.execute("BEGIN")
        try:
            yield self.stream
        finally:
            self._file.execute("ROLLBACK")

    # ── what comes from S3 ──

    def carry_out(self, step: Step) -> None:
        """Does within a block what somebody else has done; raises ValueError for what no step of a store does."""
        self._file.set_authorizer(_may)
        try:
            for sql, rows in step.statements:
                self._file.executemany(sql, rows)
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in _OF_THE_DISK:
                raise
            raise ValueError(f"cannot be carried out: {error}") from error
        finally:
            self._file.set_authorizer(None)

    def start_over(self, store: str, position: int, checkpoint: bytes | None) -> None:
        """Becomes the copy that a checkpoint holds, or an empty one; not within a block. Raises ValueError for bytes that are none, and NewerCopy."""
        before = self.standing
        with TemporaryDirectory(dir=self.path.parent) as folder:
            place = Path(folder) / "state.db"
            if checkpoint is not None:
                place.write_bytes(_unpacked(checkpoint))
            with closing(sqlite3.connect(place, isolation_level=None)) as source:
                try:
                    (version,) = source.execute("PRAGMA user_version").fetchone()
                    if version > newest():
                        raise NewerCopy(version)
                    if checkpoint is not None and _position_of(source) != position:
                        raise ValueError("it is the copy of another place of the log")
                    migrate(source, place)
                    source.execute(_OURS)
                    source.execute(
                        "REPLACE INTO replica VALUES (1, ?, ?, ?, ?)", (before.id, store, position, before.probed)
                    )
                    source.execute("PRAGMA journal_mode = DELETE").fetchone()
                except sqlite3.DatabaseError as error:
                    raise ValueError(f"it is no copy of a state: {error}") from error
                source.backup(self._file)
        self._file.execute("PRAGMA journal_mode = WAL").fetchone()

    def checkpoint(self) -> tuple[int, bytes]:
        """The copy as it is, for others to begin with, and the place of the log that it has come to."""
        with TemporaryDirectory(dir=self.path.parent) as folder:
            place = Path(folder) / "state.db"
            self._file.execute("VACUUM INTO ?", (str(place),))
            with closing(sqlite3.connect(place)) as copy:
                position = _position_of(copy)
            return position, gzip.compress(place.read_bytes(), 6, mtime=0)


_OF_THE_DISK: Final = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_BUSY)


def _may(action: int, one: str | None, _two: str | None, _database: str | None, _trigger: str | None) -> int:
    """What a step from elsewhere may do: change rows of the store's tables, and nothing else."""
    is_fine = action in _LOOKS or (action in _CHANGES and one not in _CLOSED and not str(one).startswith("sqlite_"))
    return sqlite3.SQLITE_OK if is_fine else sqlite3.SQLITE_DENY


def _position_of(copy: sqlite3.Connection) -> int:
    (position,) = copy.execute("SELECT position FROM replica").fetchone()
    return int(position)


def _unpacked(checkpoint: bytes) -> bytes:
    try:
        return gzip.decompress(checkpoint)
    except (OSError, EOFError) as error:
        raise ValueError(str(error)) from error
