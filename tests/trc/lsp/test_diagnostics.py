from __future__ import annotations

from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.source import Span
from trc.lsp.diagnostics import told
from trc.lsp.text import Text


def test_what_is_wrong_in_another_file_leads_there() -> None:
    """A document that brings in another one has no place of its own for that one's mistakes."""
    own, other = Text("name: a\n", len), Text("line\nwrong\n", len)
    found = Diagnostic("TRC201", "a mistake", Span("/other.trc", 5, 10))
    (one,) = told([found], "/own.trc", own, {"/other.trc": other}.get)
    assert one.range == own.range(0, 0)
    assert one.related_information
    assert one.related_information[0].location.range == other.range(5, 10)
    (same,) = told([found], "/other.trc", other, {"/other.trc": other}.get)
    assert same.range == other.range(5, 10)
    assert not same.related_information
