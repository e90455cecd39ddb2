"""Which front end reads a pipeline's file: its suffix tells."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from trc.compiler.context import Context
from trc.compiler.diagnostics.collector import Collector
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.frontends import yaml
from trc.compiler.frontends.python import parse as python
from trc.compiler.frontends.syntax import Node
from trc.compiler.source import SourceFile

Parser = Callable[[SourceFile, Collector], Node | None]

PARSERS: Final[dict[str, Parser]] = {".yaml": yaml.parse, ".yml": yaml.parse}
SUFFIXES: Final = tuple(PARSERS)
"""The endings of the files that hold pipelines to be read."""
CODE: Final = ".py"
"""The ending of those that are run, to tell what pipeline they build."""


def parse(file: SourceFile, path: Path, context: Context, collect: Collector) -> Node | None:
    """The file's syntax tree, or None if it cannot be told what the file says; mistakes go to `collect`."""
    suffix = path.suffix.lower()
    if suffix == CODE:
        return python.parse(file, path, context, collect)
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
