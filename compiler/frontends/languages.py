"""Which front end reads a pipeline's file: its suffix tells."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePath
from typing import Final

from trc.compiler.diagnostics.collector import Collector
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.frontends import dsl, yaml
from trc.compiler.frontends.syntax import Node
from trc.compiler.source import SourceFile

Parser = Callable[[SourceFile, Collector], Node | None]

PARSERS: Final[dict[str, Parser]] = {".trc": dsl.parse, ".yaml": yaml.parse, ".yml": yaml.parse}
SUFFIXES: Final = tuple(PARSERS)
"""The endings of the files that hold pipelines."""


def parse(file: SourceFile, collect: Collector) -> Node | None:
    """The file's syntax tree, or None if it cannot be told what the file says; mistakes go to `collect`."""
    suffix = PurePath(file.name).suffix.lower()
    if suffix not in PARSERS:
        collect.add(
            Diagnostic(
                "TRC110",
                f'"{file.name}" is not a pipeline file by its name',
                help=(f"end its name in {' or '.join(SUFFIXES)}",),
            )
        )
        return None
    return PARSERS[suffix](file, collect)
