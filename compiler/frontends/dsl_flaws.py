"""What to say of a `.trc` text that reads well, and is wrong: its characters, its depth, escapes and commas."""

from __future__ import annotations

from trc.compiler.diagnostics.diagnostic import Diagnostic, Fix
from trc.compiler.frontends.dsl_text import WrongEscape
from trc.compiler.frontends.dsl_written import Flaw
from trc.compiler.source import SourceFile


def control_character(file: SourceFile, at: int) -> Diagnostic:
    """A character that no text file should hold."""
    name = f"U+{ord(file.text[at]):04X}"
    return Diagnostic(
        "TRC120",
        f"the control character {name} cannot stand in a .trc file",
        file.span(at, at + 1),
        help=(f'remove it; in a text in double quotes it is written "\\u{ord(file.text[at]):04x}"',),
    )


def nested_too_deep(file: SourceFile, at: int, most: int) -> Diagnostic:
    return Diagnostic(
        "TRC108",
        f"the file nests deeper than {most} levels here",
        file.span(at, at + 1),
        help=("keep deeply nested data in a file of its own",),
    )


def told(flaw: Flaw) -> Diagnostic:
    if isinstance(flaw, WrongEscape):
        return Diagnostic(
            "TRC121",
            f'the escape "{flaw.text}" stands for nothing',
            flaw.span,
            help=('write \\\\ for a backslash; there are \\n, \\t, \\r, \\", \\uXXXX and \\UXXXXXXXX',),
            fix=Fix(flaw.span, f"\\{flaw.text}", "write a backslash") if len(flaw.text) == 2 else None,
        )
    return Diagnostic(
        "TRC120",
        "a comma is missing between two things on one line",
        flaw.span,
        help=("write a comma, or a line break",),
        fix=Fix(flaw.span, ",", "write a comma"),
    )
