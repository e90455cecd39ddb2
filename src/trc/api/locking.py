"""Writes the lock file of a project: what the environments of its tasks hold."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from trc.checking import moment_of, pipeline_files
from trc.compiler.checks.environments import Environments, environment_span, requirement_span, unlocked
from trc.compiler.choices import NO_CHOICES
from trc.compiler.compile import Compiled
from trc.compiler.compile import compile_file as run_compiler
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.environments.lockfile import LOCK_FILE, Lock, Unreadable, read_lock, written_lock
from trc.compiler.environments.wanted import LockedEnvironment, Wanted
from trc.compiler.ir.task import Task
from trc.compiler.source import SourceFile
from trc.contexts import context_of, version_of
from trc.runtime.environments.pythons import OWN, find_python, how_to_get
from trc.runtime.environments.resolving import Unresolved, resolve
from trc.runtime.environments.uv import NoUv
from trc.runtime.errors import Stopped, stopped
from trc.settings import Settings, project_of, settings_for, variables_of_uv, with_environment

_ALL: Final = "*"
"""Asks for all packages to be upgraded."""
_ENGINE: Final = "duckdb"
"""What the compiler's judge of types is: environments hold its version where nothing speaks against it."""
_AT_ONCE: Final = 4


@dataclass(frozen=True, slots=True)
class LockedFor:
    """An environment of the lock file, the tasks that are for it, as pipeline.task, and what it held before."""

    environment: LockedEnvironment
    tasks: tuple[str, ...]
    before: LockedEnvironment | None = None

    @property
    def is_changed(self) -> bool:
        return self.before is None or self.before.digest != self.environment.digest


@dataclass(frozen=True, slots=True)
class LockReport:
    """What the lock file holds now. `dropped` environments are those that no task asks for any more.

    Where it was only to be checked, `is_current` says whether it is as it should be.
    """

    file: Path
    environments: tuple[LockedFor, ...]
    dropped: int
    is_current: bool
    is_written: bool
    diagnostics: tuple[Diagnostic, ...] = ()
    sources: Mapping[str, SourceFile] = field(default_factory=dict[str, SourceFile])


@dataclass(frozen=True, slots=True)
class _Asked:
    """A task that asks for an environment, in its pipeline."""

    compiled: Compiled
    pipeline: str
    task: Task


@dataclass(slots=True)
class _Project:
    """The pipelines of a project, and what their tasks ask for."""

    settings: Settings
    is_whole: bool
    compiled: list[Compiled] = field(default_factory=list[Compiled])
    wanted: dict[str, Wanted] = field(default_factory=dict[str, Wanted])
    asked: dict[str, list[_Asked]] = field(default_factory=dict[str, list[_Asked]])

    @property
    def file(self) -> Path:
        return self.settings.project / LOCK_FILE

    @property
    def sources(self) -> dict[str, SourceFile]:
        return {name: source for one in self.compiled for name, source in one.sources.items()}

    def names(self, identity: str) -> tuple[str, ...]:
        return tuple(f"{one.pipeline}.{one.task.name}" for one in self.asked.get(identity, ()))


def lock(
    folder: Path,
    files: Sequence[Path] = (),
    *,
    check: bool = False,
    upgrade: Sequence[str] = (),
    upgrade_all: bool = False,
) -> LockReport:
    """Locks the environments of a project's pipelines, or of those in `files`; others then stay as they are.

    What is locked already stays as it is, but for the packages to `upgrade`, or for all. With `check`, nothing is resolved or
    written. Raises `Stopped` where an environment cannot be resolved: nothing is written then.
    """
    upgrade = (_ALL,) if upgrade_all else upgrade
    project = _read(folder, files)
    before = _before(project)
    kept = {identity: before[identity] for identity in project.wanted if identity in before}
    left = {} if project.is_whole else {identity: one for identity, one in before.items() if identity not in kept}
    dropped = len(before) - len(kept) - len(left)
    if check:
        return _checked(project, kept, dropped)
    again = {identity for identity, one in kept.items() if _is_to_upgrade(one, upgrade)}
    missing = {identity: one for identity, one in project.wanted.items() if identity not in kept or identity in again}
    preferred = {identity: _preferred(one, before, identity, upgrade) for identity, one in missing.items()}
    found = _resolved(project, missing, kept, preferred, fresh=_ALL in upgrade)
    now = {**left, **kept, **found}
    is_new = now != before or not project.file.exists()
    if is_new and (now or before):
        _write(project.file, written_lock(now))
    return LockReport(
        project.file,
        tuple(LockedFor(now[one], project.names(one), before.get(one)) for one in project.wanted),
        dropped,
        is_current=True,
        is_written=is_new and bool(now or before),
        diagnostics=tuple(_pythons(project, found)),
        sources=project.sources,
    )


