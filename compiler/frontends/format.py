"""Prints a file in the one canonical layout of its language, as far as that changes nothing but its layout."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

from trc.compiler.diagnostics.collector import Collector
from trc.compiler.frontends.comments import attach, trc_comments
from trc.compiler.frontends.dsl import read_statements
from trc.compiler.frontends.dsl_layout import statement_items
from trc.compiler.frontends.layout import Layout, stretches
from trc.compiler.frontends.layout_doubt import layout_doubt
from trc.compiler.frontends.yaml_layout import format_yaml
from trc.compiler.source import SourceFile


@dataclass(frozen=True, slots=True)
class LaidOut:
    """A file's text in canonical layout, or its own, and then why it is left as it is."""

    text: str
    left: str = ""


def format_text(file: SourceFile, collect: Collector) -> str | None:
    """The file's text in canonical layout; None after reporting what keeps it from being read.

    A layout is read again before it is taken, and laid out again: a file that would say something else, lose
    a comment or not stay as it is laid out keeps its text.
    """
    laid_out = lay_out(file, collect)
    return None if laid_out is None else laid_out.text


def lay_out(file: SourceFile, collect: Collector) -> LaidOut | None:
    """As `format_text`, with the reason where a file keeps its text."""
    text = _printed(file, collect)
    if text is None:
        return None
    left = layout_doubt(file, text, lambda after: _printed(after, Collector()))
    return LaidOut(file.text, left) if left else LaidOut(text)


def _printed(file: SourceFile, collect: Collector) -> str | None:
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
