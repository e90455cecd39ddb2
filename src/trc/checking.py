"""`trc check` as a use case: what is unchanged is answered from memory, the rest is judged side by side.

This module loads no compiler: a check of files that did not change needs none.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from trc.compiler.checks.project import check_project
from trc.compiler.choices import NO_CHOICES, Choices
from trc.compiler.diagnostics.collector import Collector
from trc.compiler.diagnostics.deny import denied
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.frontends.files import LONGEST_FILE, read
from trc.compiler.frontends.suffixes import CODE, SUFFIXES
from trc.compiler.source import SourceFile
from trc.compiler.templates.moments import logical_time
from trc.runtime import checked
from trc.runtime.errors import stopped
from trc.runtime.folders import PROJECT_FILE
from trc.settings import Settings, listed_pipelines, project_of, settings_for, with_environment
from trc.verdict import Verdict, told

LONG: Final = 50_000
"""Bytes of a pipeline from which on it pays to keep what was found of its queries one by one."""


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What was found in the files that were checked."""

    files: tuple[str, ...]
    diagnostics: tuple[Diagnostic, ...]
    sources: Mapping[str, SourceFile]


@dataclass(frozen=True, slots=True)
class Job:
    """A file to be judged. `key` names its verdict in the folder `memory`; None where none is kept.

    What is found of its queries is kept, too, under the name `queries`, where there are many of them.
    """

    file: Path
    settings: Settings
    content: bytes | None
    memory: Path | None = None
    key: str | None = None
    queries: str | None = None
    online: bool = False
    """Whether stores and servers are asked what columns they have."""


def check(
    paths: Sequence[Path],
    choices: Choices = NO_CHOICES,
    *,
    remembers: bool = True,
    deny_warnings: bool = False,
    online: bool = False,
) -> CheckReport:
    """Checks pipeline files, and those in folders; mistakes in them are diagnostics.

    With `online`, what lies on S3 and on the web is looked at, and no verdict is remembered: it may be another in a moment.

    With `remembers`, verdicts are kept in the state of projects, and given again while nothing that they
    rest on has changed. With `deny_warnings`, or where the project asks for it, warnings are errors.
    """
    choices, now = with_environment(choices), moment_of(choices.at)
    files = tuple(dict.fromkeys(found for path in paths for found in pipeline_files(path)))
    named = {path for path in paths if not path.is_dir()}
    judged = _verdicts(files, choices, now, remembers=remembers and not online, online=online)
    brought = {Path(name).resolve() for _, verdict in judged for name in verdict.brought}
    found = [
        (job, one) for job, one in judged if not one.is_part or job.file in named or job.file.resolve() not in brought
    ]
    collect = Collector()
    sources: dict[str, SourceFile] = {}
    for job, verdict in found:
        denies = deny_warnings or job.settings.deny_warnings
        collect.extend(denied(verdict.diagnostics) if denies else verdict.diagnostics)
        sources.update(verdict.sources)
    check_project((verdict.summary for _, verdict in found if verdict.summary is not None), collect)
    _complete(sources, collect.reported)
    return CheckReport(tuple(str(job.file) for job, _ in found), collect.sorted(), sources)


def _complete(sources: dict[str, SourceFile], diagnostics: Iterable[Diagnostic]) -> None:
    """Adds the texts that pipelines are shown in which have mistakes only together."""
    for diagnostic in diagnostics:
        for span in (diagnostic.span, *(label.span for label in diagnostic.related)):
            if span is not None and span.file not in sources:
                source = read(Path(span.file), span.file, Collector())
                if source is not None:
                    sources[span.file] = source


