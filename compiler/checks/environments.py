"""Checks of the tasks' environments: what they ask for can be locked, and the lock file holds it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Final, Literal

from trc.compiler.checks.spots import key_span, text_span
from trc.compiler.context import Context
from trc.compiler.diagnostics.collector import Collector
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.environments.lockfile import LOCK_FILE, Lock, Unreadable, read_lock
from trc.compiler.environments.names import IMAGE_LIKE, PACKAGE_LIKE, is_image, is_system_package
from trc.compiler.environments.requirement import Mistake, Requirement, allows, read_requirement, read_requirements
from trc.compiler.environments.wanted import TaskEnvironment, Wanted
from trc.compiler.frontends.project_files import ProjectFiles
from trc.compiler.ir.pipeline import Pipeline
from trc.compiler.ir.places import Places
from trc.compiler.ir.policy import Environment
from trc.compiler.ir.task import Task
from trc.compiler.source import Span
from trc.compiler.sql.engine import query

_CHECKED_BY: Final = "duckdb"
"""What evaluates expectations, whatever the type of the task."""
_KEYS: Final = ("requirements", "requirements_file", "python_version")


@dataclass(frozen=True, slots=True)
class Environments:
    """By task, what it pins and what the lock file holds of it; `engines` say why its DuckDB is not the one that checks."""

    tasks: Mapping[str, TaskEnvironment] = field(default_factory=dict[str, TaskEnvironment])
    engines: Mapping[str, str] = field(default_factory=dict[str, str])
    has_lock: bool = False


NO_ENVIRONMENTS: Final = Environments()


def check_environments(pipeline: Pipeline, places: Places, context: Context, collect: Collector) -> Environments:
    """Looks at the environments of all tasks; a lock file is looked at for those that pin something."""
    for task in pipeline.tasks:
        collect.extend(_misnamed(task, places))
    engines = {
        task.name: "its image may bring another DuckDB than the one that checks it"
        for task in pipeline.tasks
        if task.environment.image is not None
    }
    pinning = [task for task in pipeline.tasks if is_pinned(task.environment)]
    if not pinning:
        return Environments(engines=engines)
    reading = _Reading(ProjectFiles(context), places, collect)
    lock = reading.lock()
    found: dict[str, TaskEnvironment] = {}
    for task in pinning:
        wanted = reading.wanted(task, context)
        if wanted is not None:
            found[task.name] = TaskEnvironment(wanted, None if lock is None else lock.get(wanted.id))
    engines |= {name: why for name, one in found.items() if (why := _other_engine(one))}
    environments = Environments(found, engines, reading.has_lock)
    # Where the pipeline is to be run, whoever runs it tells, after what cannot be run at all.
    if lock is not None and not context.must_settle and not collect.has_errors:
        collect.extend(unlocked(pipeline, environments, places, severity="note"))
    return environments


def _misnamed(task: Task, places: Places) -> Iterator[Diagnostic]:
    """What is asked for by a name that nothing can have."""
    base, image = ("tasks", task.name, "environment"), task.environment.image
    if image is not None and not is_image(image):
        span = text_span(places, (*base, "image"), image)
        yield Diagnostic("TRC205", f'"{image}" is not the name of an image', span, help=(IMAGE_LIKE,), task=task.name)
    for index, package in enumerate(task.environment.system_packages):
        if not is_system_package(package):
            message, span = (
                f'"{package}" is not the name of a Debian package',
                text_span(places, (*base, "system_packages", index), package),
            )
            yield Diagnostic("TRC205", message, span, help=(PACKAGE_LIKE,), task=task.name)


def unlocked(
    pipeline: Pipeline, environments: Environments, places: Places, *, severity: Literal["error", "note"]
) -> Iterator[Diagnostic]:
    """Tells which environments the lock file does not hold, if there are any: no run can begin without them."""
    missing = [task for task in pipeline.tasks if (one := environments.tasks.get(task.name)) and one.locked is None]
    if not missing:
        return
    first, *others = missing
    beside = f" and of {len(others)} more" if others else ""
    message = f'"{LOCK_FILE}" does not hold the environment of "{first.name}"{beside}'
    if not environments.has_lock:
        message = f'the environment of "{first.name}"{beside} is not locked: there is no "{LOCK_FILE}"'
    yield Diagnostic(
        "TRC644",
        message,
        environment_span(places, first),
        "it is needed to run the pipeline" if severity == "note" else "",
        help=("write it with `trc lock`, and commit it",),
        severity=severity,
        task=first.name,
    )


def is_pinned(environment: Environment) -> bool:
    """Whether a task has an environment of its own: without one it runs in trc's."""
    return bool(environment.python_version or environment.requirements or environment.requirements_file)


