"""Broken expectations as diagnostics, at the places where they are written."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from trc.compiler.checks.spots import key_span
from trc.compiler.compile import Compiled
from trc.compiler.diagnostics.diagnostic import Diagnostic, Label
from trc.compiler.ir.expectations import labelled
from trc.compiler.source import Span
from trc.runtime.reported import last_verdicts
from trc.runtime.spec import PipelineSpec
from trc.runtime.store.journal import Journal, TaskRecord
from trc.runtime.taskside.result import Verdict

Verdicts = Mapping[str, tuple[Verdict, ...]]

REASONS: Final = frozenset({"expectation", "unchecked"})
"""Of failures that are told here."""


def recorded(journal: Journal, spec: PipelineSpec, run: str) -> Verdicts:
    """What a run found of its tasks' expectations; the journal is not asked where there are none."""
    return last_verdicts(journal.attempts(run)) if any(task.checks for task in spec.tasks) else {}


def failure(compiled: Compiled | None, record: TaskRecord, verdicts: Sequence[Verdict]) -> Diagnostic | None:
    """A task that failed because of its data: at the first expectation, the others beside it."""
    broken = [one for one in verdicts if not one.passed and one.severity == "error"]
    if not broken or (record.error or {}).get("reason") not in REASONS:
        return None
    first = next((one for one in broken if not one.error), broken[0])
    related = [
        Label(span, _what(one))
        for one in broken
        if one is not first and (span := _span(compiled, record.task, one.name)) is not None
    ]
    return Diagnostic(
        "TRC632" if first.error else "TRC630",
        f'task "{record.task}" failed: {_what(first)}',
        _span(compiled, record.task, first.name) or _task_span(compiled, record.task),
        "nothing was published",
        tuple(related),
        (*_rows(broken), _remedy(compiled, record.task, first)),
        task=record.task,
    )


def warnings(compiled: Compiled | None, verdicts: Verdicts) -> Iterator[Diagnostic]:
    """What only warns, an expectation each."""
    for task, found in verdicts.items():
        for one in found:
            if not one.passed and one.severity == "warn":
                span = _span(compiled, task, one.name) or _task_span(compiled, task)
                message = f'in the data of "{task}": {_what(one)}'
                yield Diagnostic(
                    "TRC632" if one.error else "TRC631",
                    message,
                    span,
                    help=_rows([one]),
                    severity="warning",
                    task=task,
                )


def has_broken(verdicts: Verdicts) -> bool:
    return any(not one.passed for found in verdicts.values() for one in found)


def _what(one: Verdict) -> str:
    return f"{one.name} could not be evaluated: {one.error}" if one.error else f"{one.name}: {one.found}"


def _rows(broken: Sequence[Verdict]) -> tuple[str, ...]:
    """Where the rows are that were asked for, and the first of them."""
    lines: list[str] = []
    for one in broken:
        if one.sample:
            lines.append(f"such as {json.dumps(one.sample[0], ensure_ascii=False)}")
        if one.kept:
            lines.append(f"the rows are kept in {one.kept}")
    return tuple(lines)


def _remedy(compiled: Compiled | None, task: str, one: Verdict) -> str:
    if one.error:
        return "write it so that it holds or not for any row, or change the data"
    found = compiled.pipeline.task(task) if compiled and compiled.pipeline else None
    could_keep = one.failing is not None and not one.kept and not (found and found.is_given_secrets)
    how = "; store_failures keeps the rows" if could_keep else ""
    return f"change the data or the expectation, or let it only warn with severity warn{how}"


def _span(compiled: Compiled | None, task: str, name: str) -> Span | None:
    found = compiled.pipeline.task(task) if compiled and compiled.pipeline else None
    if compiled is None or found is None:
        return None
    for index, (known, one) in enumerate(labelled(found.expect)):
        if known == name:
            return key_span(compiled.places, "tasks", task, "expect", index, one.check)
    return None


def _task_span(compiled: Compiled | None, task: str) -> Span | None:
    return compiled.places.span("tasks", task) if compiled else None
