"""A diagnostic as one text, for formats that show the place by themselves."""

from __future__ import annotations

from trc.compiler.diagnostics.diagnostic import Diagnostic


def in_full(diagnostic: Diagnostic) -> str:
    """The message, the label and the remedies, each on lines of its own."""
    remedies = diagnostic.help or ((diagnostic.fix.title,) if diagnostic.fix else ())
    lines = (diagnostic.message, diagnostic.label, *(f"help: {line}" for line in remedies))
    return "\n".join(line for line in lines if line)
