"""Whether what is stored has passed the expectations that a task has now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from trc.runtime.reasons import Change, Reason
from trc.runtime.spec import KeyPart, TaskSpec
from trc.runtime.store.results import Result

EXPECT = "expect."


def unchecked(task: TaskSpec, wanted: Sequence[KeyPart], result: Result, *, is_same_run: bool = False) -> Reason | None:
    """Why the expectations have to be checked against what is stored; None if these have passed on it.

    Within one run a verdict stands: its logical time does not pass.
    """
    if not task.checks:
        return None
    passed = {part.field: part.value for part in result.parts if part.group == "checks"}
    now = {part.field: part.value for part in wanted}
    fields = sorted(passed.keys() | now.keys())
    changes = tuple(
        Change(field, passed.get(field), now.get(field)) for field in fields if passed.get(field) != now.get(field)
    )
    if changes:
        return Reason("unchecked", changes=changes)
    return Reason("checks_due", task.checks_due) if task.checks_due and not is_same_run else None


def with_verdict(result: Result, passed: Sequence[KeyPart]) -> Result:
    """The result with the expectations that its outputs have passed, and no others."""
    return replace(result, parts=(*(part for part in result.parts if part.group != "checks"), *passed))
