"""Parses `.trc` text into the syntax tree: at once where nothing is wrong with it, else by the grammar."""

from __future__ import annotations

import re
from importlib import import_module
from typing import Final

from trc.compiler.diagnostics.collector import Collector
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.frontends.dsl_flaws import control_character, nested_too_deep, told
from trc.compiler.frontends.dsl_meaning import tree_of
from trc.compiler.frontends.dsl_outline import DEEPEST, Outline
from trc.compiler.frontends.dsl_reader import read_plainly
from trc.compiler.frontends.dsl_values import Values
from trc.compiler.frontends.dsl_written import Statement
from trc.compiler.frontends.syntax import Node
from trc.compiler.source import SourceFile

_CONTROL: Final = re.compile("[^\t\n\r\f\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SOMETHING: Final = re.compile(r"(?:\s++|#[^\n]*+)*+")


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


def _statements(file: SourceFile, collect: Collector) -> tuple[list[Statement], bool]:
    """The statements, and whether they are all that the file holds."""
    plain = read_plainly(file)
    if plain is None:
        # Most files never need the grammar's parser, which takes a tenth of a second to be there.
        parser = import_module("trc.compiler.frontends.dsl_parser")
        found: tuple[list[Statement], bool] = parser.read_by_grammar(file, collect)
        return found
    statements, flaws = plain
    collect.extend(map(told, flaws))
    return list(statements), True
