"""Diagnostics as editors show them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from lsprotocol import types

from trc.compiler.diagnostics.diagnostic import Diagnostic, Severity
from trc.lsp.ask import address
from trc.lsp.text import Text

_SEVERITIES: Final[dict[Severity, types.DiagnosticSeverity]] = {
    "error": types.DiagnosticSeverity.Error,
    "warning": types.DiagnosticSeverity.Warning,
    "note": types.DiagnosticSeverity.Information,
}


def told(found: Iterable[Diagnostic], text: Text, text_of: Callable[[str], Text | None]) -> list[types.Diagnostic]:
    """The findings of one document; what has no place stands at its beginning."""
    return [one_told(diagnostic, text, text_of) for diagnostic in found]


def one_told(diagnostic: Diagnostic, text: Text, text_of: Callable[[str], Text | None]) -> types.Diagnostic:
    """One finding: its message, with its label and its remedies on lines of their own."""
    lines = (diagnostic.message, diagnostic.label, *(f"help: {line}" for line in diagnostic.help))
    return types.Diagnostic(
        range=text.range_of(diagnostic.span) if diagnostic.span else text.range(0, 0),
        message="\n".join(line for line in lines if line),
        severity=_SEVERITIES[diagnostic.severity],
        code=diagnostic.code,
        source="trc",
        related_information=_related(diagnostic, text_of) or None,
    )


def _related(diagnostic: Diagnostic, text_of: Callable[[str], Text | None]) -> list[types.DiagnosticRelatedInformation]:
    related: list[types.DiagnosticRelatedInformation] = []
    for label in diagnostic.related:
        text = text_of(label.span.file)
        if text is not None:
            location = types.Location(address(label.span.file), text.range_of(label.span))
            related.append(types.DiagnosticRelatedInformation(location, label.text))
    return related
