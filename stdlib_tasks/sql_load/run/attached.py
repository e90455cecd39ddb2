"""A database that is attached to DuckDB: its scanner, its secret, and what its errors mean."""

from __future__ import annotations

import contextlib
import glob
import importlib
import os
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from trc.runtime.taskside.errors import AttemptFailed
from trc.runtime.taskside.order import TaskOrder
from trc.runtime.taskside.result import Failure
from trc.stdlib_tasks.duckdb_sql.run.complaint import complaint
from trc.stdlib_tasks.duckdb_sql.run.inputs import identifier, text

if TYPE_CHECKING:
    import duckdb

NAME = "trc_database"
_SECRET = "trc_connection"  # noqa: S105 - what DuckDB calls it
_SETTINGS = {"sslmode": "SSLMODE", "ssl_mode": "SSL_MODE"}
_PASSING = re.compile(
    r"connection refused|could not connect|can't connect|timeout|timed out|could not translate host|unknown (mysql )?server host"
    r"|server closed the connection|connection reset|lost connection|gone away|terminating connection|starting up|shutting down"
    r"|too many (clients|connections)|remaining connection slots|deadlock|could not serialize|database is locked|lock wait"
    r"|no such file or directory.*is the server running|name or service not known",
    re.IGNORECASE | re.DOTALL,
)
"""What a database says where another try may do."""
_ADDRESS = re.compile(r'(Unable to connect to Postgres) at "(?:[^"\\]|\\.)*":')
_QUERY = re.compile(r'Failed to (?:prepare|execute) (?:query|COPY) "(?:.*?)": (?=ERROR)', re.DOTALL)


class Attached:
    """What is attached; `errors` tells those of what is done with it."""

    def __init__(self, engine: str) -> None:
        self._engine = engine

    @contextlib.contextmanager
    def errors(self) -> Iterator[None]:
        import duckdb

        try:
            yield
        except duckdb.Error as error:
            raise _failed(error, self._engine) from None


@contextlib.contextmanager
def attached(connection: duckdb.DuckDBPyConnection, order: TaskOrder, *, is_read: bool) -> Iterator[Attached]:
    """Attaches the database of the order's parameters as `NAME` while the block runs."""
    params = order.params
    engine = params["engine"]
    found = Attached(engine)
    _load(connection, engine)
    options = [f"TYPE {engine}"]
    place = ""
    if engine == "sqlite":
        place = os.path.join(order.project, params["path"])
        if is_read and not os.path.isfile(place):
            raise AttemptFailed(Failure(f'there is no file "{place}"', "permanent", "input_missing"))
        os.makedirs(os.path.dirname(place), exist_ok=True)
    else:
        options.append(f"SECRET {_SECRET}")
    if is_read:
        options.append("READ_ONLY")
    with found.errors():
        if engine != "sqlite":
            connection.execute(_secret(engine, params["connection"]))
        try:
            connection.execute(f"ATTACH {text(place)} AS {NAME} ({', '.join(options)})")
        finally:
            if engine != "sqlite":
                connection.execute(f"DROP SECRET {_SECRET}")
    if is_read and engine == "sqlite":
        connection.execute(f"USE {NAME}")
    try:
        yield found
    finally:
        connection.execute(f"USE memory; DETACH {NAME}" if is_read and engine == "sqlite" else f"DETACH {NAME}")


def qualified(params: Mapping[str, Any], table: str) -> str:
    """A table of the attached database, as DuckDB has to be told of it."""
    schema, _, name = table.rpartition(".")
    schema = (
        schema or {"postgres": "public", "sqlite": "main"}.get(params["engine"]) or params["connection"]["database"]
    )
    return f"{NAME}.{identifier(str(schema))}.{identifier(name)}"


def _load(connection: duckdb.DuckDBPyConnection, engine: str) -> None:
    """The scanner comes in a package, or lies where DuckDB keeps what it has installed."""
    import duckdb

    extension = f"{engine}_scanner"
    try:
        package = importlib.import_module(f"duckdb_extension_{extension}")
    except ModuleNotFoundError:
        found = extension
    else:
        where = os.path.join(glob.escape(next(iter(package.__path__))), "**", f"{extension}.duckdb_extension")
        found = text(next(glob.iglob(where, recursive=True)))
    try:
        connection.execute(f"LOAD {found}")
    except duckdb.Error as error:
        needed = f"duckdb-extension-{engine}-scanner=={duckdb.__version__}"
        message = f"DuckDB has no scanner for {engine} here\ninstall it: pip install '{needed}'"
        raise AttemptFailed(Failure(message, "permanent", "database_package")) from error


def _secret(engine: str, settings: Mapping[str, Any]) -> str:
    told = ", ".join(f"{_SETTINGS.get(name, name.upper())} {text(str(value))}" for name, value in settings.items())
    return f"CREATE TEMPORARY SECRET {_SECRET} (TYPE {engine}, {told})"


def _failed(error: duckdb.Error, engine: str) -> AttemptFailed:
    failure = complaint(error).failure
    if failure.reason == "memory" or failure.type in ("InternalException", "FatalException", "InterruptException"):
        return AttemptFailed(failure)
    # The address and the statements are DuckDB's own words: of no use to readers, and too long.
    message = re.sub(r"\s*\n\s*", "\n", _QUERY.sub("", _ADDRESS.sub(r"\1:", failure.message)).strip())
    if _PASSING.search(message):
        return AttemptFailed(Failure(f"{engine}: {message}", "temporary", "database_unreachable"))
    return AttemptFailed(Failure(f"{engine}: {message}", "permanent", "database_refused"))
