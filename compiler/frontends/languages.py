"""Which front end reads a pipeline's file: its suffix tells."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePath
from typing import Final

from trc.compiler.context import Context
from trc.compiler.diagnostics.collector import Collector
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.frontends import dsl, yaml
from trc.compiler.frontends.python import parse as python
from trc.compiler.frontends.suffixes import CODE, SUFFIXES
from trc.compiler.frontends.syntax import Node
from trc.compiler.source import SourceFile

Parser = Callable[[SourceFile, Collector], Node | None]

PARSERS: Final[dict[str, Parser]] = dict(zip(SUFFIXES, (dsl.parse, yaml.parse, yaml.parse), strict=True))


def tree_of(file: SourceFile, path: Path, context: Context, collect: Collector) -> Node | None:
    """The syntax tree of the file at `path`, or None if it cannot be told what it says; mistakes go to `collect`."""
    if path.suffix.lower() == CODE:
        return python.parse(file, path, context, collect)
    return parse(file, collect)


def parse(file: SourceFile, collect: Collector) -> Node | None:
    """The tree of a text that is read and not run; its name tells the language."""
    suffix = PurePath(file.name).suffix.lower()
    if suffix not in PARSERS:
        collect.add(
            Diagnostic(
                "TRC110",
                f'"{file.name}" is not a pipeline file by its name',
                help=(f"end its name in {' or '.join((*SUFFIXES, CODE))}",),
            )
        )
        return None
    return PARSERS[suffix](file, collect)
