"""The state store in a schema of a PostgreSQL database, which several machines may share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from trc.runtime.store.address import Address
from trc.runtime.store.journal import Transaction
from trc.runtime.store.migrate_postgres import migrate_postgres
from trc.runtime.store.server import AWAY, Server, load
from trc.runtime.store.shared import SharedStore
from trc.runtime.store.sql import SqlStore, SqlTransaction

PATIENCE = 30.0
"""How many seconds a writer waits for another one."""


class PostgresStore(SharedStore):
    """Journal and results at an address; the schema and its tables are made if they are not there.

    What SQLite's `BEGIN IMMEDIATE` gives, a block has here by a lock of the whole schema, `pg_advisory_xact_lock`, which is
    taken with its first statement and given back by its end, however it ends: one writer at a time, on whatever machine.
    The isolation is READ COMMITTED: each statement sees all that was committed before it began, and nobody commits
    meanwhile, so that what a block has read still holds when it writes. Fences (`drives`), permits (`permitted`) and
    leases (`acquire`) need nothing beyond that. Reads outside of blocks wait for nobody.

    A connection that is lost within a block takes the block back, and ends the command; between blocks a new one is
    made. A server is not waited for without end: 10 s for a connection, 30 s for the lock, 60 s for an answer. The
    server itself ends blocks whose process sleeps for two minutes, and those of machines that are gone.

    Digests of files are this machine's affair, and are cached in `local`. The object belongs to the thread that made it.
    """

    def __init__(
        self,
        address: Address,
        local: Callable[[], SqlStore],
        password: str | None = None,
        *,
        patience: float = PATIENCE,
        away: float = AWAY,
    ) -> None:
        self._server = Server(address, password, patience=patience, away=away)
        super().__init__(self._server, load)
        try:
            with self._refusing():
                migrate_postgres(self._server, address)
            self._local = local()
        except BaseException:
            self._server.close()
            raise
        self._transaction = SqlTransaction(self._server, self._sql)

    def close(self) -> None:
        """Gives the connection back; the object is of no use afterwards."""
        self._server.close()
        self._local.close()

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        with self._refusing():
            self._server.begin()
            try:
                yield self._transaction
                self._server.commit()
            except BaseException:
                self._server.rollback()
                raise

    @contextmanager
    def snapshot(self) -> Iterator[Callable[[str], Iterator[dict[str, Any]]]]:
        with self._refusing(), self._server.snapshot() as stream:
            yield stream

    def _refusing(self) -> AbstractContextManager[None]:
        return self._server.refusing()
