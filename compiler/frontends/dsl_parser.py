"""Parses `.trc` text by its grammar: several mistakes in one go, and each statement apart from the others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any, Final

from lark import Lark, UnexpectedInput

from trc.compiler.diagnostics.collector import Collector
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.diagnostics.nearest import nearest
from trc.compiler.frontends.dsl_build import Build
from trc.compiler.frontends.dsl_errors import syntax_error
from trc.compiler.frontends.dsl_flaws import told as told_of
from trc.compiler.frontends.dsl_outline import Outline
from trc.compiler.frontends.dsl_reader import grammar
from trc.compiler.frontends.dsl_written import Statement
from trc.compiler.source import SourceFile

MOST_ERRORS: Final = 20
"""How many syntax errors of one file are told."""
MOST_READ: Final = 100_000
"""How many characters of one statement are read, in all: it is read again for each mistake that is found in it."""
_RAW: Final = re.compile(r"\$\$(?:[^$]|\$(?!\$))*\$\$")


def read_by_grammar(file: SourceFile, collect: Collector) -> tuple[list[Statement], bool]:
    """The statements, and whether they are all that the file holds."""
    try:
        return list(_read(file, file.text, 0, collect)), True
    except UnexpectedInput as error:
        told = len(collect.reported)
        statements = _salvaged(file, collect)
        if len(collect.reported) == told:
            # Each part can be read, and the whole cannot: that is a mistake all the same.
            collect.add(syntax_error(file, error, Outline(file.text))[0])
        return statements, False


@cache
def _parser() -> Lark:
    return Lark(
        grammar(), start="file", parser="lalr", lexer="contextual", propagate_positions=True, maybe_placeholders=True
    )


def _read(file: SourceFile, text: str, base: int, collect: Collector) -> tuple[Statement, ...]:
    """Parses a part of the file, which begins at `base`; raises what the parser raises."""
    build = Build(file, base)
    statements: Any = build.transform(_parser().parse(text))
    collect.extend(map(told_of, build.flaws))
    return tuple(statements)


def _salvaged(file: SourceFile, collect: Collector) -> list[Statement]:
    """What can be read of a file that has syntax errors: statement by statement, item by item."""
    statements: list[Statement] = []
    told = 0
    for start, end in Outline(file.text).statements():
        for found in _statement(file, start, end, collect, MOST_ERRORS - told):
            if isinstance(found, Diagnostic):
                collect.add(found)
                told += found.severity == "error"
            else:
                statements.append(found)
        if told >= MOST_ERRORS:
            collect.add(_and_so_on(file, end, MOST_ERRORS))
            break
    return statements


def _and_so_on(file: SourceFile, at: int, told: int) -> Diagnostic:
    first = f"the first {told} mistakes of this kind are" if told > 1 else "the first mistake of this kind is"
    message = f"{first} told, and what follows was not read"
    return Diagnostic("TRC120", message, file.span(at, at), severity="note")


def _statement(
    file: SourceFile, start: int, end: int, collect: Collector, most: int
) -> Iterator[Statement | Diagnostic]:
    """One statement with its mistakes: the lines that cannot be read are left out, and the rest is read again."""
    text = file.text[start:end]
    outline = Outline(file.text, start, end)  # one for all of its mistakes: a long one can have many
    most_here = min(most, max(MOST_READ // max(len(_RAW.sub("", text)), 1), 1))
    errors = 0
    while True:
        try:
            found = _read(file, text, start, collect)
        except UnexpectedInput as error:
            diagnostic, culprit = syntax_error(file, error, outline)
            yield diagnostic
            errors += 1
            blanked = _without(text, culprit.start - start, culprit.end - start) if culprit else None
            if blanked is None or errors >= most_here:
                if blanked is not None and errors < most:
                    yield _and_so_on(file, end, errors)
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