def moment_of(at: str | None) -> datetime:
    """When the command is given; stops where what was asked for is no time."""
    now = datetime.now(UTC)
    try:
        logical_time(at, now, UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        raise stopped(
            "TRC205", f'"{at}" is not a time', "write it like 2026-01-31 or 2026-01-31T02:00:00+01:00"
        ) from None
    return now


def pipeline_files(path: Path) -> Iterator[Path]:
    """The file itself; of a folder, those that its project lists, else all below it whose suffix tells a pipeline.

    A project below it that lists its pipelines has no others. Hidden folders are passed over. Code is run only where
    a project says that it may be.
    """
    if not path.is_dir():
        yield path
        return
    project = project_of(path)
    found = [] if project is not None and project.pipelines is not None else sorted(_below(path))
    yield from dict.fromkeys((*found, *listed_pipelines(path)))


def _below(path: Path) -> Iterator[Path]:
    """Files by their suffixes, but for those of projects that list theirs."""
    for folder, folders, files in os.walk(path):
        here = Path(folder)
        project = project_of(here) if PROJECT_FILE in files else None
        if project is not None and project.pipelines is not None:
            folders.clear()
            continue
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (here / name for name in (*folders, *files) if name.endswith(SUFFIXES) and not name.startswith("."))


def _verdicts(
    files: Sequence[Path], choices: Choices, now: datetime, *, remembers: bool, online: bool
) -> list[tuple[Job, Verdict]]:
    """The verdict on each file, in order."""
    judge = checked.world() if remembers else b""
    looks = checked.Looks()
    projects: dict[Path, Settings] = {}
    known: dict[int, Verdict] = {}
    jobs: dict[int, Job] = {}
    for number, file in enumerate(files):
        job = jobs[number] = replace(_job(file, projects, choices, judge), online=online)
        answer = None if job.memory is None or job.key is None else checked.recall(job.memory, job.key, looks)
        verdict = told(answer)
        if verdict is not None:
            known[number] = verdict
    missing = {number: job for number, job in jobs.items() if number not in known}
    if missing:
        known |= dict(zip(missing, _judge_all(list(missing.values()), choices, now), strict=True))
        _tidy(jobs.values())
    return [(job, known[number]) for number, job in jobs.items()]


def _job(file: Path, projects: dict[Path, Settings], choices: Choices, judge: bytes) -> Job:
    # A link belongs to the project that it leads to.
    folder = Path(os.path.realpath(file)).parent
    settings = projects.get(folder)
    if settings is None:
        settings = projects[folder] = settings_for(file)
    # Nobody knows what code has looked at, and where there is no project nothing is left behind.
    keeps = judge and file.suffix.lower() != CODE and _is_project(settings)
    content = _content(file) if keeps else None
    if content is None:
        return Job(file, settings, None)
    # Diagnostics call the file of parameters by the name that was given.
    key = checked.key_of(judge, str(file), (choices.told(), str(choices.params_file)), content)
    queries = checked.key_of(judge, os.path.realpath(file), "queries", b"") if len(content) >= LONG else None
    return Job(file, settings, content, settings.state / checked.FOLDER, key, queries)


def _content(file: Path) -> bytes | None:
    """What is in a file that holds a pipeline as it should; None for all others, which are looked at more closely."""
    try:
        return file.read_bytes() if file.is_file() and file.stat().st_size <= LONGEST_FILE else None
    except OSError:
        return None


def _is_project(settings: Settings) -> bool:
    return (settings.project / PROJECT_FILE).is_file() or settings.state.is_dir()


def _judge_all(jobs: Sequence[Job], choices: Choices, now: datetime) -> list[Verdict]:
    judges: Any = import_module("trc.judges")
    found: list[Verdict] = judges.judge_all(jobs, choices, now, time.time_ns())
    return found


def _tidy(jobs: Iterable[Job]) -> None:
    in_use: dict[Path, list[str]] = {}
    for job in jobs:
        if job.memory is not None and job.key is not None:
            in_use.setdefault(job.memory, []).extend(key for key in (job.key, job.queries) if key is not None)
    for folder, keys in in_use.items():
        checked.forget_oldest(folder, keys)
