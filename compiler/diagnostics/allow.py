"""What comments allow: warnings and notes that the author of a file knows of, and need not be told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from trc.compiler.diagnostics.diagnostic import Diagnostic, Fix
from trc.compiler.source import Span

_WORLDLY: Final = frozenset({"TRC117", "TRC213", "TRC214", "TRC410", "TRC450", "TRC503"})
"""Reported or not as the command, its choices and the files at hand have it: to allow them is never idle."""


@dataclass(frozen=True, slots=True)
class Allow:
    """Silence about one code in the file of `span`, which is where the comment names it.

    `is_own` tells the pipeline's file from those that it imports: what has no place belongs to it.
    `removal` takes the code out of the comment, or the comment out of the file.
    """

    code: str
    span: Span
    is_own: bool
    removal: Fix

    def covers(self, diagnostic: Diagnostic) -> bool:
        if diagnostic.severity == "error" or diagnostic.code != self.code:
            return False
        return self.is_own if diagnostic.span is None else diagnostic.span.file == self.span.file


def not_allowed(diagnostics: Iterable[Diagnostic], allows: Sequence[Allow]) -> Iterator[Diagnostic]:
    """The diagnostics that are to be told."""
    return (one for one in diagnostics if not any(allow.covers(one) for allow in allows))


def idle(allows: Iterable[Allow], reported: Sequence[Diagnostic]) -> Iterator[Diagnostic]:
    """Warns of what a pipeline's file allows and nothing reports, once all of it has been checked.

    Errors keep checks from being made: next to one, nobody can tell. Files that are imported serve several pipelines.
    """
    if any(one.severity == "error" for one in reported):
        return
    for allow in allows:
        if allow.is_own and allow.code not in _WORLDLY and not any(map(allow.covers, reported)):
            message = f'a comment allows "{allow.code}", which is not reported here'
            yield Diagnostic(
                "TRC230", message, allow.span, help=(allow.removal.title,), fix=allow.removal, severity="warning"
            )
