"""Warnings that stop a command, as errors do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from trc.compiler.diagnostics.deny import denied
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.source import SourceFile
from trc.runtime.errors import Stopped


def stop_at_warnings(diagnostics: Sequence[Diagnostic], sources: Mapping[str, SourceFile]) -> None:
    """Raises Stopped where there is a warning."""
    if any(one.severity == "warning" for one in diagnostics):
        raise Stopped(denied(diagnostics), 2, sources)
