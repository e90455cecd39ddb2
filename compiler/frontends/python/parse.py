"""Reads a pipeline's Python file: it is run elsewhere, and what it built is put in its places in the text."""

from __future__ import annotations

import json
from collections.abc import Mapping as MappingOf
from pathlib import Path
from typing import Any

from trc.compiler.context import Context
from trc.compiler.diagnostics.collector import Collector
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.frontends.python.code import Code
from trc.compiler.frontends.python.failures import failure, no_answer, syntax_error, too_deep, unknown_runner
from trc.compiler.frontends.python.tree import Malformed, TooDeep, Tree
from trc.compiler.frontends.syntax import Mapping, Node, Sequence
from trc.compiler.source import SourceFile


def parse(file: SourceFile, path: Path, context: Context, collect: Collector) -> Node | None:
    """The tree of the pipeline that the file builds, or None where it builds none; mistakes go to `collect`."""
    try:
        code = Code(file)
    except SyntaxError as error:
        collect.add(syntax_error(file, error))
        return None
    if context.python is None:
        collect.add(unknown_runner(file))
        return None
    ran = context.python.run(path, context.project)
    if ran.end != "answered":
        collect.add(no_answer(file, ran))
        return None
    try:
        return _read(ran.answer, code, context, ran.printed, collect)
    except TooDeep as found:
        collect.add(too_deep(found.span))
    except (Malformed, ValueError, RecursionError):
        collect.add(no_answer(file, ran))
    return None


def _read(answer: bytes, code: Code, context: Context, printed: str, collect: Collector) -> Node | None:
    said: Any = json.loads(answer)
    if not isinstance(said, MappingOf):
        raise Malformed
    tree = Tree(code, said.get("calls", []))
    if "root" in said:
        return _with_tasks(tree.node(said["root"]), collect)
    collect.add(failure(said, tree, context, printed))
    return None


def _with_tasks(root: Node, collect: Collector) -> Node | None:
    """The tree, if there is a task in it: the hint of the other front ends would be in another language."""
    nodes = root.get("nodes") if isinstance(root, Mapping) else None
    if isinstance(nodes, Sequence) and nodes.items:
        return root
    collect.add(
        Diagnostic(
            "TRC205",
            "the pipeline has no task",
            root.span,
            help=('add one: p.sql("name", "select …")',),
        )
    )
    return None
