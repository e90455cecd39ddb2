"""A connection to a server of PostgreSQL, which is made anew where it was lost between two blocks of changes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from typing import Any, Final, TypeVar

from trc.runtime.errors import stopped
from trc.runtime.store import complaints, dialect, statements
from trc.runtime.store.address import Address
from trc.runtime.store.sql import Rows

EXTRA: Final = "postgres"
CONNECT: Final = 10
"""Seconds in which a server has to take a connection."""
ANSWER: Final = 60.0
"""Seconds in which it has to answer a statement."""
AWAY: Final = 60.0
"""Seconds for which a server that was there is waited for to come back."""
_BETWEEN: Final = 0.25
_AT_ONCE: Final = 1000
"""Rows of a stream that are fetched at once."""

# A machine that is gone is noticed within half a minute, here as on the server (`session.sql`).
_NOTICING: Final = {
    "connect_timeout": CONNECT,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}

T = TypeVar("T")


def load(name: str) -> Mapping[str, str]:
    """The statements of that name, as PostgreSQL takes them: its own where it has some, else translated ones."""
    own = statements.FOLDER / "postgresql"
    shared = statements.load(name) if (statements.FOLDER / f"{name}.sql").is_file() else {}
    written = statements.load(name, own) if (own / f"{name}.sql").is_file() else {}
    return {one: dialect.statement(sql) for one, sql in {**shared, **written}.items()}


class Server:
    """A connection for statements that stand alone, and for blocks of them that begin with the store's lock.

    `patience` is how many seconds a writer waits for another one, `away` for how many a server is waited for that was
    there. Raises psycopg's errors, and `Stopped` where no connection can be made.
    """

    def __init__(
        self, address: Address, password: str | None = None, *, patience: float = 30.0, away: float = AWAY
    ) -> None:
        self._driver = driver()
        self._address = address
        self._password = password
        self._patience = patience
        self._away = away
        self._session = load("session")
        self._in_block = False
        self._is_given_back = False
        try:
            self._connection = self._connected(CONNECT)
        except self._driver.OperationalError as error:
            raise complaints.unreachable(error, address) from error
        except self._driver.Error as error:
            raise complaints.refusal(error, address) from error

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Meanwhile, what the server complains of becomes what the user is told."""
        try:
            yield
        except self._driver.IntegrityError as error:
            raise ValueError(f"a record refers to a run that is not recorded ({complaints.reason(error)})") from error
        except self._driver.Error as error:
            if self._is_lost:
                raise complaints.lost(error, self._address) from error
            if isinstance(error, self._driver.ProgrammingError) and not complaints.is_of_the_server(error):
                raise
            raise complaints.refusal(error, self._address) from error

    @property
    def _is_lost(self) -> bool:
        return bool(self._connection.closed) and not self._is_given_back

    def close(self) -> None:
        self._is_given_back = True
        self._connection.close()

    def execute(self, sql: str, values: Any = None, /) -> Rows:
        if self._in_block:
            return self._carried_out(sql, values)
        return self._though_lost(lambda: self._carried_out(sql, values))

    def executemany(self, sql: str, rows: Iterable[Any], /) -> None:
        """Only within a block: else some could be carried out, and others not."""
        assert self._in_block
        given = list(rows)
        if len(given) == 1:
            self._connection.execute(sql, given[0])
        elif given:
            with self._connection.cursor() as cursor:
                cursor.executemany(sql, given)

    def begin(self) -> None:
        """Begins a block: returns when nobody else is in one of the same schema."""
        try:
            self._though_lost(lambda: self._connection.execute(self._session["begin"]))
        except BaseException:
            self.rollback()
            raise
        self._in_block = True

    def commit(self) -> None:
        """Ends the block. All of it is durable when this returns; where it raises, nobody knows."""
        done = self._connection.execute("COMMIT").statusmessage
        self._in_block = False
        assert done == "COMMIT", f"a block in which a statement failed was ended as if none had: {done}"

    def rollback(self) -> None:
        """Takes the block back, here or, where the connection is lost, by the server itself."""
        self._in_block = False
        with suppress(self._driver.Error):
            self._connection.execute("ROLLBACK")

    @contextmanager
    def snapshot(self) -> Iterator[Callable[[str], Iterator[dict[str, Any]]]]:
        """Meanwhile, statements see the database as it is at the beginning, and their rows are streamed."""
        self._though_lost(lambda: self._connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"))
        self._in_block = True
        try:
            yield self._stream
        finally:
            self.rollback()

    def _carried_out(self, sql: str, values: Any) -> Rows:
        rows: Rows = self._connection.execute(sql, values)
        return rows

    def _stream(self, sql: str) -> Iterator[dict[str, Any]]:
        rows: Any = self._driver.rows.dict_row
        with self._connection.cursor("stream", row_factory=rows) as cursor:
            cursor.itersize = _AT_ONCE
            cursor.execute(sql)
            yield from cursor

    def _though_lost(self, act: Callable[[], T]) -> T:
        """Does what can be done again: where the connection turns out to be lost, on a new one."""
        try:
            return act()
        except self._driver.Error:
            if not self._is_lost:
                raise
        self._reconnect()
        return act()

    def _reconnect(self) -> None:
        until = time.monotonic() + self._away
        while True:
            left = until - time.monotonic()
            try:
                self._connection = self._connected(max(2, min(CONNECT, int(left))))
            except self._driver.OperationalError as error:
                if left <= 0:
                    raise complaints.lost(error, self._address) from error
                time.sleep(_BETWEEN)
            else:
                return

    def _connected(self, seconds: int) -> Any:
        """A connection whose session is bounded in time, and whose commits are durable."""
        given = {**_NOTICING, "connect_timeout": seconds, "application_name": "trc"}
        given |= self._driver.conninfo.conninfo_to_dict(self._address.url)
        if self._password is not None:
            given["password"] = self._password
        made: Any = self._driver.connect(**given, client_encoding="UTF8", autocommit=True)
        schema, answer, patience = self._address.schema, f"{ANSWER:.0f}s", f"{max(1, self._patience * 1000):.0f}ms"
        try:
            made.execute(self._session["set_up"], (f'"{schema}"', answer, patience))
        except BaseException:
            made.close()
            raise
        return made


def driver() -> Any:
    """The module that speaks to PostgreSQL; Stopped with the remedy where it is not installed."""
    if find_spec("psycopg") is None:
        raise stopped(
            "TRC620",
            'a state store on PostgreSQL needs the package "psycopg", which is not installed',
            f"install it: pip install 'trc-pipelines[{EXTRA}]'",
        )
    import psycopg

    return psycopg
