"""The DuckDB of a process: one instance with fixed settings, a clean catalogue for each attempt."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from trc.runtime.taskside.order import TaskOrder
from trc.stdlib_tasks.duckdb_sql.run.inputs import text

if TYPE_CHECKING:
    import duckdb

_CATALOGUE = "trc_attempt"
_LIMITED_SHARE = 0.75


@contextlib.contextmanager
def connected(order: TaskOrder, scratch: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that sees no table of another attempt; what does not fit into memory goes under `scratch`, or the order's own.

    An instance takes more than ten milliseconds to make, so it is kept; a connection has its own
    session (its random seed, its prepared statements) and its own database.
    """
    spill = os.path.join(order.scratch or scratch, f"spill-{os.getpid()}")
    connection = _bounded({"threads": order.threads, "memory_limit": _memory(order), "temp_directory": spill}).cursor()
    try:
        _set_session(connection)
        connection.execute(f"ATTACH ':memory:' AS {_CATALOGUE}; USE {_CATALOGUE}")
        yield connection
        connection.execute(f"USE memory; DETACH {_CATALOGUE}")
    except BaseException:
        # After a failure nobody can be sure of the instance: the next attempt gets another.
        _instance.cache_clear()
        raise
    finally:
        connection.close()


_BOUNDS: dict[str, str | int | None] = {}
"""How the instance is set; None where DuckDB decides."""
_OWN: dict[str, str] = {}
"""How DuckDB sets itself: `RESET` is not used, for it tells the old limit on memory and keeps to the other."""


def _bounded(bounds: Mapping[str, str | int | None]) -> duckdb.DuckDBPyConnection:
    """The instance, set so. It is not made anew where that can be helped: to give back what one held takes far longer."""
    import duckdb

    try:
        _bound(bounds)
    except duckdb.Error:  # it holds more than it may from now on, or has spilled to another folder
        _instance.cache_clear()
        _bound(bounds)
    return _instance()


def _bound(bounds: Mapping[str, str | int | None]) -> None:
    instance = _instance()
    for name, value in bounds.items():
        if _BOUNDS.get(name) != value:
            told = _OWN[name] if value is None else f"{value}B" if name == "memory_limit" else str(value)
            instance.execute(f"SET GLOBAL {name} = {text(told)}")
            _BOUNDS[name] = value


@lru_cache(maxsize=1)
def _instance() -> duckdb.DuckDBPyConnection:
    import duckdb

    settings: dict[str, str | bool | int | float | list[str]] = {
        "python_enable_replacements": False,
        "autoinstall_known_extensions": False,
        "preserve_insertion_order": True,
        "enable_external_file_cache": False,
        "errors_as_json": True,
    }
    _BOUNDS.clear()
    try:
        instance = duckdb.connect(":memory:", config=settings)
    except duckdb.Error:
        instance = _older(settings)
    instance.execute("SET GLOBAL TimeZone = 'UTC'")
    for name in ("threads", "memory_limit"):
        (_OWN[name],) = instance.execute(f"SELECT current_setting('{name}')::VARCHAR").fetchone() or ("",)
    return instance


_OF_SESSIONS: list[str] = []
"""Settings that this process's DuckDB, an older one, has for each session alone."""


def _older(settings: dict[str, str | bool | int | float | list[str]]) -> duckdb.DuckDBPyConnection:
    """An instance of a DuckDB that does not know all settings, or not as those of an instance."""
    import duckdb

    instance = duckdb.connect(":memory:")
    known = {name for (name,) in instance.execute("SELECT name FROM duckdb_settings()").fetchall()}
    del _OF_SESSIONS[:]
    for name in sorted(settings.keys() & known):
        value = text(str(settings[name]).lower() if isinstance(settings[name], bool) else str(settings[name]))
        try:
            instance.execute(f"SET GLOBAL {name} = {value}")
        except duckdb.Error:
            _OF_SESSIONS.append(f"SET {name} = {value}")
    return instance


def _set_session(connection: duckdb.DuckDBPyConnection) -> None:
    for statement in _OF_SESSIONS:
        connection.execute(statement)


def _memory(order: TaskOrder) -> int | None:
    if order.memory is not None:
        # Buffers are what DuckDB can bound; the rest of the limit is for what it cannot.
        return int(order.memory * _LIMITED_SHARE)
    return order.memory_share
