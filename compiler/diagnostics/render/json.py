"""Renders diagnostics for programs: a list of plain values, positions as people count them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.source import SourceFile, Span


def render(diagnostics: Iterable[Diagnostic], sources: Mapping[str, SourceFile]) -> list[dict[str, Any]]:
    """One value a diagnostic; lines and columns start at 1, ends are exclusive, absent places are null."""
    return [_value(diagnostic, sources) for diagnostic in diagnostics]


def _value(diagnostic: Diagnostic, sources: Mapping[str, SourceFile]) -> dict[str, Any]:
    fix = diagnostic.fix
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        "task": diagnostic.task,
        **_place(diagnostic.span, sources),
        "label": diagnostic.label,
        "help": list(diagnostic.help),
        "related": [{**_place(label.span, sources), "label": label.text} for label in diagnostic.related],
        "fix": None
        if fix is None
        else {**_place(fix.span, sources), "replacement": fix.replacement, "title": fix.title},
    }


def _place(span: Span | None, sources: Mapping[str, SourceFile]) -> dict[str, Any]:
    file = span.file if span else None
    place: dict[str, Any] = {"file": file, "line": None, "column": None, "end_line": None, "end_column": None}
    source = sources.get(span.file) if span else None
    if span is not None and source is not None:
        start, end = source.position(span.start), source.position(span.end)
        place |= {"line": start.line, "column": start.column, "end_line": end.line, "end_column": end.column}
    return place
