"""A query of which not all rows and columns are written, around the author's text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from trc.runtime.taskside.errors import AttemptFailed
from trc.runtime.taskside.result import Failure
from trc.stdlib_tasks.duckdb_sql.run.inputs import Columns, identifier

if TYPE_CHECKING:
    import duckdb


def around(columns: Sequence[str] | None, where: str | None) -> tuple[str, str]:
    """What stands ahead of a query and after it, so that only these columns and rows are left; None leaves all."""
    if columns is None and where is None:
        return "", ""
    shown = "*" if columns is None else ", ".join(map(identifier, columns))
    condition = "" if where is None else f"\nWHERE {where}"
    return f"SELECT {shown} FROM (\n", f"\n){condition}"


def require_columns(connection: duckdb.DuckDBPyConnection, query: str, known: Columns) -> None:
    """Raises AttemptFailed where a query has other columns than those with which it was decided what to leave out."""
    found = connection.execute(f"DESCRIBE FROM (\n{query}\n)").fetchall()
    if [(row[0], row[1]) for row in found] != [tuple(one) for one in known]:
        message = "what it reads has other columns than when the run began; run it again"
        raise AttemptFailed(Failure(message, "permanent", "input_moved"))
