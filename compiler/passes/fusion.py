"""Fusion: an intermediate is not stored where its readers can as well compute it as part of their own queries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from trc.compiler.passes.demand import opaque
from trc.compiler.passes.draft import Draft, DraftTask, Shape
from trc.compiler.passes.proofs import (
    changed_by_storing,
    hides_a_failure,
    not_to_choose,
    why_fails,
    why_fails_early,
)

_MOST_EVALUATIONS: Final = 8


def fusion(draft: Draft) -> None:
    """Keeps outputs as views: DuckDB then optimises across the border.

    A query that is read once moves to where it is read. One that is read several times moves only if it makes each row
    of one other row: then reading again costs less than storing.

        cleaned: SELECT day, delay FROM flights WHERE delay IS NOT NULL     stored, 2 columns
        late:    SELECT day, count(*) FROM cleaned WHERE delay > 60 …       reads the stored rows

    becomes, for DuckDB, `WITH cleaned AS (…) SELECT day, count(*) FROM cleaned …`.

    A column that may fail is tried: computed for all rows, and kept nowhere, before anybody reads it. What has a value
    for each row then has it wherever the query is computed, if it leaves out no rows: nothing depends on which of its
    conditions DuckDB looks at first.
    """
    evaluations: dict[str, int] = {}
    """How often each query is computed; those of readers are known before those of what they read."""
    failing: dict[str, str] = {}
    """Why a query may fail, or one that it is computed within."""
    for task in reversed(draft.tasks):
        if task.name in draft.same_as:
            continue
        readers = draft.readers[task.name]
        times = sum(
            len(reader.facts.uses) * (evaluations[reader.task.name] if draft.shape(reader.task.name).is_view else 1)
            for reader in readers
            if reader.facts is not None
        )
        evaluations[task.name] = times
        failing[task.name] = why_fails(task)
        why = _why_not(task, draft, times, failing)
        if why:
            draft.decline(task.name, "fusion", why)
            continue
        draft.keep(task.name, Shape(is_view=True, tried=_tried(task)), "fusion", _told(task, draft, times))
        within = (failing[reader.task.name] for reader in readers)
        failing[task.name] = failing[task.name] or next((one for one in within if one), "")


def _why_not(task: DraftTask, draft: Draft, times: int, failing: Mapping[str, str]) -> str:
    return (
        not_to_choose(task)
        or _of_readers(task, draft, failing)
        or _cannot_be_tried(task)
        or changed_by_storing(task)
        or _costs_too_much(task, times)
    )


def _cannot_be_tried(task: DraftTask) -> str:
    assert task.query is not None
    column, why = next(iter(task.query.failing_columns), ("", ""))
    if why and not task.query.keeps_rows:
        return f'its column "{column}" may fail on rows that it leaves out: {why}'
    return hides_a_failure(task, frozenset())


def _tried(task: DraftTask) -> tuple[str, ...]:
    assert task.query is not None
    return tuple(name for name, _ in task.query.failing_columns)


def _of_readers(task: DraftTask, draft: Draft, failing: Mapping[str, str]) -> str:
    if task.name in draft.lookers:
        return f'the expectations of "{draft.lookers[task.name][0]}" look values up in it'
    for reader in draft.readers[task.name]:
        why = opaque(reader)
        if why:
            return why
        other = next((name for name, value in task.terms.items() if reader.task.terms.get(name) != value), None)
        if other is not None:
            return f'"{reader.task.name}", which reads it, has another {other}'
        early = why_fails_early(reader.task)
        if early:
            return f'"{reader.task.name}" may fail on rows that it has no need of: {early}'
        assert task.query is not None
        if failing[reader.task.name] and not task.query.keeps_rows:
            return f'"{reader.task.name}" may fail on rows that it leaves out: {failing[reader.task.name]}'
    return ""


def _costs_too_much(task: DraftTask, times: int) -> str:
    assert task.query is not None
    if times <= 1:
        return ""
    if task.query.inexact:
        return f"it is read {times} times, and its last digits may differ each time: {task.query.inexact}"
    if not task.query.is_row_wise:
        return f"it is read {times} times, and costs more to compute than to store"
    if times > _MOST_EVALUATIONS:
        return f"it would be computed {times} times"
    return ""


def _told(task: DraftTask, draft: Draft, times: int) -> str:
    readers = ", ".join(dict.fromkeys(f'"{reader.task.name}"' for reader in draft.readers[task.name]))
    if times == 0:
        return f"not stored: its rows have no effect in {readers}"
    told = f"not stored: computed within {readers}" + (f", {times} times in all" if times > 1 else "")
    tried = ", ".join(f'"{name}"' for name in _tried(task))
    return f"{told}, once {tried} had a value in each row" if tried else told
