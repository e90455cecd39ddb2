"""Gathers diagnostics: in order of their places, each once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from trc.compiler.diagnostics.diagnostic import Diagnostic


@dataclass(slots=True)
class Collector:
    """What the stages have reported so far."""

    reported: list[Diagnostic] = field(default_factory=list[Diagnostic])

    def add(self, *diagnostics: Diagnostic) -> None:
        self.reported.extend(diagnostics)

    def extend(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.reported.extend(diagnostics)

    @property
    def has_errors(self) -> bool:
        return any(d.severity == "error" for d in self.reported)

    def errors_in_task(self, name: str) -> bool:
        """Whether a task already has an error: later checks stay silent about what it explains."""
        return any(d.severity == "error" and d.task == name for d in self.reported)

    def sorted(self) -> tuple[Diagnostic, ...]:
        """By file and place, without duplicates."""
        unique = dict.fromkeys(self.reported)
        return tuple(sorted(unique, key=_place))


def _place(diagnostic: Diagnostic) -> tuple[str, int, str]:
    span = diagnostic.span
    return (span.file, span.start, diagnostic.code) if span else ("", -1, diagnostic.code)
