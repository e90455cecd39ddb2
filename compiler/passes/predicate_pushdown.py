"""Predicate pushdown: of a stored intermediate, only the rows are written that can matter to some reader."""

from __future__ import annotations

from dataclasses import replace

from trc.compiler.passes.demand import demand
from trc.compiler.passes.draft import Draft, DraftTask
from trc.compiler.passes.proofs import changed_by_storing, hides_a_failure, not_to_choose, why_fails_early


def predicate_pushdown(draft: Draft) -> None:
    """Leaves out rows that no reader lets through; DuckDB takes the condition on, down to the files.

        early: SELECT … FROM orders WHERE year = 2012
        late:  SELECT … FROM orders WHERE year = 2013 AND open

    `orders` is stored `WHERE (year = 2012) OR (year = 2013 AND open)`.
    """
    for task in draft.tasks:
        shape = draft.shape(task.name)
        if shape.is_view or task.name in draft.same_as:
            continue
        needed = demand(task, draft)
        why = (
            not_to_choose(task)
            or needed.why_rows
            or hides_a_failure(task)
            or _moves_a_failure(task, draft)
            or changed_by_storing(task)
        )
        if why:
            draft.decline(task.name, "predicate_pushdown", why)
            continue
        told = f"only rows are stored for which {needed.where}"
        draft.keep(task.name, replace(shape, where=needed.where), "predicate_pushdown", told)


def _moves_a_failure(task: DraftTask, draft: Draft) -> str:
    """Why a reader could fail where it would not, or the other way round, once there are fewer rows."""
    for reader in draft.readers[task.name]:
        assert reader.task.query is not None
        why = reader.task.query.fails or why_fails_early(reader.task)
        if why:
            return f'"{reader.task.name}" may fail on rows that it leaves out: {why}'
    return ""
