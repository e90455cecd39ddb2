"""The DuckDB that the compiler asks: in memory, shut off from files, extensions and the network."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import duckdb

PROVING: Final = frozenset(
    {"expression_rewriter", "filter_pullup", "filter_pushdown", "cte_inlining", "cte_filter_pusher"}
)
"""Of DuckDB's optimiser, what proves which rows have no effect. Nothing that looks at statistics: the tables are empty."""
TRIMMING: Final = frozenset(
    {"expression_rewriter", "cte_inlining", "unused_columns", "column_lifetime", "build_side_probe_side"}
)
"""What leaves of a plan only that which its result is made of. The last one settles types, which DuckDB else finds missing."""

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
_idle: Final[dict[frozenset[str], list[duckdb.DuckDBPyConnection]]] = {}


def lend(passes: frozenset[str] = PROVING) -> duckdb.DuckDBPyConnection:
    """An empty database, with these passes of DuckDB's optimiser, that nobody else uses until it is given back."""
    import duckdb

    idle = _idle.get(passes)
    if idle:
        return idle.pop()
    connection = duckdb.connect(":memory:", config=_CONFIG)
    others = ",".join(name for name in _all_passes(connection) if name not in passes)
    connection.execute(f"SET disabled_optimizers = '{others}'; SET lock_configuration = true")
    return connection


_passes: Final[list[str]] = []


def _all_passes(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """The passes of DuckDB's optimiser; they are the same in every database."""
    if not _passes:
        _passes.extend(name for (name,) in connection.execute("SELECT name FROM duckdb_optimizers()").fetchall())
    return _passes


def give_back(connection: duckdb.DuckDBPyConnection, passes: frozenset[str] = PROVING) -> None:
    """Ends the use of a database, which is empty again; one that an error may have harmed is not given back."""
    _idle.setdefault(passes, []).append(connection)


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
