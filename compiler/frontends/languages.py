"""Which front end reads a pipeline's file: its suffix tells. It is loaded when the first such file is read."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path, PurePath
from typing import Any, Final

from trc.compiler.context import Context
from trc.compiler.diagnostics.collector import Collector
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.frontends.suffixes import CODE, SUFFIXES
from trc.compiler.frontends.syntax import Node
from trc.compiler.source import SourceFile

Parser = Callable[[SourceFile, Collector], Node | None]

_FRONT_ENDS: Final[dict[str, str]] = dict(zip(SUFFIXES, ("dsl", "yaml", "yaml"), strict=True))


def parser_of(suffix: str) -> Parser:
    """What parses files of a suffix, one of `SUFFIXES`."""
    parse: Parser = import_module(f"trc.compiler.frontends.{_FRONT_ENDS[suffix]}").parse
    return parse


def tree_of(file: SourceFile, path: Path, context: Context, collect: Collector) -> Node | None:
    """The syntax tree of the file at `path`, or None if it cannot be told what it says; mistakes go to `collect`."""
    if path.suffix.lower() == CODE:
        python: Any = import_module("trc.compiler.frontends.python.parse")
        tree: Node | None = python.parse(file, path, context, collect)
        return tree
    return parse(file, collect)


def parse(file: SourceFile, collect: Collector) -> Node | None:
    """The tree of a text that is read and not run; its name tells the language."""
    suffix = PurePath(file.name).suffix.lower()
    if suffix not in SUFFIXES:
        collect.add(
            Diagnostic(
                "TRC110",
                f'"{file.name}" is not a pipeline file by its name',
                help=(f"end its name in {' or '.join((*SUFFIXES, CODE))}",),
            )
        )
        return None
    return parser_of(suffix)(file, collect)
