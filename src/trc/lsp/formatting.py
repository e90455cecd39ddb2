"""Formatting: the one canonical layout, or nothing where a text cannot be read."""

from __future__ import annotations

from lsprotocol.types import TextEdit

from trc.compiler.diagnostics.collector import Collector
from trc.compiler.frontends.format import format_text
from trc.compiler.source import SourceFile
from trc.lsp.ask import Ask


def lay_out(ask: Ask) -> list[TextEdit] | None:
    """The edit that lays the document out; no edit where it is laid out already."""
    content = ask.text.content
    formatted = format_text(SourceFile(ask.path, content), Collector())
    if formatted is None:
        return None
    return [TextEdit(ask.text.range(0, len(content)), formatted)] if formatted != content else []
