"""Makes warnings errors, for those who want none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from trc.compiler.diagnostics.diagnostic import Diagnostic


def denied(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """The diagnostics with each warning as an error that says it is one; notes stay notes."""
    return tuple(
        replace(one, severity="error", message=f"{one.message} (a denied warning)")
        if one.severity == "warning"
        else one
        for one in diagnostics
    )
