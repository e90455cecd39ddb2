"""A check under way: what is known of its files from before, and what is still to be compiled.

Nothing here loads the compiler: a check of files that have not changed is answered without it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from trc.compiler.checks.project import check_project
from trc.compiler.choices import Choices
from trc.compiler.diagnostics.collector import Collector
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.frontends.suffixes import CODE
from trc.compiler.source import SourceFile
from trc.finding import pipeline_files
from trc.runtime import answerstore
from trc.runtime.answers import SHAPE, Answer, from_bytes, to_bytes
from trc.runtime.looks import Looks, text_digest
from trc.runtime.world import World, this_world
from trc.settings import Settings, settings_for, with_environment
from trc.when import given_now

_FOLDER: Final = "checked"


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What was found in the files that were checked."""

    files: tuple[str, ...]
    diagnostics: tuple[Diagnostic, ...]
    sources: Mapping[str, SourceFile]


@dataclass(frozen=True, slots=True)
class Asked:
    """One file of a check. `source` is its text, if it can be read; `key` names its kept answer, if there can be one."""

    path: Path
    settings: Settings
    source: SourceFile | None
    key: str | None

    @property
    def name(self) -> str:
        """What diagnostics call the file."""
        return str(self.path)

    @property
    def is_code(self) -> bool:
        """Whether the file is run, to tell what it builds."""
        return self.path.suffix.lower() == CODE

    @property
    def folder(self) -> str:
        """Where answers about the project's files are kept."""
        return f"{self.settings.state}/{_FOLDER}"


@dataclass(slots=True)
class Checking:
    """A check of files for some choices, given at a time; `answers` are those that are known, by the file's number."""

    asked: tuple[Asked, ...]
    choices: Choices
    given: datetime
    world: World | None
    looks: Looks = field(default_factory=Looks)
    answers: dict[int, Answer] = field(default_factory=dict[int, Answer])

    @property
    def missing(self) -> tuple[int, ...]:
        """The numbers of the files that have to be compiled."""
        return tuple(index for index in range(len(self.asked)) if index not in self.answers)

    def keep(self, found: Mapping[int, Answer]) -> None:
        """Takes in what was compiled, and keeps what can be answered from it another time."""
        self.answers |= found
        # What was compiled while trc itself changed was compiled by nobody knows what.
        if not found or self.world is None or not self.world.settled or this_world(_ns(self.given)) != self.world:
            return
        folders: set[str] = set()
        for index, answer in found.items():
            one = self.asked[index]
            if one.key is not None and answer.depends is not None:
                answerstore.keep(one.folder, one.key, to_bytes(answer))
                folders.add(one.folder)
        for folder in folders:
            answerstore.tidy(folder)

    def report(self) -> CheckReport:
        """What was found in all of the files, and between them."""
        answers = [self.answers[index] for index in range(len(self.asked))]
        collect = Collector()
        for answer in answers:
            collect.extend(answer.diagnostics)
        check_project([answer.outline for answer in answers if answer.outline is not None], collect)
        diagnostics = collect.sorted()
        named = {name for diagnostic in diagnostics for name in _files(diagnostic)}
        sources = {
            text.name: SourceFile(text.name, found.text)
            for answer in answers
            for text in answer.texts
            if text.name in named
            and (found := self.looks.text(text.path)) is not None
            and text_digest(found.text) == text.digest
        }
        return CheckReport(tuple(one.name for one in self.asked), diagnostics, sources)


def begin(paths: Sequence[Path], choices: Choices, *, cached: bool) -> Checking:
    """Begins a check of pipelines' files, and of those in folders; with `cached`, kept answers count."""
    choices, given = with_environment(choices), given_now(choices.at)
    world = this_world(_ns(given)) if cached else None
    looks = Looks()
    files = dict.fromkeys(found for path in paths for found in pipeline_files(path))
    checking = Checking(tuple(_asked(files, choices, world, looks)), choices, given, world, looks)
    for index, one in enumerate(checking.asked):
        answer = None if one.key is None else _recalled(one, one.key, looks, given)
        if answer is not None:
            checking.answers[index] = answer
    return checking


def _asked(files: Iterable[Path], choices: Choices, world: World | None, looks: Looks) -> Iterator[Asked]:
    known: dict[str, Settings] = {}
    # Diagnostics call files by the names that were given.
    told = (choices.told(), str(choices.params_file))
    here = (os.getcwd(), os.geteuid(), tuple(os.getgroups()), SHAPE, told)  # noqa: PTH109
    for path in files:
        real = os.path.realpath(path)
        folder = os.path.dirname(real)  # noqa: PTH120
        if folder not in known:
            known[folder] = settings_for(path)
        settings, source = known[folder], looks.text(str(path))
        key = None
        if world is not None and source is not None and path.suffix.lower() != CODE:
            project = None if settings.file is None else (settings.file.name, text_digest(settings.file.text))
            asked = (world.identity, here, str(path), real, str(settings.project), project, text_digest(source.text))
            key = text_digest(repr(asked))
        yield Asked(path, settings, None if source is None else SourceFile(str(path), source.text), key)


def _recalled(asked: Asked, key: str, looks: Looks, given: datetime) -> Answer | None:
    data = answerstore.recall(asked.folder, key)
    if data is None:
        return None
    try:
        answer = from_bytes(data)
    except ValueError:
        return None
    depends = answer.depends
    return answer if depends and depends.hold(str(asked.settings.project), looks, given.timestamp()) else None


def _files(diagnostic: Diagnostic) -> Iterator[str]:
    """The files that a diagnostic has places in."""
    if diagnostic.span is not None:
        yield diagnostic.span.file
    yield from (label.span.file for label in diagnostic.related)
    if diagnostic.fix is not None:
        yield diagnostic.fix.span.file


def _ns(moment: datetime) -> int:
    return int(moment.timestamp() * 1e9)
