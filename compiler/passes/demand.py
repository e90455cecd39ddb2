"""What the readers of an output need of it: the columns that they read, and the rows that can matter to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from trc.compiler.passes.draft import Draft, DraftTask, Reader
from trc.compiler.sql.facts import Use

_MOST_CASES: Final = 16
_LONGEST: Final = 8_000


@dataclass(frozen=True, slots=True)
class Demand:
    """What is needed: None stands for all columns and all rows, and then `why_columns` and `why_rows` say why."""

    columns: tuple[str, ...] | None = None
    where: str | None = None
    why_columns: str = ""
    why_rows: str = ""


def demand(task: DraftTask, draft: Draft) -> Demand:
    """What all readers of a task's output need of it, taken together."""
    readers = draft.readers[task.name]
    why = next((found for found in (opaque(one) for one in readers) if found), "" if readers else "no task reads it")
    if task.name in draft.lookers:
        why = f'the expectations of "{draft.lookers[task.name][0]}" look values up in it'
    if why or task.query is None:
        return Demand(why_columns=why, why_rows=why)
    known = [one.facts for one in readers if one.facts is not None]
    read = {column.casefold() for facts in known for column in facts.columns}
    columns = tuple(name for name, _type in task.query.columns if name.casefold() in read)
    where, why_rows = _condition([use for facts in known for use in facts.uses])
    return Demand(columns, where, why_rows=why_rows)


def opaque(reader: Reader) -> str:
    """Why nothing is known of what a reader needs; empty where it is known."""
    task = reader.task
    if task.sealed:
        return f'"{task.name}" reads it, which {task.sealed}'
    if task.query is None:
        return f'"{task.name}" reads it, and {task.unknown}'
    if task.query.undetermined:
        return f'"{task.name}" reads it, and may answer differently each time: {task.query.undetermined}'
    if reader.facts is None:
        return f'how "{task.name}" reads it is not known'
    if reader.facts.sees_order:
        return f'"{task.name}" can see the order of its rows: {reader.facts.sees_order}'
    return ""


def _condition(uses: list[Use]) -> tuple[str | None, str]:
    """The condition that holds for all rows that can matter to one of the uses, or why there is none."""
    every = {frozenset(f"({one.sql})" for one in use.conditions) for use in uses}
    if frozenset() in every:
        return None, "some reader has no condition on it alone"
    # Rows that fulfil more conditions than those of another case are among the rows of that one.
    cases = [" AND ".join(sorted(case)) for case in every if not any(other < case for other in every)]
    if len(cases) > _MOST_CASES:
        return None, f"its readers have {len(cases)} different conditions"
    where = " OR ".join(sorted(cases)) if cases else "false"
    return (None, "the conditions of its readers are very long") if len(where) > _LONGEST else (where, "")
