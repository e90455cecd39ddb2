"""Builds what tasks run in before any run wants it, and trc's own image."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from trc.api.compiling import load
from trc.backends.base import Built
from trc.backends.registry import backend_named
from trc.checking import moment_of
from trc.compiler.choices import NO_CHOICES, Choices
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.source import SourceFile
from trc.runtime.ahead import of_tasks
from trc.settings import settings_for, with_environment

_IN_IMAGES: Final = "docker"
"""The backend whose own image is built where nobody says which."""


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What is there by now, in the order in which it was done, and what cannot be had."""

    backend: str
    built: tuple[Built, ...]
    diagnostics: tuple[Diagnostic, ...] = ()
    sources: Mapping[str, SourceFile] = field(default_factory=dict[str, SourceFile])

    @property
    def is_whole(self) -> bool:
        return all(one.failure is None for one in self.built)


def build(
    path: Path,
    choices: Choices = NO_CHOICES,
    tell: Callable[[Built], None] = lambda _built: None,
    asked: Mapping[str, str] | None = None,
) -> BuildReport:
    """Builds what the tasks of a pipeline run in on its backend; `tell` hears of each when it is done.

    What is `asked` of the backend goes before what the settings say of it.
    """
    settings, choices = replace(settings_for(path), asked=asked or {}), with_environment(choices)
    compilation = load(path, settings, choices, moment_of(choices.at))
    backend, spec = compilation.backend, compilation.spec
    needed = of_tasks(spec, {task.name for task in spec.tasks})
    found: list[Built] = []
    for one in backend.build(needed, settings.of_backend(backend.name)):
        found.append(one)
        tell(one)
    places = {each.tasks: number for number, each in enumerate(needed)}
    failures: Any = import_module("trc.api.failures")
    refused = tuple(failures.unbuilt(compilation.compiled, sorted(found, key=lambda one: places[one.tasks])))
    return BuildReport(backend.name, tuple(found), (*compilation.diagnostics, *refused), compilation.sources)


def build_own(project: Path, backend: str | None = None, asked: Mapping[str, str] | None = None) -> BuildReport:
    """Builds trc's own image, as the settings of a project say; nothing for a backend that takes trc as it is installed."""
    settings = replace(settings_for(project / "trc.toml"), asked=asked or {})
    found = backend_named(backend or _IN_IMAGES)
    own = found.build_own(settings.of_backend(found.name))
    failures: Any = import_module("trc.api.failures")
    built = () if own is None else (own,)
    return BuildReport(found.name, built, tuple(failures.unbuilt(None, built)))
