"""Prints a file in the one canonical layout of its language: what it says stays, comments too."""

from __future__ import annotations

from pathlib import PurePath

from trc.compiler.diagnostics.collector import Collector
from trc.compiler.frontends.comments import attach, trc_comments
from trc.compiler.frontends.dsl import read_statements
from trc.compiler.frontends.dsl_layout import statement_items
from trc.compiler.frontends.layout import Layout, stretches
from trc.compiler.frontends.yaml_layout import format_yaml
from trc.compiler.source import SourceFile


def format_text(file: SourceFile, collect: Collector) -> str | None:
    """The file's text in canonical layout; None after reporting what keeps it from being read."""
    if PurePath(file.name).suffix.lower() == ".trc":
        return _format_trc(file, collect)
    return format_yaml(file, collect)


def _format_trc(file: SourceFile, collect: Collector) -> str | None:
    statements = read_statements(file, collect)
    if statements is None:
        return None
    items = statement_items(file, statements)
    comments = attach(file.text, trc_comments(file), list(stretches(items)))
    lines = [*Layout(comments).lines(items), *comments.at_end]
    return "\n".join(lines) + "\n"
