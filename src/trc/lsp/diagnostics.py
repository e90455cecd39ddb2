"""Diagnostics as editors show them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from lsprotocol import types

from trc.compiler.diagnostics.diagnostic import Diagnostic, Label, Severity
from trc.lsp.ask import address
from trc.lsp.text import Text

_SEVERITIES: Final[dict[Severity, types.DiagnosticSeverity]] = {
    "error": types.DiagnosticSeverity.Error,
    "warning": types.DiagnosticSeverity.Warning,
    "note": types.DiagnosticSeverity.Information,
}


def told(
    found: Iterable[Diagnostic], path: str, text: Text, text_of: Callable[[str], Text | None]
) -> list[types.Diagnostic]:
    """The findings of the document at `path`; what has no place in it stands at its beginning."""
    return [one_told(diagnostic, path, text, text_of) for diagnostic in found]


def one_told(diagnostic: Diagnostic, path: str, text: Text, text_of: Callable[[str], Text | None]) -> types.Diagnostic:
    """One finding: its message, with its label and its remedies on lines of their own."""
    span = diagnostic.span
    lines = (diagnostic.message, diagnostic.label, *(f"help: {line}" for line in diagnostic.help))
    return types.Diagnostic(
        range=text.range_of(span) if span and span.file == path else text.range(0, 0),
        message="\n".join(line for line in lines if line),
        severity=_SEVERITIES[diagnostic.severity],
        code=diagnostic.code,
        source="trc",
        related_information=_related(diagnostic, path, text_of) or None,
    )


def _related(
    diagnostic: Diagnostic, path: str, text_of: Callable[[str], Text | None]
) -> list[types.DiagnosticRelatedInformation]:
    """The further places, and the finding's own where that is in another file."""
    span = diagnostic.span
    elsewhere = (Label(span, "it is here"),) if span and span.file != path else ()
    related: list[types.DiagnosticRelatedInformation] = []
    for label in (*elsewhere, *diagnostic.related):
        text = text_of(label.span.file)
        if text is not None:
            location = types.Location(address(label.span.file), text.range_of(label.span))
            related.append(types.DiagnosticRelatedInformation(location, label.text))
    return related
