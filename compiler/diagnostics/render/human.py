"""Renders diagnostics for people: the message, the source line with the place underlined, the remedy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from trc.compiler.diagnostics.diagnostic import Diagnostic, Severity
from trc.compiler.diagnostics.render.cells import visible
from trc.compiler.diagnostics.render.snippet import Mark, Paint, draw, first_line, last_line
from trc.compiler.source import SourceFile

_NEAR: Final = 6
"""Places of one file at most this many lines apart share a snippet."""

_RESET: Final = "\x1b[0m"
_BOLD: Final = "\x1b[1m"
_COLOURS: Final[Mapping[Severity, str]] = {"error": "\x1b[1;31m", "warning": "\x1b[1;33m", "note": "\x1b[1;36m"}
_GUTTER: Final = "\x1b[1;34m"


def render(diagnostics: Iterable[Diagnostic], sources: Mapping[str, SourceFile], colour: bool = False) -> str:
    """The diagnostics in the order given, a blank line between them, and a line that counts them; no final break.

    `sources` are the files by the names that spans use; a place in another file is named without its text.
    """
    told = list(diagnostics)
    if not told:
        return ""
    blocks = [_block(diagnostic, sources, colour) for diagnostic in told]
    return "\n\n".join([*blocks, summary(told, colour)])


def summary(diagnostics: Iterable[Diagnostic], colour: bool = False) -> str:
    """`2 errors, 1 warning`; empty where there is nothing to count."""
    counts: dict[Severity, int] = {"error": 0, "warning": 0, "note": 0}
    for diagnostic in diagnostics:
        counts[diagnostic.severity] += 1
    parts = [
        _styled(_COLOURS[severity], f"{count:,} {severity}{'s' if count > 1 else ''}", colour)
        for severity, count in counts.items()
        if count
    ]
    return ", ".join(parts)


def _block(diagnostic: Diagnostic, sources: Mapping[str, SourceFile], colour: bool) -> str:
    severity = diagnostic.severity
    head = _styled(_COLOURS[severity], f"{severity}[{diagnostic.code}]", colour)
    rows = [head + _styled(_BOLD, f": {visible(diagnostic.message)}", colour)]
    groups = _groups(diagnostic, sources)
    numbers = [last_line(sources[name], mark) for name, marks in groups if name in sources for mark in marks]
    gutter = len(str(max(numbers, default=1)))
    paint = _painter(severity, colour)
    for index, (name, marks) in enumerate(groups):
        arrow = "-->" if index == 0 else ":::"
        rows.append(" " * gutter + paint("gutter", arrow) + f" {_place(name, marks, sources)}")
        if name in sources:
            empty = " " * (gutter + 1) + paint("gutter", "|")
            rows.extend([empty, *draw(sources[name], marks, gutter, paint)])
            if index + 1 < len(groups) or _help(diagnostic):
                rows.append(empty)
    for line in _help(diagnostic):
        first, *more = line.split("\n")
        rows.append(" " * (gutter + 1) + paint("gutter", "=") + f" {visible(first)}")
        rows.extend(f"{' ' * (gutter + 3)}{visible(one)}" for one in more)
    return "\n".join(rows)


def _help(diagnostic: Diagnostic) -> Sequence[str]:
    if diagnostic.help or diagnostic.fix is None:
        return diagnostic.help
    return (diagnostic.fix.title,)


def _groups(diagnostic: Diagnostic, sources: Mapping[str, SourceFile]) -> list[tuple[str, list[Mark]]]:
    """The places that share a snippet; the first group holds the primary place."""
    if diagnostic.span is None:
        return []
    marks = [Mark(diagnostic.span, diagnostic.label, primary=True)]
    marks.extend(Mark(label.span, label.text, primary=False) for label in diagnostic.related)
    groups: list[tuple[str, list[Mark]]] = []
    for name in dict.fromkeys(mark.span.file for mark in marks):
        groups.extend((name, near) for near in _near([mark for mark in marks if mark.span.file == name], sources))
    return sorted(groups, key=lambda group: not any(mark.primary for mark in group[1]))


def _near(marks: list[Mark], sources: Mapping[str, SourceFile]) -> list[list[Mark]]:
    """Places of one file, those together that stand on near lines."""
    source = sources.get(marks[0].span.file)
    if source is None:
        return [marks]
    groups: list[list[Mark]] = []
    lowest = 0
    for mark in sorted(marks, key=lambda one: one.span.start):
        if not groups or first_line(source, mark) > lowest + _NEAR:
            groups.append([])
        groups[-1].append(mark)
        lowest = max(lowest, last_line(source, mark))
    return groups


def _place(name: str, marks: Sequence[Mark], sources: Mapping[str, SourceFile]) -> str:
    source = sources.get(name)
    if source is None:
        return visible(name)
    shown = next((mark for mark in marks if mark.primary), marks[0])
    position = source.position(shown.span.start)
    return f"{visible(name)}:{position.line}:{position.column}"


def _painter(severity: Severity, colour: bool) -> Paint:
    styles = {"gutter": _GUTTER, "primary": _COLOURS[severity], "related": _GUTTER}

    def paint(style: str, text: str) -> str:
        return _styled(styles.get(style, ""), text, colour)

    return paint


def _styled(style: str, text: str, colour: bool) -> str:
    return f"{style}{text}{_RESET}" if colour and style and text else text
