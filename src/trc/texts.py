"""The use cases that deal with a pipeline's text: formatting it, and saying it in another language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trc.compiler.diagnostics.collector import Collector
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.frontends.convert import Language, convert_tree
from trc.compiler.frontends.files import read
from trc.compiler.frontends.format import format_text
from trc.compiler.frontends.languages import parse
from trc.compiler.frontends.says import says
from trc.compiler.frontends.syntax import Mapping
from trc.compiler.source import SourceFile
from trc.compiler.sql.layout import is_same_query
from trc.runtime.errors import Stopped
from trc.sqltexts import LeftSql, lay_out_sql


@dataclass(frozen=True, slots=True)
class Formatted:
    """A file's text as it is, and in canonical layout; `after` is None where it cannot be read."""

    path: Path
    before: str
    after: str | None

    left: tuple[LeftSql, ...] = ()
    """The queries that were to be laid out, and keep their layout."""

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
        laid_out, left = lay_out_sql(file) if sql else (file, ())
        mistakes = Collector()
        after = format_text(laid_out, mistakes)
        collect.extend(mistakes.reported)
        if after is not None:
            _assert_same(file, after)
        files.append(Formatted(path, file.text, after, left))
    return FormatReport(tuple(files), collect.sorted(), sources)


def _assert_same(file: SourceFile, after: str) -> None:
    """A layout says what the text said: if it does not, that is a bug, and nothing is written."""
    ignored = Collector()
    before_tree, after_tree = parse(file, ignored), parse(SourceFile(file.name, after), ignored)
    assert before_tree is not None
    assert after_tree is not None
    same = says_alike(says(before_tree), says(after_tree))
    assert same, f"formatting {file.name} would change what it says"


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