def environment_span(places: Places, task: Task) -> Span | None:
    """Where a task says what its environment is."""
    base = ("tasks", task.name, "environment")
    key = next((one for one in _KEYS if places.exact(*base, one)), None)
    return key_span(places, *base) if key is None else key_span(places, *base, key)


def requirement_span(places: Places, task: Task, package: str) -> Span | None:
    """Where a task asks for a package by name; where it says what its environment is, if it does not."""
    for index, text in enumerate(task.environment.requirements):
        found = read_requirement(text)
        if isinstance(found, Requirement) and found.name == package:
            return text_span(places, ("tasks", task.name, "environment", "requirements", index), text)
    return environment_span(places, task)


@dataclass(slots=True)
class _Reading:
    """Reads what tasks ask for; mistakes are reported on the way, those of a file for each task that names it."""

    files: ProjectFiles
    places: Places
    collect: Collector
    has_lock: bool = False

    def lock(self) -> Lock | None:
        """The lock file's environments; None where they cannot be read, which is reported."""
        text = self.files.read(LOCK_FILE)
        self.has_lock = text is not None
        try:
            return {} if text is None else read_lock(text)
        except Unreadable as error:
            remedy = ("take it from version control, or remove it and write it with `trc lock`",)
            self.collect.add(Diagnostic("TRC645", f'"{LOCK_FILE}" cannot be used: {error}', help=remedy))
            return None

    def wanted(self, task: Task, context: Context) -> Wanted | None:
        """What the task asks for; None where that holds mistakes. Those among `requirements` were told of before."""
        inline = [_read(text) for text in task.environment.requirements]
        written = [*inline, *self.of_file(task)]
        if any(isinstance(one, Mistake) for one in written):
            return None
        asked = {(one.text, one.hashes): one for one in written if isinstance(one, Requirement)}
        brought: set[str] = set(getattr(context.task_types.get(task.type), "requires", ()))
        if task.expect:
            brought.add(_CHECKED_BY)
        version = task.environment.python_version
        return Wanted(
            None if version is None else str(version),
            tuple(one for _, one in sorted(asked.items())),
            tuple(sorted(brought)),
        )

    def of_file(self, task: Task) -> Iterator[Requirement | Mistake]:
        name = task.environment.requirements_file
        if name is None:
            return
        span = text_span(self.places, ("tasks", task.name, "environment", "requirements_file"), name)
        content = self.files.read(name)
        try:
            text = None if content is None else content.decode()
        except UnicodeDecodeError:
            text = None
        if text is None:
            message = f'there is no file "{name}"' if content is None else f'"{name}" is not UTF-8 text'
            remedy = ("paths are relative to the project's folder, and stay within it",)
            self.collect.add(Diagnostic("TRC210", message, span, help=remedy, task=task.name))
            yield Mistake(message, remedy[0])
            return
        for one in _read_all(text):
            if isinstance(one, Mistake):
                self.collect.add(mistake(one, f'"{name}", line {one.line}: ', span, task.name))
            yield one


def mistake(one: Mistake, before: str, span: Span | None, task: str) -> Diagnostic:
    """What is wrong with a requirement."""
    code = "TRC505" if one.kind == "refused" else "TRC205"
    return Diagnostic(code, before + one.message, span, help=(one.help,), task=task)


@cache
def _read(text: str) -> Requirement | Mistake:
    return read_requirement(text)


@cache
def _read_all(text: str) -> tuple[Requirement | Mistake, ...]:
    return tuple(read_requirements(text))


def _other_engine(environment: TaskEnvironment) -> str:
    """Why the task's DuckDB may be another than the one that binds here: what this one says is then no proof."""
    own = _own_version()
    minor = ".".join(own.split(".")[:2])
    if environment.locked is not None:
        version = environment.locked.versions().get("duckdb")
        if version is None or version.split(".")[:2] == own.split(".")[:2]:
            return ""
        return f"its environment holds DuckDB {version}, and DuckDB {minor} checks it"
    for one in environment.wanted.requirements:
        # What is locked is this one, where it may be.
        is_of_minor = re.fullmatch(rf"duckdb\s*==\s*{re.escape(minor)}(\.\d+)?", one.text)
        if one.name == "duckdb" and not (is_of_minor or allows(one, own)):
            return f"its environment asks for {one.text}, and DuckDB {minor} checks it"
    return ""


@cache
def _own_version() -> str:
    ((version,),) = query("select version()")
    return str(version).removeprefix("v")
