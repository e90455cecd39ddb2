"""Lays out the SQL within a pipeline's file, query by query, as far as it says the same afterwards."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from trc.compiler.diagnostics.collector import Collector
from trc.compiler.frontends.languages import parse
from trc.compiler.frontends.says import says
from trc.compiler.frontends.syntax import Mapping, Node, Scalar, Sequence
from trc.compiler.source import SourceFile
from trc.compiler.sql.dialect import OWN
from trc.compiler.sql.layout import LeftAsItIs, is_same_query, lay_out
from trc.compiler.sql.pieces import Region
from trc.compiler.templates.mistake import Mistake
from trc.compiler.templates.segments import cut, has_template

_TYPE: Final = "duckdb_sql"
_HEADER: Final = re.compile(r"\|[+-]?[ \t]*(?:#[^\n]*)?\r?\n")
_MARK: Final = re.compile(r"\$\w*\$")


@dataclass(frozen=True, slots=True)
class LeftSql:
    """A query that keeps its layout, and why."""

    line: int
    task: str
    why: str


@dataclass(frozen=True, slots=True)
class Edit:
    """A query's text in the file, `[start, end)`, and what is to stand there."""

    start: int
    end: int
    text: str


def lay_out_sql(file: SourceFile) -> tuple[SourceFile, tuple[LeftSql, ...]]:
    """The file with its queries laid out: those between `$$`, and in YAML those in block texts.

    A file that cannot be parsed is answered as it is.
    """
    collect = Collector()
    tree = parse(file, collect)
    if tree is None or collect.has_errors:
        return file, ()
    edits: dict[int, Edit] = {}
    left: list[LeftSql] = []
    for task, query in _queries(tree):
        made = _edit(file, query)
        if isinstance(made, LeftAsItIs):
            left.append(LeftSql(file.position(query.span.start).line, task, made.why))
        elif made is not None:
            edits[made.start] = made
    text = file.text
    for _, edit in sorted(edits.items(), reverse=True):
        text = f"{text[: edit.start]}{edit.text}{text[edit.end :]}"
    after = SourceFile(file.name, text)
    again = parse(after, Collector())
    if again is None or not says_alike(says(tree), says(again)):
        return file, tuple(LeftSql(line, task, "its layout means something") for line, task in _all(file, tree))
    return after, tuple(left)


def lines_of_queries(file: SourceFile) -> tuple[int, ...]:
    """The lines on which the queries of a file begin, in their order."""
    tree = parse(file, Collector())
    return tuple(line for line, _ in _all(file, tree)) if tree is not None else ()


def _all(file: SourceFile, tree: Node) -> Iterator[tuple[int, str]]:
    for task, query in _queries(tree):
        yield file.position(query.span.start).line, task


def says_alike(before: object, after: object) -> bool:
    """Whether two trees say the same: SQL may differ in white space."""
    if isinstance(before, list) and isinstance(after, list):
        return len(before) == len(after) and all(map(says_alike, before, after))
    if isinstance(before, dict) and isinstance(after, dict):
        return before.keys() == after.keys() and all(says_alike(before[key], after[key]) for key in before)
    if isinstance(before, tuple) and isinstance(after, tuple):
        (text, *how), (other, *how_other) = before, after
        return how == how_other and (text == other or is_same_query(text, other))
    return False


def _queries(tree: Node) -> Iterator[tuple[str, Scalar]]:
    nodes = tree.get("nodes") if isinstance(tree, Mapping) else None
    for node in nodes.items if isinstance(nodes, Sequence) else ():
        if not isinstance(node, Mapping):
            continue
        named, kind, params = node.get("id"), node.get("type"), node.get("params")
        query = params.get("sql") if isinstance(params, Mapping) else None
        # Only DuckDB's own lexis is known: that of another dialect has other quotes and comments.
        dialect = params.get("dialect") if isinstance(params, Mapping) else None
        is_own = dialect is None or (isinstance(dialect, Scalar) and dialect.value == OWN)
        is_sql = isinstance(kind, Scalar) and kind.value == _TYPE
        if is_sql and is_own and isinstance(query, Scalar) and query.value.strip():
            yield named.value if isinstance(named, Scalar) else "", query


def _edit(file: SourceFile, query: Scalar) -> Edit | LeftAsItIs | None:
    """How the file changes for one query; None for a text that is not laid out at all, such as one in quotes."""
    written = file.text[query.span.start : query.span.end]
    if query.style not in ("dollar", "literal"):
        return None
    try:
        regions = tuple(_templates(query.value))
    except Mistake as mistake:
        return LeftAsItIs(mistake.message)
    laid_out = lay_out(query.value, regions)
    if isinstance(laid_out, LeftAsItIs):
        return laid_out
    if query.style == "dollar":
        mark = _MARK.match(written)
        assert mark is not None
        gap = "\n" if "\n" in laid_out else " "
        return Edit(query.span.start, query.span.end, f"{mark[0]}{gap}{laid_out}{gap}{mark[0]}")
    header = _HEADER.match(written)
    if header is None:
        return LeftAsItIs("its block says its own indent")
    first = next(line for line in written[header.end() :].splitlines() if line.strip())
    indent = first[: len(first) - len(first.lstrip(" "))]
    lines = (f"{indent}{line}" if line else "" for line in laid_out.split("\n"))
    return Edit(query.span.start + header.end(), query.span.end, "\n".join(lines))


def _templates(sql: str) -> Iterator[Region]:
    """The parts of a query that templates take."""
    if not has_template(sql):
        return
    at = 0
    for segment in cut(sql):
        if segment.kind != "text":
            continue
        if segment.start > at:
            yield at, segment.start
        at = segment.end
    if at < len(sql):
        yield at, len(sql)
