"""How the output of a task is to be kept, and whether what is stored of it serves those that read it."""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from trc.compiler.passes.draft import WHOLE, Shape
from trc.runtime.store.results import StoredOutput
from trc.runtime.taskside.records import record


@record(frozen=True, slots=True)
class Keeping:
    """`shape` is how an output is kept when it is made; `needed` are the columns and rows that its readers need.

    `columns` are the names and types of all its columns, where they are known. `is_exact` says that the task's query
    gives the same rows each time, to the last digit; `blind_to_order` are the readers whose results cannot depend on how
    these are ordered. `same_as` is an equal task: what that one has stored is this one's output, too.
    """

    shape: Shape = WHOLE
    needed: Shape = WHOLE
    columns: tuple[tuple[str, str], ...] = ()
    is_exact: bool = False
    blind_to_order: frozenset[str] = frozenset()
    same_as: str = ""


AS_WRITTEN: Final = Keeping()


def lacks(stored: StoredOutput, keeping: Keeping) -> str:
    """What the readers need and is not stored; empty where all of it is.

    More than they need is as good: what is stored stays, until its task has to run.
    """
    needed = keeping.needed
    if stored.is_view:
        return "" if keeping.shape.is_view else "nothing of it is"
    if stored.where is not None and stored.where != needed.where:
        return f"only the rows are for which {stored.where}"
    if stored.columns is None:
        return ""
    if needed.columns is None:
        return f"only the columns {', '.join(stored.columns)} are"
    held = {name.casefold() for name in stored.columns}
    missing = [name for name in needed.columns if name.casefold() not in held]
    return f"the column {missing[0]} is not" if missing else ""


def tag(columns: tuple[str, ...] | None, where: str | None) -> str:
    """What tells one form of an output from another in the name of its file; empty for all of it."""
    if columns is None and where is None:
        return ""
    return "." + sha256(repr((columns, where)).encode()).hexdigest()[:8]
