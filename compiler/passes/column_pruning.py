"""Column pruning: of a stored intermediate, only the columns are written that some reader reads."""

from __future__ import annotations

from dataclasses import replace

from trc.compiler.passes.demand import demand
from trc.compiler.passes.draft import Draft, DraftTask
from trc.compiler.passes.proofs import changed_by_storing, hides_a_failure, not_to_choose


def column_pruning(draft: Draft) -> None:
    """Leaves out columns: `SELECT *` of 20 columns, of which the readers read 3, is stored as these 3.

    Readers still find all columns, typed as they were: what was left out is NULL, and proven not to matter.
    """
    for task in draft.tasks:
        shape = draft.shape(task.name)
        if shape.is_view or task.name in draft.same_as:
            continue
        needed = demand(task, draft)
        why = not_to_choose(task) or needed.why_columns
        kept = _kept(task, needed.columns) if not why else ()
        pruned = frozenset(name for name, _ in task.query.columns if name not in kept) if task.query else frozenset()
        if not why and not pruned:
            why = "all its columns are read"
        why = why or hides_a_failure(task, pruned) or changed_by_storing(task)
        if why:
            draft.decline(task.name, "column_pruning", why)
            continue
        told = f"{len(kept)} of its {len(kept) + len(pruned)} columns are stored: {', '.join(kept)}"
        draft.keep(task.name, replace(shape, columns=kept), "column_pruning", told)


def _kept(task: DraftTask, needed: tuple[str, ...] | None) -> tuple[str, ...]:
    """The columns to store: at least one, which carries the number of rows."""
    assert task.query is not None
    assert needed is not None
    return needed or (task.query.columns[0][0],)
