"""Common tasks: of intermediates that have equal rows, the first is computed, and stands for the others."""

from __future__ import annotations

from collections.abc import Mapping

from trc.compiler.passes.draft import Draft, DraftTask
from trc.compiler.passes.proofs import not_to_choose


def common_tasks(draft: Draft) -> None:
    """Finds tasks whose queries mean the same over the same inputs, or over inputs that are found to be the same.

        paid:  SELECT id, amount FROM orders WHERE status = 'paid' AND amount > 0
        bills: SELECT o.id, o.amount FROM orders AS o WHERE o.amount > 0 AND o.status = 'paid'

    `bills` is not computed: what `paid` stores is its output, too. From here on, those that read `bills` count as readers of `paid`.
    """
    known: dict[object, list[DraftTask]] = {}
    for task in draft.tasks:
        why = _why_alone(task, draft)
        if why:
            draft.decline(task.name, "common_tasks", why)
            continue
        earlier = known.setdefault(_rows(task, draft.same_as), [])
        reasons = [_why_not(task, one, draft) for one in earlier]
        if "" in reasons:
            first = earlier[reasons.index("")]
            draft.merge(task, first.name, "common_tasks", f'not computed: it is the same as "{first.name}"')
            continue
        draft.decline(task.name, "common_tasks", reasons[0] if reasons else "no task before it is equal to it")
        earlier.append(task)


def _why_alone(task: DraftTask, draft: Draft) -> str:
    """Why a task can neither stand for another one, nor another one for it."""
    if not task.is_run or task.name in draft.dead:
        return "it is not run"
    why = not_to_choose(task)
    if why:
        return why
    assert task.query is not None
    if not task.query.meaning:
        return "its query holds what is not understood well enough to compare it"
    if any(not one.found for one in task.reads):
        return "its query names files by itself"
    if not {name.casefold() for name in task.query.meaning_reads} <= {one.name.casefold() for one in task.reads}:
        return "not all that it reads is known"
    return ""


def _rows(task: DraftTask, same_as: Mapping[str, str]) -> object:
    """Tasks for which this is equal have equal rows."""
    assert task.query is not None
    reads = {one.name.casefold(): one for one in task.reads}
    found = [reads[name.casefold()] for name in task.query.meaning_reads]
    inputs = tuple((one.task and same_as.get(one.task, one.task), one.found) for one in found)
    return task.query.meaning, task.query.columns, inputs


def _why_not(task: DraftTask, first: DraftTask, draft: Draft) -> str:
    """Why a task cannot take the output of an equal one for its own."""
    other = next((name for name, value in task.terms.items() if first.terms.get(name) != value), None)
    if other is not None:
        return f'"{first.name}" is equal, but has another {other}'
    if task.waits != first.waits:
        return f'"{first.name}" is equal, but waits for other tasks, which may write what it reads'
    apart = next((one.task for one in draft.readers[task.name] if one.task.apart), None)
    if apart is not None:
        return f'"{first.name}" is equal, but "{apart.name}" reads this one, which {apart.apart}'
    return ""
