"""The rows that break an expectation: a few to be told, and a bounded number to be kept."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Any

from trc.stdlib_tasks.duckdb_sql.run.complaint import complaint
from trc.stdlib_tasks.duckdb_sql.run.inputs import text

if TYPE_CHECKING:
    import duckdb

MOST_KEPT = 10_000
_TOLD = 3
_LONGEST = 100


def keep(connection: duckdb.DuckDBPyConnection, rows: str, path: str) -> tuple[str, str]:
    """Writes the rows of a query as Parquet: the path, or nothing and why; a verdict stands without them."""
    import duckdb

    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        connection.execute(f"COPY (\n{rows}\nLIMIT {MOST_KEPT}) TO {text(path)} (FORMAT parquet)")
    except duckdb.Error as error:
        return "", f"; the rows could not be kept: {complaint(error).failure.message.strip().splitlines()[0]}"
    except OSError as error:
        return "", f"; the rows could not be kept: {error}"
    return path, ""


def sample(connection: duckdb.DuckDBPyConnection, rows: str) -> tuple[dict[str, Any], ...]:
    """The first rows of a query, with values that JSON holds."""
    import duckdb

    try:
        found = connection.execute(f"{rows}\nLIMIT {_TOLD}")
        names = [column[0] for column in found.description or ()]
        return tuple(dict(zip(names, map(_plain, row))) for row in found.fetchall())
    except duckdb.Error:
        return ()


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int)) or (isinstance(value, float) and math.isfinite(value)):
        return value
    shown = str(value)
    return shown if len(shown) <= _LONGEST else shown[: _LONGEST - 3] + "..."
