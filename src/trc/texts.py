"""The use cases that deal with a pipeline's text: formatting it, and saying it in another language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from trc.compiler.diagnostics.collector import Collector
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.frontends.convert import Language, convert_tree
from trc.compiler.frontends.files import read
from trc.compiler.frontends.format import lay_out
from trc.compiler.frontends.languages import parse
from trc.compiler.frontends.syntax import Mapping
from trc.compiler.source import SourceFile
from trc.runtime.errors import Stopped
from trc.sqltexts import LeftSql, lay_out_sql, lines_of_queries


@dataclass(frozen=True, slots=True)
class Formatted:
    """A file's text as it is, and in canonical layout; `after` is None where it cannot be read."""

    path: Path
    before: str
    after: str | None

    left_sql: tuple[LeftSql, ...] = ()
    """The queries that were to be laid out, and keep their layout."""

    left: str = ""
    """Why the file as a whole keeps its layout, if it does."""

    @property
    def differs(self) -> bool:
        return self.after is not None and self.after != self.before


@dataclass(frozen=True, slots=True)
class FormatReport:
    files: tuple[Formatted, ...]
    diagnostics: tuple[Diagnostic, ...]
    sources: dict[str, SourceFile]


def format_files(paths: Sequence[Path], *, sql: bool = False) -> FormatReport:
    """The texts of files in canonical layout, with `sql` that of their queries, too; nothing is written.

    Mistakes in them are diagnostics.
    """
    collect = Collector()
    sources: dict[str, SourceFile] = {}
    files: list[Formatted] = []
    for path in paths:
        file = read(path, str(path), collect)
        if file is None:
            continue
        sources[file.name] = file
        files.append(_formatted(path, file, collect, sql=sql))
    return FormatReport(tuple(files), collect.sorted(), sources)


def _formatted(path: Path, file: SourceFile, collect: Collector, *, sql: bool) -> Formatted:
    mistakes = Collector()
    laid_out = lay_out(file, mistakes)
    collect.extend(mistakes.reported)
    if laid_out is None:
        return Formatted(path, file.text, None)
    if laid_out.left or not sql:
        return Formatted(path, file.text, laid_out.text, left=laid_out.left)
    return _with_sql(path, file, SourceFile(file.name, laid_out.text))


def _with_sql(path: Path, file: SourceFile, laid_out: SourceFile) -> Formatted:
    """The queries are laid out last: one in quotes over several lines stands in a block once the file is laid out."""
    with_sql, left = lay_out_sql(laid_out)
    again = lay_out(with_sql, Collector())
    if again is None or again.left:
        return Formatted(path, file.text, laid_out.text, left=again.left if again else "its SQL cannot be laid out")
    lines = dict(zip(lines_of_queries(laid_out), lines_of_queries(file), strict=True))
    return Formatted(path, file.text, again.text, tuple(replace(one, line=lines[one.line]) for one in left))


def convert_file(path: Path, to: Language) -> str:
    """What the file says, in another language. Raises `Stopped` where it cannot be read."""
    collect = Collector()
    file = read(path, str(path), collect)
    tree = parse(file, collect) if file is not None else None
    if file is None or not isinstance(tree, Mapping) or collect.has_errors:
        raise Stopped(collect.sorted(), 2, {} if file is None else {file.name: file})
    text = convert_tree(file, tree, to)
    again = parse(SourceFile(f"{path.stem}.{to}", text), collect)
    assert again is not None, text
    return text
