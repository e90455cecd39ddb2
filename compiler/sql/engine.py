"""The DuckDB that the compiler asks: in memory, shut off from files, extensions and the network."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import duckdb

_PASSES: Final = frozenset(
    {"expression_rewriter", "filter_pullup", "filter_pushdown", "cte_inlining", "cte_filter_pusher"}
)
"""Of DuckDB's optimiser, what proves which rows have no effect. Nothing that looks at statistics: the tables are empty."""

_CONFIG: Final[dict[str, str | bool | int | float | list[str]]] = {
    "enable_external_access": False,
    "autoload_known_extensions": False,
    "autoinstall_known_extensions": False,
    "python_enable_replacements": False,
    "memory_limit": "512MB",
    "threads": 1,
    "errors_as_json": True,
}


# Open databases, empty, that nobody uses. Opening one takes some 15 ms; binding a query in it, one.
_idle: Final[list[duckdb.DuckDBPyConnection]] = []


def lend() -> duckdb.DuckDBPyConnection:
    """An empty database that nobody else uses until it is given back."""
    import duckdb

    try:
        return _idle.pop()
    except IndexError:
        connection = duckdb.connect(":memory:", config=_CONFIG)
        connection.execute(f"SET disabled_optimizers = '{_other_passes(connection)}'; SET lock_configuration = true")
        return connection


_passes: Final[list[str]] = []


def _other_passes(connection: duckdb.DuckDBPyConnection) -> str:
    """All passes of DuckDB's optimiser but ours; the names are the same in every database."""
    if not _passes:
        names = connection.execute("SELECT name FROM duckdb_optimizers()").fetchall()
        _passes.append(",".join(name for (name,) in names if name not in _PASSES))
    return _passes[0]


def give_back(connection: duckdb.DuckDBPyConnection) -> None:
    """Ends the use of a database, which is empty again; one that an error may have harmed is not given back."""
    _idle.append(connection)


def query(sql: str) -> list[Any]:
    """The rows of a query of our own that needs no tables."""
    connection = lend()
    rows = connection.execute(sql).fetchall()
    give_back(connection)
    return rows


def literal(text: str) -> str:
    """A text as SQL. Bound parameters would make DuckDB load pandas where it is installed: a third of a second."""
    return "'" + text.replace("'", "''") + "'"


@dataclass(frozen=True, slots=True)
class Complaint:
    """An error of DuckDB's. `position` is a byte of the statement's text, or None."""

    kind: str
    message: str
    position: int | None = None
    subtype: str = ""
    name: str = ""
    entry: str = ""
    """What was looked for, such as `Table` or `Scalar Function`."""
    call: str = ""
    candidates: tuple[str, ...] = ()


def complaint(error: duckdb.Error) -> Complaint:
    """What an exception says, whether DuckDB put it as JSON or as text."""
    text = str(error)
    try:
        told = json.loads(text[text.index("{") :])
        message = str(told["exception_message"])
    except (ValueError, KeyError, TypeError):
        kind, _, message = text.partition(":")
        return Complaint(kind.removesuffix(" Error"), message.strip())
    position = str(told.get("position", ""))
    candidates = str(told.get("candidates", ""))
    return Complaint(
        str(told.get("exception_type", "")),
        message,
        int(position) if position.isdigit() else None,
        str(told.get("error_subtype", "")),
        str(told.get("name", "")),
        str(told.get("type", "")),
        str(told.get("call", "")),
        tuple(candidates.split(",")) if candidates else (),
    )
