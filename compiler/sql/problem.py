"""A mistake in a task's SQL, with its place in that SQL."""

from __future__ import annotations

from dataclasses import dataclass

from trc.compiler.diagnostics.diagnostic import Severity


@dataclass(frozen=True, slots=True)
class SqlProblem:
    """What to tell of the characters `[start, end)` of a query; `replacement` would mend them."""

    code: str
    message: str
    start: int
    end: int
    label: str = ""
    help: tuple[str, ...] = ()
    severity: Severity = "error"
    replacement: str | None = None
