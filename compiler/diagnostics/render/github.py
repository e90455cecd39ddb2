"""Renders diagnostics as GitHub's workflow commands, which show them beside the lines of a pull request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from trc.compiler.diagnostics.codes import TITLES
from trc.compiler.diagnostics.diagnostic import Diagnostic, Severity
from trc.compiler.diagnostics.render.paths import absolute, relative
from trc.compiler.diagnostics.render.text import in_full
from trc.compiler.source import SourceFile

_COMMANDS: Final[Mapping[Severity, str]] = {"error": "error", "warning": "warning", "note": "notice"}
_DATA: Final = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_PROPERTY: Final = {**_DATA, ":": "%3A", ",": "%2C"}


def render(diagnostics: Iterable[Diagnostic], sources: Mapping[str, SourceFile], folder: str) -> str:
    """A command a line, no final break; files are relative to `folder`, the one that the command runs in."""
    return "\n".join(_command(diagnostic, sources, folder) for diagnostic in diagnostics)


def _command(diagnostic: Diagnostic, sources: Mapping[str, SourceFile], folder: str) -> str:
    properties = _place(diagnostic, sources, folder)
    properties["title"] = f"{diagnostic.code}: {TITLES[diagnostic.code]}"
    written = ",".join(f"{name}={_escaped(value, _PROPERTY)}" for name, value in properties.items())
    message = _escaped(in_full(diagnostic), _DATA)
    return f"::{_COMMANDS[diagnostic.severity]} {written}::{message}"


def _place(diagnostic: Diagnostic, sources: Mapping[str, SourceFile], folder: str) -> dict[str, str]:
    span = diagnostic.span
    if span is None:
        return {}
    place = {"file": relative(span.file, folder) or absolute(span.file, folder)}
    source = sources.get(span.file)
    if source is None:
        return place
    start, end = source.position(span.start), source.position(span.end)
    place |= {"line": str(start.line), "endLine": str(end.line)}
    if start.line == end.line:  # columns of a place on several lines are refused
        place |= {"col": str(start.column), "endColumn": str(end.column)}
    return place


def _escaped(text: str, escapes: Mapping[str, str]) -> str:
    return "".join(escapes.get(char, char) for char in text)
