"""Whether a layout may be taken: it says what the file says, keeps its comments, and is its own layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePath

from trc.compiler.diagnostics.collector import Collector
from trc.compiler.frontends.comments import trc_comments, yaml_comments
from trc.compiler.frontends.languages import parse
from trc.compiler.frontends.says import says
from trc.compiler.frontends.syntax import Node
from trc.compiler.source import SourceFile


def layout_doubt(file: SourceFile, text: str, printed: Callable[[SourceFile], str | None]) -> str:
    """Why `text` is not to be taken for the layout of `file`; empty where it may. `printed` lays a file out."""
    if text == file.text:
        return ""
    after = SourceFile(file.name, text)
    said, mistakes, comments = _held(file)
    said_after, mistakes_after, comments_after = _held(after)
    if said != said_after or mistakes != mistakes_after:
        return "its canonical layout would say something else"
    if comments != comments_after:
        return "its canonical layout would change a comment"
    if printed(after) != text:
        return "it has no canonical layout that stays"
    return ""


def _held(file: SourceFile) -> tuple[object, list[tuple[str, str]], list[str]]:
    """What a file holds that is no layout: what it says, its mistakes, and its comments, wherever they stand."""
    collect = Collector()
    tree = parse(file, collect)
    mistakes = sorted((one.code, one.message) for one in collect.reported)
    return None if tree is None else says(tree), mistakes, sorted(_comments(file, tree))


def _comments(file: SourceFile, tree: Node | None) -> list[str]:
    if tree is None:
        return []
    is_trc = PurePath(file.name).suffix.lower() == ".trc"
    return [one.text for one in (trc_comments(file) if is_trc else yaml_comments(file, tree))]
