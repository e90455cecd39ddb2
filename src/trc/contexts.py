"""The world that a project's pipelines are compiled in: its task types, its files, the user's choices."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, PackageNotFoundError, version
from typing import Any, Final

from trc.backends.base import Backend
from trc.backends.registry import backend_named
from trc.compiler.choices import Choices
from trc.compiler.compile import Compiled
from trc.compiler.context import Context, SourceReader
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.tasktype import TaskType
from trc.runtime.errors import Stopped, stopped
from trc.runtime.installed import offered
from trc.runtime.pythonfile import PythonProcess
from trc.runtime.schemas import FileSchemas
from trc.runtime.storage.globs import list_files
from trc.settings import Settings, environment_of_code

DEFAULT_BACKEND = "local"
_OWN_DISTRIBUTION = "trc-pipelines"


@dataclass(frozen=True, slots=True)
class _Types:
    """The task types of a project; `unlisted` are installed ones that it does not take in."""

    taken: Mapping[str, TaskType]
    unlisted: Mapping[str, str]


def task_types() -> dict[str, TaskType]:
    """Our own task types, by name."""
    return {
        entry.name: entry.load()()
        for entry, package in _installed(tuple(sys.path))
        if _normal(package) == _OWN_DISTRIBUTION
    }


@cache
def _installed(_path: tuple[str, ...]) -> tuple[tuple[EntryPoint, str], ...]:
    """The task types that are installed, each with its distribution. Looking takes milliseconds, so it is done once a path."""
    entries = offered("trc.tasks")
    # A distribution reads all that is written of it each time that it is asked for its name.
    distributions = {id(entry.dist): entry.dist for entry in entries}
    names = {key: found.name if found else "" for key, found in distributions.items()}
    return tuple((entry, names[id(entry.dist)]) for entry in entries)


def types_of(settings: Settings) -> _Types:
    """Our own task types, and those of the packages that the project lists."""
    listed = {_normal(name): span for name, span in settings.task_packages}
    taken: dict[str, TaskType] = {}
    unlisted: dict[str, str] = {}
    for entry, package in _installed(tuple(sys.path)):
        if _normal(package) in (_OWN_DISTRIBUTION, *listed):
            taken[entry.name] = entry.load()()
        else:
            unlisted[entry.name] = package
    for name, span in settings.task_packages:
        if version_of(name) == "absent":
            remedy = (f"install it with `pip install {name}`, or take it off the list",)
            message = f'the package "{name}" of task types is not installed'
            sources = {settings.file.name: settings.file} if settings.file else {}
            raise Stopped([Diagnostic("TRC217", message, span, help=remedy)], 3, sources)
    return _Types(taken, {name: dist for name, dist in unlisted.items() if name not in taken})


def _normal(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def context_of(
    settings: Settings, choices: Choices, now: datetime, *, must_settle: bool = False, online: bool = False
) -> Context:
    """The world that a project's pipelines are compiled in; with `online`, stores and servers are asked what columns they have."""
    types = types_of(settings)
    here = FileSchemas(settings.project, list_files)
    return Context(
        settings.project,
        types.taken,
        _online(settings, here) if online else here,
        python=PythonProcess(environment_of_code()),
        unlisted=types.unlisted,
        project_file=settings.file,
        choices=choices,
        now=now,
        must_settle=must_settle,
        network=settings.network,
    )


def _online(settings: Settings, here: FileSchemas) -> SourceReader:
    """Loaded by those that ask."""
    online: Any = import_module("trc.runtime.online")
    found: SourceReader = online.OnlineSchemas(settings.project, settings.state, settings.network, here)
    return found


def version_of(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "absent"


# What is wrong with the choices, and not with the pipeline: these have no place in its files.
_OF_CHOICES: Final = frozenset({"TRC209", "TRC213", "TRC214", "TRC504"})


def refusal_code(diagnostics: Iterable[Diagnostic]) -> int:
    """The exit code for a pipeline that is refused: 3 where nothing is wrong but what the user chose, else 2."""
    errors = [one for one in diagnostics if one.severity == "error"]
    is_usage = all(one.code in _OF_CHOICES and (one.span is None or one.code == "TRC214") for one in errors)
    return 3 if is_usage else 2


def check_choices(choices: Choices, compiled: Compiled) -> None:
    """Stops where a target is chosen whose backend is not to be had."""
    if compiled.settled is not None and compiled.settled.target is not None:
        backend_of(choices, compiled)


def backend_of(choices: Choices, compiled: Compiled) -> Backend:
    """The backend that was asked for, else the target's, else the local one."""
    settled = compiled.settled
    of_target = settled.backend if settled else None
    if settled is not None and of_target is not None and choices.backend not in (None, of_target):
        raise stopped(
            "TRC218",
            f'the target "{settled.target}" is on the backend "{of_target}", and --backend asks for "{choices.backend}"',
            "leave out --backend, or choose another target",
        )
    try:
        return backend_named(choices.backend or of_target or DEFAULT_BACKEND)
    except Stopped as stop:
        span = settled.backend_span if settled is not None and choices.backend is None else None
        found = [replace(one, span=span) for one in stop.diagnostics]
        raise Stopped(found, stop.exit_code, compiled.sources) from None
