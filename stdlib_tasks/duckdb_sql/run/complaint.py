"""What DuckDB complains about, as a failure with its place in the author's query."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from trc.runtime.taskside.errors import AttemptFailed
from trc.runtime.taskside.result import Failure

if TYPE_CHECKING:
    import duckdb

    from trc.stdlib_tasks.duckdb_sql.run.prepared import Prepared

_TEMPORARY = ("IOException", "HTTPException", "ConnectionException")
_UNKNOWN = ("InternalException", "FatalException", "InterruptException", "OutOfMemoryException")


def complaint(error: duckdb.Error, prepared: Prepared | None = None, before: int = 0) -> AttemptFailed:
    """The failure for an error of a statement that has `before` characters ahead of the prepared query."""
    name = type(error).__name__
    told = _details(str(error))
    message = str(told.get("exception_message") or error)
    kind = "temporary" if name in _TEMPORARY else "unknown" if name in _UNKNOWN else "permanent"
    reason = "memory" if name == "OutOfMemoryException" else "error"
    return AttemptFailed(
        Failure(message, kind, reason, name, query_offset=_offset(told.get("position"), prepared, before))
    )


def _details(message: str) -> dict[str, str]:
    """The error as the setting `errors_as_json` has it; empty where it came from elsewhere."""
    start = message.find("{")
    if start < 0:
        return {}
    try:
        told = json.loads(message[start:], strict=False)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _offset(position: str | None, prepared: Prepared | None, before: int) -> int | None:
    if position is None or prepared is None or not position.isdigit():
        return None
    # DuckDB counts bytes, and what stands ahead of the query has only ASCII.
    ahead = prepared.text.encode()[: max(int(position) - before, 0)]
    return prepared.author_offset(len(ahead.decode(errors="replace")))
