"""The state store on S3, which several machines may share."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from trc.runtime.errors import Stopped
from trc.runtime.s3store.checkpoints import EVERY, load_checkpoint, write_checkpoint
from trc.runtime.s3store.log import SILENCE, Behind, Log, Place
from trc.runtime.s3store.marker import Marker
from trc.runtime.s3store.objects import StateObjects
from trc.runtime.s3store.probe import require_conditions
from trc.runtime.s3store.replica import Replica
from trc.runtime.store.journal import Driver, Transaction
from trc.runtime.store.rows import driver_row
from trc.runtime.store.shared import SharedStore
from trc.runtime.store.sql import SqlStore, SqlTransaction
from trc.runtime.store.statements import load

PATIENCE: Final = 120.0
"""Seconds for which a writer waits for another one of the same machine."""
FRESH: Final = 1.0
"""Seconds for which what was read counts as what is there, outside of blocks of changes."""


class S3Store(SharedStore):
    """Journal and results in a log of objects, with a copy of what it comes to in `folder`; made if it is not there.

    A block of changes takes the next place of the log, reads in the copy, which then has all that was recorded before, and is
    recorded as one object: the order of the objects is that of the blocks, on whatever machines, and whoever was overtaken
    records nothing. Reads outside of blocks see what was recorded up to a second ago.

    Digests of files are this machine's affair, and are cached in `local`. The object belongs to the thread that made it.
    Raises `Stopped` where the store cannot be used.
    """

    def __init__(
        self,
        objects: StateObjects,
        folder: Path,
        local: Callable[[], SqlStore],
        *,
        silence: float = SILENCE,
        fresh: float = FRESH,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._objects = objects
        self._fresh = fresh
        self._clock = clock
        self._looked_at = float("-inf")
        self._replica = Replica(folder / "state.db", PATIENCE, self._look)
        super().__init__(self._replica, load)
        try:
            self._log = Log(objects, self._replica, silence=silence)
            with self._refusing():
                self._join()
            self._local = local()
        except BaseException:
            self._replica.close()
            raise
        self._transaction = SqlTransaction(self._replica, self._sql)

    def close(self) -> None:
        """Gives the copy back; the object is of no use afterwards."""
        self._replica.close()
        self._local.close()

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        with self._refusing():
            place = self._begun()
            try:
                try:
                    with self._replica.noting() as noted:
                        yield self._transaction
                except BaseException:
                    # What cannot be given up now is taken for dead by whoever comes next.
                    with suppress(Stopped):
                        self._log.give_up(place)
                    self._replica.keep(place.number)
                    raise
                self._log.fill(place, noted)
                self._replica.move(place.number)
                self._replica.commit()
            except BaseException:
                self._replica.rollback()
                raise
            self._looked_at = self._clock()
            self._after(place.number)

    def enrol(self, driver: Driver, lease_until: float) -> None:
        statement, row = self._sql["enrol"], driver_row(driver, lease_until)
        if self._replica.is_in_block:
            self._replica.execute(statement, row)
            return
        with self._refusing():
            self._within(lambda: self._log.append([(statement, [row])]))
            self._after(self._replica.standing.position)

    @contextmanager
    def snapshot(self) -> Iterator[Callable[[str], Iterator[dict[str, Any]]]]:
        with self._refusing():
            self._looked_at = float("-inf")
            self._look()
            with self._replica.snapshot() as stream:
                yield stream

    def tidy(self) -> bool:
        """Writes a checkpoint, and removes what nobody needs any more; false where the newest one is of now."""
        with self._refusing():
            return write_checkpoint(self._objects, self._replica) is not None

    def _refusing(self) -> AbstractContextManager[None]:
        return self._replica.refusing()

    # ── the copy and the log ──

    def _join(self) -> None:
        """Makes the copy one of the store that lies there."""
        if self._replica.standing.probed != self._objects.endpoint:
            require_conditions(self._objects)
            self._replica.note_probed(self._objects.endpoint)
        self._begin_anew_if_needed()
        self._look()

    def _begin_anew_if_needed(self) -> None:
        marker = Marker.made(self._objects)
        standing = self._replica.standing
        if standing.store != marker.id or standing.position < marker.checkpoint:
            load_checkpoint(self._objects, self._replica, marker)

    def _begun(self) -> Place:
        found: list[Place] = []
        self._within(lambda: found.append(self._log.reserve()), ends=False)
        return found[0]

    def _within(self, act: Callable[[], None], *, ends: bool = True) -> None:
        """Does something while the copy's write lock is held, and once more on a new copy where the old one is too far behind."""
        while True:
            self._replica.begin()
            try:
                act()
            except Behind:
                self._replica.rollback()
                self._begin_anew_if_needed()
                continue
            except BaseException:
                self._replica.rollback()
                raise
            if ends:
                self._replica.commit()
            return

    def _look(self) -> None:
        """Brings the copy up to date, where it is older than may be."""
        began = self._clock()
        if began - self._looked_at < self._fresh:
            return
        try:
            is_ahead = self._log.is_ahead()
        except Behind:
            self._begin_anew_if_needed()
            is_ahead = True
        if is_ahead:
            self._within(self._log.follow)
        self._looked_at = began

    def _after(self, number: int) -> None:
        """Now and then, what was recorded is put together for those who begin."""
        if number % EVERY == 0:
            # What could not be written is written the next time; the step itself is recorded.
            with suppress(Stopped, OSError, sqlite3.DatabaseError):
                write_checkpoint(self._objects, self._replica)
