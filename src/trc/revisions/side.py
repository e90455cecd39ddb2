"""Reads the pipelines of one side of a comparison: those of a revision's files, or of the working tree."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from trc.compiler.compare.written import Written
from trc.compiler.compile import Compiled
from trc.compiler.diagnostics.collector import Collector
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.frontends.files import decoded
from trc.compiler.frontends.imports import MACRO_SUFFIXES
from trc.compiler.frontends.languages import parse
from trc.compiler.frontends.suffixes import CODE
from trc.compiler.frontends.syntax import Mapping
from trc.compiler.ir.formats import Format
from trc.compiler.ir.types import Schema, Unknown
from trc.compiler.source import SourceFile
from trc.revisions.contents import KeptFiles, locations
from trc.revisions.shown import Rename, shown, shown_sources
from trc.runtime.errors import Stopped, stopped

_T = TypeVar("_T")
_NOT_READ: Final = Unknown("data is not read to compare pipelines")


class UnreadSources:
    """Answers for all data that its columns are unknown: what a pipeline says does not depend on them."""

    def schema(self, uri: str, fmt: Format) -> Schema:  # noqa: ARG002 - the Protocol's signature
        return _NOT_READ


@dataclass(frozen=True, slots=True)
class Reader:
    """How pipelines are found below a folder and compiled: what the use case hands in."""

    find: Callable[[Path], Iterable[Path]]
    compiled: Callable[[Path], Compiled]


@dataclass(slots=True)
class Side:
    """The pipelines of one side, by the paths of their files from the top of the repository.

    `code` are texts of pipelines that are code. `broken` are files with mistakes, each with the name of
    its pipeline as far as it is known.
    """

    top: Path
    inside: str
    files: KeptFiles
    rename: Rename
    is_kept: Callable[[str], bool] = lambda _path: True
    found: dict[str, Path] = field(default_factory=dict[str, Path])
    meant: set[str] = field(default_factory=set[str])
    code: dict[str, bytes] = field(default_factory=dict[str, bytes])
    pipelines: list[Written] = field(default_factory=list[Written])
    broken: dict[str, str] = field(default_factory=dict[str, str])
    diagnostics: list[Diagnostic] = field(default_factory=list[Diagnostic])
    sources: dict[str, SourceFile] = field(default_factory=dict[str, SourceFile])

    def look(self, reader: Reader) -> None:
        """Finds the files, and tells which of them are pipelines by what they say."""
        folder = self.top / self.inside
        for file in self._told(lambda: list(reader.find(folder))) if folder.is_dir() else ():
            path = file.relative_to(self.top).as_posix()
            if not self.is_kept(path):
                continue
            if file.suffix.lower() == CODE:
                self.code[path] = file.read_bytes()
                continue
            self.found[path] = file
            if _is_meant(file):
                self.meant.add(path)

    def read(self, paths: Iterable[str], reader: Reader) -> None:
        """Compiles the files among `paths` that this side has."""
        for path in sorted(self.found.keys() & set(paths)):
            file = self.found[path]
            compiled = self._told(partial(reader.compiled, file))
            if compiled.has_errors or compiled.pipeline is None:
                self.broken[path] = compiled.pipeline.name if compiled.pipeline else ""
                errors = (one for one in compiled.diagnostics if one.severity == "error")
                self.diagnostics.extend(shown(errors, self.rename))
                self.sources.update(shown_sources(compiled.sources, self.rename))
            else:
                self.pipelines.append(self._written(path, compiled))

    def _written(self, path: str, compiled: Compiled) -> Written:
        assert compiled.pipeline is not None
        if not compiled.project.is_relative_to(self.top):
            message = f'the project of "{path}" begins above the repository, in "{compiled.project}"'
            raise stopped("TRC621", message, "keep the project file, trc.toml, in the repository")
        project = compiled.project.relative_to(self.top).as_posix()
        project = "" if project == "." else project
        macros = {
            posixpath.basename(name): file.text
            for name, file in compiled.sources.items()
            if name.lower().endswith(MACRO_SUFFIXES)
        }
        contents = {one: self.files.at(one, project) for one in locations(compiled.pipeline)}
        return Written(compiled.pipeline, path, project or ".", macros, contents)

    def _told(self, step: Callable[[], _T]) -> _T:
        """What a step answers; where it stops, the files are named as the user knows them."""
        try:
            return step()
        except Stopped as stop:
            diagnostics = shown(stop.diagnostics, self.rename)
            raise Stopped(diagnostics, stop.exit_code, shown_sources(stop.sources, self.rename)) from stop


def _is_meant(file: Path) -> bool:
    """Whether a file says that it is a pipeline: it has tasks, or cannot be read and speaks of some."""
    try:
        content = file.read_bytes()
    except OSError:
        return True
    source = decoded(content, file.name, Collector())
    tree = parse(source, Collector()) if source else None
    if isinstance(tree, Mapping):
        return tree.entry("nodes") is not None
    return file.suffix.lower() == ".trc" or b"nodes" in content