def _read(folder: Path, files: Sequence[Path]) -> _Project:
    """Compiles the pipelines. Raises `Stopped` where one has mistakes."""
    choices, now = with_environment(NO_CHOICES), moment_of(None)
    settings = settings_for(files[0]) if files else project_of(folder) or settings_for(folder.resolve() / "pipeline")
    found = _Project(settings, is_whole=not files)
    for file in files or _files(settings):
        if settings_for(file).project != settings.project:
            message = f'"{file}" is of another project than "{files[0]}": each has a lock file of its own'
            raise stopped("TRC646", message, "lock one project after the other")
        compiled = run_compiler(file, str(file), context_of(settings, choices, now))
        if compiled.is_part and not files:
            continue
        if compiled.has_errors or compiled.pipeline is None:
            raise Stopped(compiled.diagnostics, 2, compiled.sources)
        found.compiled.append(compiled)
        for task in compiled.pipeline.tasks:
            environment = compiled.environments.tasks.get(task.name)
            if environment is not None:
                identity = environment.wanted.id
                found.wanted[identity] = environment.wanted
                found.asked.setdefault(identity, []).append(_Asked(compiled, compiled.pipeline.name, task))
    return found


def _files(settings: Settings) -> Iterator[Path]:
    """The pipelines of a project, named as from the current folder; those of projects below it have their own."""
    here = Path.cwd()
    folder = settings.project.relative_to(here) if settings.project.is_relative_to(here) else settings.project
    for file in pipeline_files(folder):
        if settings_for(file).project == settings.project:
            yield file


def _before(project: _Project) -> Lock:
    try:
        return read_lock(project.file.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, Unreadable) as error:
        remedy = "take it from version control, or remove it and lock anew"
        raise stopped("TRC645", f'"{LOCK_FILE}" cannot be used: {error}', remedy) from error


def _checked(project: _Project, kept: Lock, dropped: int) -> LockReport:
    """Whether the file holds what is asked for, and nothing else."""
    found: list[Diagnostic] = []
    for compiled in project.compiled:
        assert compiled.pipeline is not None
        held = Environments(compiled.environments.tasks, has_lock=project.file.exists())
        found += unlocked(compiled.pipeline, held, compiled.places, severity="error")
    if dropped:
        message = f'"{LOCK_FILE}" holds environments that no task asks for: {dropped}'
        found.append(Diagnostic("TRC644", message, help=("write it with `trc lock`, and commit it",)))
    return LockReport(
        project.file,
        tuple(LockedFor(one, project.names(identity), one) for identity, one in kept.items()),
        dropped,
        is_current=not found,
        is_written=False,
        diagnostics=tuple(found),
        sources=project.sources,
    )


def _is_to_upgrade(one: LockedEnvironment, upgrade: Sequence[str]) -> bool:
    return _ALL in upgrade or any(package.name in upgrade for package in one.packages)


def _preferred(wanted: Wanted, before: Lock, identity: str, upgrade: Sequence[str]) -> dict[str, str]:
    """The versions to keep to: those of the environment as it was, or of the one that was most like it."""
    engine = {} if _ENGINE in upgrade else {_ENGINE: version_of(_ENGINE)}
    if _ALL in upgrade:
        return engine
    asked = {one.text for one in wanted.requirements}
    alike = before.get(identity) or max(
        before.values(), key=lambda one: (one.python == wanted.python, len(asked & {*one.requirements})), default=None
    )
    versions = {} if alike is None else {one.name: one.version for one in alike.packages}
    return {**engine, **{name: version for name, version in versions.items() if name not in upgrade}}


