"""Pipelines that are being edited: compiled as they are typed, one file at a time, with what their project says of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from trc import api
from trc.backends.base import Backend
from trc.backends.registry import backend_named
from trc.compiler.checks.project import check_project
from trc.compiler.checks.summary import summary_of
from trc.compiler.choices import NO_CHOICES
from trc.compiler.compile import Compiled, compile_source
from trc.compiler.context import Context
from trc.compiler.diagnostics.collector import Collector
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.frontends.files import read, take
from trc.compiler.frontends.suffixes import SUFFIXES
from trc.compiler.ir.uris import covers
from trc.compiler.source import SourceFile
from trc.compiler.tasktype import TaskType
from trc.contexts import context_of, task_types
from trc.runtime.errors import Stopped
from trc.runtime.folders import PROJECT_FILE
from trc.runtime.schema_memory import Answers, RememberedSchemas
from trc.runtime.storage.globs import list_files
from trc.settings import settings_for, with_environment

_COMMON: Final = (".yaml", ".yml")
# A YAML file may be anything; one with such a key is meant to be a pipeline.
_PIPELINE_KEY: Final = re.compile(r"(?:\A|[\r\n])(?:nodes|sources)[ \t]*:")


@dataclass(frozen=True, slots=True)
class Checked:
    """What is known of one state of a file's text.

    `good` is the last result whose text could be understood: the present one, or one before it.
    """

    path: Path
    source: SourceFile
    compiled: Compiled
    good: Compiled | None


@dataclass(slots=True)
class Workspace:
    """Files with the texts that an editor shows, and what is known of them. It is used by one thread at a time."""

    texts: dict[Path, str] = field(default_factory=dict[Path, str])
    _known: dict[Path, Checked] = field(default_factory=dict[Path, Checked])
    _projects: dict[Path, set[Path]] = field(default_factory=dict[Path, set[Path]])
    _answers: Answers = field(default_factory=Answers)
    _looked_at: dict[Path, frozenset[str]] = field(default_factory=dict[Path, frozenset[str]])
    _outdated: set[Path] = field(default_factory=set[Path])
    types: Mapping[str, TaskType] = field(default_factory=task_types)
    backend: Backend = field(default_factory=lambda: backend_named("local"))

    def show(self, path: Path, text: str) -> None:
        """An editor shows this text of a file; its disk may hold another."""
        self.texts[path] = text

    def hide(self, path: Path) -> None:
        """The editor shows the file no more: what counts is its disk."""
        self.texts.pop(path, None)
        self._outdated.add(path)

    def forget(self, paths: Iterable[Path]) -> None:
        """These files have changed on disk: what was compiled with them is compiled again when it is asked for."""
        moved = frozenset(paths)
        for path in moved - self.texts.keys():
            self._list(path)
        self._outdated |= moved & self._looked_at.keys()
        for file in moved:
            self._outdated |= self.readers(file)

    def readers(self, file: Path) -> frozenset[Path]:
        """The other pipelines that were compiled with a file."""
        return frozenset(
            path
            for path, looked_at in list(self._looked_at.items())
            if path != file and any(covers(one, str(file)) for one in looked_at)
        )

    def _list(self, path: Path) -> None:
        """Counts a file on disk among the pipelines of its project, or no more."""
        project = self.project_of(path)
        members = self._projects.get(project) if project else None
        if members is None or path.suffix.lower() not in SUFFIXES:
            return
        if path.is_file() and _holds_pipeline(path):
            members.add(path)
        else:
            members.discard(path)
            self._known.pop(path, None)

    def is_pipeline(self, path: Path) -> bool:
        """Whether a file is to be judged: one that was a pipeline before stays one while it is edited."""
        if path.suffix.lower() not in SUFFIXES:
            return False
        is_meant = path.suffix.lower() not in _COMMON or path in self._known
        return is_meant or bool(_PIPELINE_KEY.search(self.texts.get(path, "")))

    def check(self, path: Path) -> Checked:
        """The result for the file's present text, compiled now if it has not been before."""
        collect = Collector()
        shown = self.texts.get(path)
        name = str(path)
        source = read(path, name, collect) if shown is None else take(shown, name, collect)
        known = self._known.get(path)
        is_same = known is not None and source is not None and known.source.text == source.text
        if known is not None and is_same and path not in self._outdated:
            return known
        self._outdated.discard(path)
        compiled = self._compile(path, source, collect)
        good = compiled if compiled.pipeline is not None else known.good if known else None
        checked = Checked(path, source or SourceFile(name, shown or ""), compiled, good)
        self._known[path] = checked
        return checked

    def own(self, checked: Checked) -> tuple[Diagnostic, ...]:
        """What is wrong in a file by itself: one that pipelines import need not be a pipeline, too."""
        compiled = checked.compiled
        if not compiled.is_part or not self.readers(checked.path):
            return compiled.diagnostics
        return tuple(one for one in compiled.diagnostics if one.code != "TRC202" or one.span != compiled.head)

    def _compile(self, path: Path, source: SourceFile | None, collect: Collector) -> Compiled:
        try:
            context = self._context(path)
            if source is None:
                return Compiled(context.project, collect.sorted(), {})
            compiled = compile_source(source, path, context, collect)
        except Stopped as stopped:
            return Compiled(path.parent, tuple(stopped.diagnostics), {})
        files = frozenset(str(context.project / name) for name in context.seen)
        asked = context.sources.asked if isinstance(context.sources, RememberedSchemas) else frozenset[str]()
        self._looked_at[path] = files | asked
        return compiled

    def _context(self, path: Path) -> Context:
        made = context_of(settings_for(path), with_environment(NO_CHOICES), datetime.now(UTC))
        project = made.project
        unsaved = {
            one.relative_to(project).as_posix(): text.encode("utf-8", "replace")
            for one, text in list(self.texts.items())
            if one != path and one.is_relative_to(project)
        }
        schemas = RememberedSchemas(str(project), list_files, made.sources, self._answers)
        return replace(made, sources=schemas, unsaved=unsaved)

    def project_of(self, path: Path) -> Path | None:
        """The folder of the `trc.toml` that a file belongs to, if there is one."""
        folders = (up for up in path.resolve().parents if (up / PROJECT_FILE).is_file())
        return next(folders, None)

    def siblings(self, path: Path) -> tuple[Path, ...]:
        """The pipelines of the file's project that have not been compiled yet: to be checked one by one."""
        project = self.project_of(path)
        if project is None:
            return ()
        members = self._projects.setdefault(project, set())
        members |= {one for one in api.pipeline_files(project) if _holds_pipeline(one)}
        return tuple(sorted(members - self._known.keys()))

    def across(self, path: Path) -> Mapping[Path, tuple[Diagnostic, ...]]:
        """What the pipelines of a project say of each other, by the file that it is said of."""
        project = self.project_of(path)
        collect = Collector()
        if project is not None:
            members = self._projects.setdefault(project, set())
            members.add(path)
            for one in members & self._outdated:
                self.check(one)
            compiled = [known.compiled for one in sorted(members) if (known := self._known.get(one))]
            check_project(
                [
                    summary_of(str(one.project), one.pipeline, one.places)
                    for one in compiled
                    if one.pipeline is not None
                ],
                collect,
            )
        found: dict[Path, tuple[Diagnostic, ...]] = {}
        for diagnostic in collect.sorted():
            if diagnostic.span is not None:
                place = Path(diagnostic.span.file)
                found[place] = (*found.get(place, ()), diagnostic)
        return found

    def judge(self, path: Path, text: str) -> Compiled:
        """What a text would be if it stood in the file: nothing is remembered."""
        collect = Collector()
        return self._compile(path, take(text, str(path), collect), collect)


def _holds_pipeline(path: Path) -> bool:
    if path.suffix.lower() not in _COMMON:
        return True
    source = read(path, str(path), Collector())
    return source is not None and bool(_PIPELINE_KEY.search(source.text))
