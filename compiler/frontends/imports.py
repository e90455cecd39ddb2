"""Brings in what a pipeline's file imports: sources, params and targets of other files, and files of macros."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Final

from trc.compiler.context import Context
from trc.compiler.diagnostics.collector import Collector
from trc.compiler.diagnostics.diagnostic import Diagnostic, Label
from trc.compiler.frontends.allowing import read_allows
from trc.compiler.frontends.files import decoded
from trc.compiler.frontends.languages import parse
from trc.compiler.frontends.project_files import ProjectFiles
from trc.compiler.frontends.suffixes import SUFFIXES
from trc.compiler.frontends.syntax import Entry, Mapping, Node, Scalar, Sequence
from trc.compiler.source import SourceFile, Span

MACRO_SUFFIXES: Final = (".jinja", ".j2")
_BROUGHT: Final = ("sources", "params", "targets")
_DEEPEST: Final = 50
_SAME: Final = {"timeout": ("timeout_seconds",), "timeout_seconds": ("timeout",)}
"""Two spellings of one policy: the pipeline's own hides the project's other one."""


@dataclass(frozen=True, slots=True)
class Imported:
    """A pipeline's tree with what it imports, and the files of macros, each once."""

    root: Mapping
    macros: tuple[SourceFile, ...] = ()


def with_imports(  # noqa: PLR0917 - what a stage is handed
    root: Mapping, file: SourceFile, path: Path, context: Context, collect: Collector, sources: dict[str, SourceFile]
) -> Imported:
    """What the file at `path` says together with its imports; what is wrong with them goes to `collect`."""
    if root.get("imports") is None:
        return Imported(root)
    inside = os.path.relpath(os.path.abspath(path), os.path.abspath(context.project))  # noqa: PTH100 - links are kept
    reader = _Imports(ProjectFiles(context), collect, sources)
    chain = (PurePosixPath(inside).as_posix(),)
    reader.done.add(chain[0])
    reader.follow(root, file, chain)
    return Imported(_merged(root, reader.trees, collect), tuple(reader.macros))


@dataclass(slots=True)
class _Imports:
    files: ProjectFiles
    collect: Collector
    sources: dict[str, SourceFile]
    done: set[str] = field(default_factory=set[str])
    trees: list[Mapping] = field(default_factory=list[Mapping])
    macros: list[SourceFile] = field(default_factory=list[SourceFile])

    def follow(self, root: Mapping, file: SourceFile, chain: tuple[str, ...]) -> None:
        for written in self.written(root):
            name = posixpath.normpath(posixpath.join(posixpath.dirname(chain[-1]), written.value))
            shown = posixpath.normpath(posixpath.join(posixpath.dirname(file.name), written.value))
            if name in chain:
                circle = " -> ".join((*chain[chain.index(name) :], name))
                self.error(
                    "TRC216", f"files import each other in a circle: {circle}", written.span, "remove one import"
                )
            elif name not in self.done:
                self.done.add(name)
                self.bring(written, name, shown, chain)

    def written(self, root: Mapping) -> Iterator[Scalar]:
        node = root.get("imports")
        if not isinstance(node, Sequence):
            if node is not None:
                self.error("TRC203", '"imports" is not a list of files', node.span, "write it as a list: [common.yaml]")
            return
        for item in node.items:
            if isinstance(item, Scalar) and item.value.strip() and "\0" not in item.value:
                yield item
            else:
                self.error("TRC203", "an import is the name of a file", item.span, "write a path")

    def bring(self, written: Scalar, name: str, shown: str, chain: tuple[str, ...]) -> None:
        if posixpath.isabs(written.value) or name == ".." or name.startswith("../"):
            remedy = "imports are relative to the file that names them, and stay in the project's folder"
            self.error("TRC215", f'"{written.value}" lies outside of the project', written.span, remedy)
            return
        suffix = PurePosixPath(name).suffix.lower()
        if suffix not in (*SUFFIXES, *MACRO_SUFFIXES):
            remedy = f"import files that end in {', '.join((*SUFFIXES, *MACRO_SUFFIXES))}"
            self.error(
                "TRC215", f'"{written.value}" cannot be imported: its suffix tells no language', written.span, remedy
            )
            return
        if len(chain) > _DEEPEST:
            self.error("TRC215", "imports nest deeper than 50 files", written.span, "import the files directly")
            return
        content = self.files.read(name)
        if content is None:
            remedy = f'it is looked for beside "{chain[-1]}", within the project'
            self.error("TRC210", f'there is no file "{written.value}"', written.span, remedy)
            return
        file = decoded(content, shown, self.collect)
        if file is None:
            return
        self.sources[shown] = file
        if suffix in MACRO_SUFFIXES:
            self.macros.append(file)
            return
        read_allows(file, self.collect, is_own=False)
        tree = parse(file, self.collect)
        if isinstance(tree, Mapping):
            self.follow(tree, file, (*chain, name))
            self.trees.append(self.checked(tree, shown))
        elif tree is not None:
            self.error(
                "TRC215", f'"{shown}" holds nothing that can be imported', tree.span, "write sources, params or targets"
            )

    def checked(self, tree: Mapping, shown: str) -> Mapping:
        for entry in tree.entries:
            if entry.key.value not in (*_BROUGHT, "imports"):
                message = f'"{tree.spell(entry.key.value)}" cannot be imported with "{shown}"'
                remedy = (
                    "an imported file brings sources, params and targets; the rest stands in the pipeline's own file"
                )
                self.error("TRC215", message, entry.key.span, remedy)
        return tree

    def error(self, code: str, message: str, span: Span, remedy: str) -> None:
        self.collect.add(Diagnostic(code, message, span, help=(remedy,)))


