"""Gathers diagnostics: in order of their places, each once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from trc.compiler.diagnostics.allow import Allow, idle, not_allowed
from trc.compiler.diagnostics.diagnostic import Diagnostic


@dataclass(slots=True)
class Collector:
    """What the stages have reported so far, and what of it the files' comments allow."""

    reported: list[Diagnostic] = field(default_factory=list[Diagnostic])
    allows: list[Allow] = field(default_factory=list[Allow])

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

    def tell_idle_allows(self) -> None:
        """Reports what comments allow in vain; to be called when everything has been checked."""
        self.reported.extend(list(idle(self.allows, self.reported)))

    def sorted(self) -> tuple[Diagnostic, ...]:
        """By file and place, without duplicates, and without what comments allow."""
        unique = dict.fromkeys(not_allowed(self.reported, self.allows))
        return tuple(sorted(unique, key=_place))


def _place(diagnostic: Diagnostic) -> tuple[str, int, str]:
    span = diagnostic.span
    return (span.file, span.start, diagnostic.code) if span else ("", -1, diagnostic.code)
