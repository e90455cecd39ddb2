"""Parses `.trc` text into the syntax tree: several mistakes in one go, and each statement apart from the others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import Any, Final

from lark import Lark, UnexpectedInput

from trc.compiler.diagnostics.collector import Collector
from trc.compiler.diagnostics.diagnostic import Diagnostic, Fix
from trc.compiler.diagnostics.nearest import nearest
from trc.compiler.frontends.dsl_errors import control_character, nested_too_deep, syntax_error
from trc.compiler.frontends.dsl_meaning import tree_of
from trc.compiler.frontends.dsl_outline import DEEPEST, Outline
from trc.compiler.frontends.dsl_text import WrongEscape
from trc.compiler.frontends.dsl_values import Values
from trc.compiler.frontends.dsl_written import Build, Flaw, Statement
from trc.compiler.frontends.syntax import Node
from trc.compiler.source import SourceFile

MOST_ERRORS: Final = 20
"""How many syntax errors of one file are told."""

_CONTROL: Final = re.compile("[^\t\n\r\f\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SOMETHING: Final = re.compile(r"(?:\s+|#[^\n]*)*")


def parse(file: SourceFile, collect: Collector) -> Node | None:
    """The file's tree, or None if it says nothing at all; mistakes go to `collect`."""
    if not _is_readable(file, collect):
        return None
    statements, whole = _statements(file, collect)
    return tree_of(statements, whole, file.span(0, len(file.text)), Values(file, collect))


def read_statements(file: SourceFile, collect: Collector) -> list[Statement] | None:
    """The file's statements as they are written; None if not all of it can be read."""
    if not _is_readable(file, collect):
        return None
    statements, whole = _statements(file, collect)
    return statements if whole and not collect.has_errors else None


def _is_readable(file: SourceFile, collect: Collector) -> bool:
    """Whether the text is worth parsing; what it is not is reported."""
    character = _CONTROL.search(file.text)
    if character:
        collect.add(control_character(file, character.start()))
        return False
    beginning = _SOMETHING.match(file.text)
    if beginning is None or beginning.end() == len(file.text):
        collect.add(
            Diagnostic(
                "TRC103",
                f'"{file.name}" holds no pipeline: it is empty or all comments',
                file.span(0, 0),
                help=('begin with: pipeline "name" { }',),
            )
        )
        return False
    deep = Outline(file.text).deepest
    if deep is not None:
        collect.add(nested_too_deep(file, deep, DEEPEST))
        return False
    return True


@cache
def _grammar() -> str:
    return files("trc.compiler.frontends").joinpath("trc.lark").read_text(encoding="utf-8")


@cache
def _parser() -> Lark:
    return Lark(
        _grammar(), start="file", parser="lalr", lexer="contextual", propagate_positions=True, maybe_placeholders=True
    )


def _statements(file: SourceFile, collect: Collector) -> tuple[list[Statement], bool]:
    """The statements, and whether they are all that the file holds."""
    try:
        return list(_read(file, file.text, 0, collect)), True
    except UnexpectedInput:
        return _salvaged(file, collect), False


def _read(file: SourceFile, text: str, base: int, collect: Collector) -> tuple[Statement, ...]:
    """Parses a part of the file, which begins at `base`; raises what the parser raises."""
    build = Build(file, base)
    statements: Any = build.transform(_parser().parse(text))
    collect.extend(_told(flaw) for flaw in build.flaws)
    return tuple(statements)


def _told(flaw: Flaw) -> Diagnostic:
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


# ── files with syntax errors ──


def _salvaged(file: SourceFile, collect: Collector) -> list[Statement]:
    """What can be read of a file that has syntax errors: statement by statement, item by item."""
    statements: list[Statement] = []
    told = 0
    for start, end in Outline(file.text).statements():
        for found in _statement(file, start, end, collect, MOST_ERRORS - told):
            if isinstance(found, Diagnostic):
                collect.add(found)
                told += 1
            else:
                statements.append(found)
        if told >= MOST_ERRORS:
            collect.add(_and_so_on(file, end))
            break
    return statements


def _and_so_on(file: SourceFile, at: int) -> Diagnostic:
    message = f"the first {MOST_ERRORS} mistakes of this kind are told, and what follows was not read"
    return Diagnostic("TRC120", message, file.span(at, at), severity="note")


def _statement(
    file: SourceFile, start: int, end: int, collect: Collector, most: int
) -> Iterator[Statement | Diagnostic]:
    """One statement with its mistakes: the lines that cannot be read are left out, and the rest is read again."""
    text = file.text[start:end]
    errors = 0
    while True:
        try:
            found = _read(file, text, start, collect)
        except UnexpectedInput as error:
            diagnostic, culprit = syntax_error(file, error, start, end)
            yield diagnostic
            errors += 1
            blanked = _without(text, culprit.start - start, culprit.end - start) if culprit else None
            if blanked is None or errors >= most:
                yield from _named_only(file, start, end)
                return
            text = blanked
        else:
            yield from (replace(one, is_whole=False) for one in found) if errors else found
            return


def _without(text: str, start: int, end: int) -> str | None:
    """The text with `[start, end)` blanked; None where nothing would be left to blank."""
    culprit = text[start:end]
    if not culprit.strip():
        return None
    return text[:start] + re.sub(r"[^\n]", " ", culprit) + text[end:]


_HEADER: Final = re.compile(r'(?P<kind>[^\W\d]\w*)[ \t]+(?P<name>[^\W\d]\w*|"(?:[^"\\\n]|\\.)*")')


def _named_only(file: SourceFile, start: int, end: int) -> Iterator[Statement]:
    """A statement of which the name alone could be read: what refers to it is no mistake of its own."""
    header = _HEADER.match(file.text, start, end)
    if header is None:
        return
    name = header["name"]
    stand_ins = {
        "param": f"param {name}",
        "source": f"source {name} = {{}}",
        "task": f"task {name} = unreadable",
        "target": f"target {name} {{}}",
        "test": f"test {name} {{}}",
    }
    kind = nearest(header["kind"], stand_ins)
    if kind is None:
        return
    try:
        found: Any = Build(file, start).transform(_parser().parse(stand_ins[kind]))
    except UnexpectedInput:
        return
    for one in found:
        place = file.span(*header.span("name"))
        named = replace(one.name, map=replace(one.name.map, whole=place, segments=()))
        yield replace(one, name=named, is_whole=False, is_named_only=True, span=file.span(header.start(), header.end()))