def _merged(root: Mapping, trees: list[Mapping], collect: Collector) -> Mapping:
    """The pipeline's tree, with what was brought in before what it says itself."""
    entries = {entry.key.value: entry for entry in root.entries}
    for section in _BROUGHT:
        parts = [entry for tree in (*trees, root) for entry in tree.entries if entry.key.value == section]
        whole = _together(parts, collect)
        if whole is not None:
            entries[section] = whole
    return replace(root, entries=tuple(entries.values()))


def _together(parts: list[Entry], collect: Collector) -> Entry | None:
    """One section out of those of several files; a name that two of them give is told at both places."""
    mappings = [part.value for part in parts if isinstance(part.value, Mapping)]
    if not mappings or len(mappings) < len(parts):
        return parts[-1] if parts else None
    found: dict[str, Entry] = {}
    for entry in (entry for mapping in mappings for entry in mapping.entries):
        first = found.setdefault(entry.key.value.casefold(), entry)
        if first is not entry and first.key.span.file != entry.key.span.file:
            collect.add(
                Diagnostic(
                    "TRC206",
                    f'two files declare "{entry.key.value}"',
                    entry.key.span,
                    related=(Label(first.key.span, "it is declared here, too"),),
                    help=("give one of them another name",),
                )
            )
        elif first is not entry:
            found[f"{entry.key.value}\0{entry.key.span.start}"] = entry
    return replace(parts[-1], value=replace(mappings[-1], entries=tuple(found.values())))


def with_project(root: Mapping, project: Mapping) -> Mapping:
    """The pipeline's tree, with the targets and the defaults of the project below its own."""
    entries = {entry.key.value: entry for entry in root.entries}
    for section in ("targets", "defaults"):
        below = project.entry(section)
        if below is None:
            continue
        own = entries.get(section)
        deep = section == "defaults"
        entries[section] = below if own is None else replace(own, value=_over(own.value, below.value, deep=deep))
    return replace(root, entries=tuple(entries.values()))


def _over(own: Node, below: Node, *, deep: bool) -> Node:
    if not isinstance(own, Mapping) or not isinstance(below, Mapping):
        return own
    own_keys = {entry.key.value for entry in own.entries}
    hidden = {other for key in own_keys for other in _SAME.get(key, ())}
    entries = {entry.key.value: entry for entry in below.entries if entry.key.value not in hidden}
    for entry in own.entries:
        before = entries.get(entry.key.value)
        value = _over(entry.value, before.value, deep=True) if deep and before else entry.value
        entries[entry.key.value] = replace(entry, value=value)
    return replace(own, entries=tuple(entries.values()))
