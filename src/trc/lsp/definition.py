"""Go to definition: a dataset's task or source, an entrypoint's Python code, a file that the pipeline names."""

from __future__ import annotations

import ast
from pathlib import Path

from lsprotocol.types import Location

from trc.compiler.source import Span
from trc.lsp.ask import Ask
from trc.lsp.cursor import spot_at
from trc.lsp.occurrences import at, occurrences


def define(ask: Ask) -> Location | None:
    """Where the thing at the place is defined."""
    found = occurrences(ask.compiled)
    here = at(ask, found)
    if here is not None:
        home = next((one for one in found if one.defines and one.name == here.name), None)
        return ask.location(home.span) if home else None
    spot = spot_at(ask.compiled.tree, ask.offset, ask.workspace.types)
    if spot is None or spot.role != "value":
        return None
    # A place in code is written file.py:name; all else that can be gone to is a file.
    written, colon, name = spot.scalar.value.rpartition(":")
    if colon and written.endswith(".py"):
        return _in_python(ask, written, name)
    return _file(ask, spot.scalar.value)


def _project_file(ask: Ask, written: str) -> Path | None:
    """A file of the project by its relative path; nothing outside of it."""
    if not written or "\n" in written or "\0" in written:
        return None
    project = ask.compiled.project.resolve()
    try:
        file = (project / written).resolve()
        return file if file.is_relative_to(project) and file.is_file() else None
    except OSError:
        return None


def _file(ask: Ask, written: str) -> Location | None:
    file = _project_file(ask, written)
    return ask.location(Span(str(file), 0, 0)) if file else None


def _in_python(ask: Ask, written: str, name: str) -> Location | None:
    """The class or function in its file; the file's beginning where it cannot be found."""
    file = _project_file(ask, written)
    text = ask.text_of(str(file)) if file else None
    if file is None or text is None:
        return None
    try:
        body = ast.parse(text.content).body
    except (SyntaxError, ValueError, RecursionError):
        body = []
    for statement in body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and statement.name == name:
            line = sum(len(one) for one in text.content.splitlines(keepends=True)[: statement.lineno - 1])
            start = text.content.index(name, line)
            return ask.location(Span(str(file), start, start + len(name)))
    return ask.location(Span(str(file), 0, 0))
