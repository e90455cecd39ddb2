"""Constant folding: a reader's condition on a column that is the same in all rows is settled before any row is read."""

from __future__ import annotations

from dataclasses import replace

from trc.compiler.passes.demand import opaque
from trc.compiler.passes.draft import Draft, DraftTask, Reader
from trc.compiler.passes.proofs import not_to_choose
from trc.compiler.sql.facts import Condition, ReadFacts, Use


def constant_folding(draft: Draft) -> None:
    """Settles conditions: what always holds is not asked for, and where one never holds, no row is needed.

        staged: SELECT DATE '2026-01-01' AS day, id, amount FROM orders
        report: SELECT id FROM staged WHERE day = DATE '2026-01-01' AND amount > 10      needs rows with amount > 10
        older:  SELECT id FROM staged WHERE day < DATE '2026-01-01'                      needs none

    Within one query DuckDB does so by itself. Whether a condition is settled was DuckDB's own answer, too.
    """
    for task in draft.tasks:
        if task.name in draft.same_as:
            continue
        why = not_to_choose(task)
        folded = [] if why else [(one, _folded(one)) for one in draft.readers[task.name]]
        told = tuple(dict.fromkeys(text for reader, _ in folded for text in _told(reader)))
        if why or not told:
            draft.decline(task.name, "constant_folding", why or _why_not(task))
            continue
        readers = tuple(replace(reader, facts=facts) for reader, facts in folded)
        draft.need_less(task.name, readers, "constant_folding", "; ".join(told))


def _why_not(task: DraftTask) -> str:
    assert task.query is not None
    if not task.query.fixed:
        return "none of its columns is a constant"
    return "no condition of its readers is settled by its constants"


def _folded(reader: Reader) -> ReadFacts | None:
    facts = reader.facts
    if facts is None or opaque(reader):
        return facts
    return replace(facts, uses=tuple(_left(one) for one in facts.uses if not _never(one)))


def _left(use: Use) -> Use:
    return Use(tuple(one for one in use.conditions if one.holds is None))


def _never(use: Use) -> bool:
    return any(one.holds is False for one in use.conditions)


def _told(reader: Reader) -> list[str]:
    if reader.facts is None or opaque(reader):
        return []
    settled: list[Condition] = [
        one
        for use in reader.facts.uses
        for one in use.conditions
        if one.holds is False or (one.holds and not _never(use))
    ]
    return [
        f'{one.sql} always holds in "{reader.task.name}"'
        if one.holds
        else f'"{reader.task.name}" needs no row where {one.sql}, which never holds'
        for one in settled
    ]