def _resolved(
    project: _Project,
    missing: Mapping[str, Wanted],
    kept: Lock,
    preferred: Mapping[str, Mapping[str, str]],
    *,
    fresh: bool,
) -> dict[str, LockedEnvironment]:
    environ = variables_of_uv()

    def one(identity: str) -> LockedEnvironment | Unresolved:
        wanted = missing[identity]
        held = kept[identity].python if identity in kept and not fresh else OWN
        return resolve(wanted, wanted.python or held, preferred[identity], environ)

    try:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = dict(zip(missing, pool.map(one, missing), strict=True))
    except NoUv as error:
        raise stopped("TRC620", "`trc lock` needs uv, which is not installed", str(error)) from None
    unresolved = {identity: why for identity, why in found.items() if isinstance(why, Unresolved)}
    if unresolved:
        told = [_told(project, identity, missing[identity], why) for identity, why in unresolved.items()]
        is_unreachable = all(why.why == "unreachable" for why in unresolved.values())
        raise Stopped(told, 3 if is_unreachable else 2, project.sources)
    return {identity: one for identity, one in found.items() if isinstance(one, LockedEnvironment)}


def _told(project: _Project, identity: str, wanted: Wanted, why: Unresolved) -> Diagnostic:
    """Why an environment could not be resolved, where the package that it is about is asked for."""
    first = project.asked[identity][0]
    places, task = first.compiled.places, first.task
    others = len(project.asked[identity]) - 1
    beside = f" and of {others} more" if others else ""
    if why.why == "unreachable":
        return Diagnostic(
            "TRC648",
            f'the environment of "{task.name}"{beside} cannot be resolved: the package index cannot be reached',
            environment_span(places, task),
            help=(*why.lines[:1], *why.lines[-1:], "try again when there is a network; what is locked needs none"),
            task=task.name,
        )
    span = requirement_span(places, task, why.packages[0]) if why.packages else environment_span(places, task)
    reason, *more = why.lines or ("uv gave no reason",)
    version = f" for Python {wanted.python}" if wanted.python else ""
    return Diagnostic(
        "TRC646",
        f'the environment of "{task.name}"{beside} cannot be resolved{version}: {_sentence(reason)}',
        span,
        help=(*map(_sentence, more), "change the versions, or the Python"),
        task=task.name,
    )


def _sentence(line: str) -> str:
    return line.removeprefix("Because ").rstrip(".").replace("you require", "it asks for").replace("your project", "it")


def _pythons(project: _Project, lock: Lock) -> Iterator[Diagnostic]:
    """Pythons that this machine does not have: what runs here could not be built."""
    told: set[str] = set()
    environ = variables_of_uv()
    for identity, asked in project.asked.items():
        version = lock[identity].python if identity in lock else ""
        if not version or version in told:
            continue
        told.add(version)
        with suppress(NoUv):
            if find_python(version, environ) is None:
                first = asked[0]
                yield Diagnostic(
                    "TRC647",
                    f'there is no Python {version} on this machine: "{first.task.name}" cannot run here',
                    environment_span(first.compiled.places, first.task),
                    help=(how_to_get(version),),
                    severity="warning",
                    task=first.task.name,
                )


def _write(path: Path, content: bytes) -> None:
    """Puts the whole file in place, or leaves the one that is there."""
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".trc.lock-", delete=False) as file:
            try:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
                Path(file.name).chmod(0o644)
                Path(file.name).replace(path)
            except BaseException:
                Path(file.name).unlink(missing_ok=True)
                raise
    except OSError as error:
        raise stopped("TRC645", f'"{LOCK_FILE}" cannot be written: {error.strerror}', "look at the folder") from error


def lock_differences(one: LockedFor) -> Iterable[tuple[str, str | None, str | None]]:
    """The packages whose versions differ from those before: name, old version, new version."""
    was = {} if one.before is None else one.before.versions()
    now = one.environment.versions()
    for name in sorted(was.keys() | now.keys()):
        if was.get(name) != now.get(name):
            yield name, was.get(name), now.get(name)
