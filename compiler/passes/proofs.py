"""Preconditions that several passes share, each as the reason why it does not hold."""

from __future__ import annotations

import re
from typing import Final

from trc.compiler.passes.draft import DraftTask

_SCALARS: Final = frozenset(
    {
        "BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "FLOAT",
        "DOUBLE", "VARCHAR", "BLOB", "DATE", "TIME", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "UUID",
    }
)  # fmt: skip
"""Types of which every value comes back from Parquet as it was."""
_DECIMAL: Final = re.compile(r"DECIMAL\(\d+,\d+\)")


def not_to_choose(task: DraftTask) -> str:
    """Why how a task's output is kept is not for passes to choose."""
    if task.whole:
        return task.whole
    if task.query is None:
        return task.unknown
    if task.query.undetermined:
        return f"it may answer differently each time: {task.query.undetermined}"
    return ""


def hides_a_failure(task: DraftTask, pruned: frozenset[str] | None = None) -> str:
    """Why leaving out rows, or only the `pruned` columns, could hide that the query fails."""
    assert task.query is not None
    fails = task.query.fails or task.fragile
    if fails:
        return f"it may fail, which its readers could hide: {fails}"
    for column, why in task.query.failing_columns:
        if pruned is None or column in pruned:
            return f'its column "{column}" may fail, which its readers could hide: {why}'
    return ""


def why_fails(task: DraftTask) -> str:
    """Why a query may fail."""
    if task.query is None:
        return task.unknown
    return task.query.fails or next((why for _, why in task.query.failing_columns), "") or task.fragile


def why_fails_early(task: DraftTask) -> str:
    """Why a query that is known may fail on rows that its result has no need of, if DuckDB happens to look at them.

    It does where that is cheaper: by how many rows it expects, and what it knows of their values. A stored output tells
    it other things than a view, and one of fewer rows other ones than one of all.
    """
    assert task.query is not None
    return task.query.fails_early or task.fragile


def changed_by_storing(task: DraftTask) -> str:
    """Why a reader could find other values in a stored output than the query has."""
    assert task.query is not None
    for column, kind in task.query.columns:
        if not survives(kind):
            return f'its column "{column}" is {kind}, which is another type when it is stored'
    return ""


def survives(kind: str) -> bool:
    """Whether every value of a type comes back from Parquet as it was."""
    while kind.endswith("[]"):
        kind = kind[:-2]
    return kind in _SCALARS or _DECIMAL.fullmatch(kind) is not None
