"""The one place that reads the environment and `trc.toml`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from trc.compiler.choices import Choices, is_choice
from trc.compiler.diagnostics.collector import Collector
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.diagnostics.nearest import did_you_mean
from trc.compiler.frontends import toml
from trc.compiler.frontends.files import read
from trc.compiler.frontends.syntax import Mapping, Node, Scalar, Sequence
from trc.compiler.frontends.typed import typed
from trc.compiler.source import SourceFile, Span
from trc.runtime.errors import Stopped, stopped
from trc.runtime.folders import PROJECT_FILE, STATE_FOLDER
from trc.runtime.surroundings import clean

OPTIMISE: Final = False
"""Whether runs are optimised where neither the command line nor the target says."""


@dataclass(frozen=True, slots=True)
class OpenLineage:
    """Where runs append their OpenLineage events, if they tell any; `source_code` has these hold the text of queries."""

    file: Path | None = None
    namespace: str = "trc"
    source_code: bool = False


@dataclass(frozen=True, slots=True)
class Settings:
    """Where a project is, where its state lies, how many workers the local backend has, and what `trc.toml` says.

    `pipelines` are globs of the project's pipeline files, or None where it does not say; `task_packages`
    are distributions that bring task types, each with its place; `deny_warnings` is for `trc check`.
    """

    project: Path
    workers: int
    file: SourceFile | None = None
    pipelines: tuple[str, ...] | None = None
    task_packages: tuple[tuple[str, Span], ...] = ()
    deny_warnings: bool = False
    state_folder: Path | None = None
    """Where state lies, if that is not in the project."""
    openlineage: OpenLineage = OpenLineage()

    @property
    def state(self) -> Path:
        return self.state_folder or self.project / STATE_FOLDER

    @property
    def database(self) -> Path:
        return self.state / "state.db"


def with_environment(choices: Choices) -> Choices:
    """The choices of the command line with those that environment variables make."""
    return replace(choices, environment=tuple(sorted(item for item in os.environ.items() if is_choice(item[0]))))


def settings_for(pipeline: Path, *, workers: int | None = None) -> Settings:
    """The settings of a pipeline file's project: the folder of the nearest `trc.toml`, else the file's own."""
    folder = pipeline.resolve().parent
    project = next((up for up in (folder, *folder.parents) if (up / PROJECT_FILE).is_file()), folder)
    return _settings(project, workers)


def project_files(pipeline: Path) -> tuple[Path, ...]:
    """The places where the project file of a pipeline is looked for, up to the one where it is."""
    places: list[Path] = []
    for up in pipeline.resolve().parents:
        places.append(up / PROJECT_FILE)
        if places[-1].is_file():
            break
    return tuple(places)


def settings_of(folder: Path) -> Settings:
    """The settings of the project that a folder lies in, found by its `trc.toml` or its state."""
    folder = folder.resolve()
    for up in (folder, *folder.parents):
        if (up / PROJECT_FILE).is_file() or (up / STATE_FOLDER).is_dir():
            return _settings(up, None)
    raise stopped(
        "TRC609",
        f'no run is recorded at or above "{folder}"',
        "go to the project's folder, or run its pipeline with `trc run FILE` first",
    )


def environment_of_code() -> dict[str, str]:
    """What a pipeline's own code sees of the environment: no more than a task does."""
    return clean(os.environ)


def variables_of_uv() -> MappingOf[str, str]:
    """What tells uv where packages come from, and trc where its environments lie."""
    return os.environ


def variables_of_secrets() -> MappingOf[str, str]:
    """Where `env:NAME` finds its value: looked up when a task is about to be given it."""
    return os.environ


def listed_pipelines(folder: Path) -> Iterator[Path]:
    """The files below a folder that the projects there, or the one that it lies in, list as `pipelines`."""
    here = folder.resolve()
    above = [up for up in (here, *here.parents) if (up / PROJECT_FILE).is_file()][:1]
    projects = {*above, *_projects_below(here)}
    for project in sorted(projects):
        for pattern in _read(project / PROJECT_FILE).pipelines or ():
            for file in sorted(project.glob(pattern)):
                if file.is_file() and file.is_relative_to(here) and not _is_hidden(file, here):
                    yield folder / file.relative_to(here)


def _projects_below(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        if PROJECT_FILE in files or PROJECT_FILE in folders:
            yield Path(place)


def _is_hidden(file: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in file.relative_to(folder).parts)


def project_of(folder: Path) -> Settings | None:
    """The settings of the project whose file lies in a folder or above it, if there is one."""
    folder = folder.resolve()
    found = next((up for up in (folder, *folder.parents) if (up / PROJECT_FILE).is_file()), None)
    return None if found is None else _settings(found, None)


def _settings(project: Path, workers: int | None) -> Settings:
    path = project / PROJECT_FILE
    written = _Written() if not path.is_file() else _read(path)
    return Settings(
        project,
        workers or written.workers or cores(),
        written.file,
        written.pipelines,
        written.task_packages,
        written.deny_warnings,
        openlineage=_events(project, written),
    )


def _events(project: Path, written: _Written) -> OpenLineage:
    file = written.events.get("file")
    return OpenLineage(**{**written.events, "file": None if file is None else project / file})


def cores() -> int:
    """How many processors this process may use."""
    return max(1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


@dataclass(slots=True)
class _Written:
    """What a project file says."""

    file: SourceFile | None = None
    workers: int | None = None
    pipelines: tuple[str, ...] | None = None
    task_packages: tuple[tuple[str, Span], ...] = ()
    deny_warnings: bool = False
    events: dict[str, Any] = field(default_factory=dict[str, Any])


def _read(path: Path) -> _Written:
    collect = Collector()
    file = read(path, _shown(path), collect)
    tree = toml.parse(file, collect, "TRC111") if file and file.text.strip() else None
    written = _Written(file if tree is not None else None)
    for entry in tree.entries if tree else ():
        _KEYS.get(entry.key.value, _unknown)(entry.value, entry.key, written, collect)
    if collect.has_errors:
        raise Stopped(collect.sorted(), 2, {file.name: file} if file else {})
    return written


def _shown(path: Path) -> str:
    """The file as the user would name it from here."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


_Reader = Callable[[Node, Scalar, _Written, Collector], None]


def _unknown(_value: Node, key: Scalar, _written: _Written, collect: Collector) -> None:
    remedy = did_you_mean(key.value, _KEYS) or (f"the keys are: {', '.join(_KEYS)}",)
    _wrong(collect, f'"{key.value}" is not known here', key.span, *remedy)


def _local(value: Node, key: Scalar, written: _Written, collect: Collector) -> None:
    if not isinstance(value, Mapping):
        _wrong(collect, f'"{key.value}" takes a table', key.span, "write [local] on a line of its own")
        return
    for entry in value.entries:
        if entry.key.value != "workers":
            remedy = did_you_mean(entry.key.value, ("workers",)) or ("the key is: workers",)
            _wrong(collect, f'"local.{entry.key.value}" is not known here', entry.key.span, *remedy)
            continue
        number: Any = typed(entry.value).value if isinstance(entry.value, Scalar) else None
        if type(number) is int and 1 <= number <= 1024:
            written.workers = number
        else:
            _wrong(
                collect, '"local.workers" takes a whole number from 1 to 1024', entry.value.span, "write workers = 4"
            )


def _check(value: Node, key: Scalar, written: _Written, collect: Collector) -> None:
    if not isinstance(value, Mapping):
        _wrong(collect, f'"{key.value}" is a table', key.span, "write [check] on a line of its own")
        return
    for entry in value.entries:
        if entry.key.value != "deny_warnings":
            remedy = did_you_mean(entry.key.value, ("deny_warnings",)) or ("the key is: deny_warnings",)
            _wrong(collect, f'"check.{entry.key.value}" is not known here', entry.key.span, *remedy)
            continue
        answer: Any = typed(entry.value).value if isinstance(entry.value, Scalar) else None
        if isinstance(answer, bool):
            written.deny_warnings = answer
        else:
            message = '"check.deny_warnings" is true or false'
            _wrong(collect, message, entry.value.span, "write deny_warnings = true")


def _openlineage(value: Node, key: Scalar, written: _Written, collect: Collector) -> None:
    if not isinstance(value, Mapping):
        _wrong(collect, f'"{key.value}" is a table', key.span, "write [openlineage] on a line of its own")
        return
    for entry in value.entries:
        name = entry.key.value
        if name not in _EVENTS:
            remedy = did_you_mean(name, _EVENTS) or (f"the keys are: {', '.join(_EVENTS)}",)
            _wrong(collect, f'"openlineage.{name}" is not known here', entry.key.span, *remedy)
            continue
        kind, takes, example = _EVENTS[name]
        answer: Any = typed(entry.value).value if isinstance(entry.value, Scalar) else None
        if isinstance(answer, kind) and answer != "" and "\0" not in str(answer):
            written.events[name] = answer
        else:
            _wrong(collect, f'"openlineage.{name}" {takes}', entry.value.span, f"write {example}")


_EVENTS: Final[MappingOf[str, tuple[type, str, str]]] = {
    "file": (str, "takes the path of a file", 'file = "lineage.jsonl"'),
    "namespace": (str, "takes a text", 'namespace = "shop"'),
    "source_code": (bool, "is true or false", "source_code = true"),
}


def _pipelines(value: Node, key: Scalar, written: _Written, collect: Collector) -> None:
    texts = [text for text, span in _texts(value, key, collect) if _is_inside(text, span, collect)]
    written.pipelines = tuple(texts)


def _is_inside(pattern: str, span: Span, collect: Collector) -> bool:
    if not pattern.startswith("/") and ".." not in Path(pattern).parts and "\0" not in pattern and pattern.strip():
        return True
    _wrong(collect, f'"{pattern}" does not stay in the project', span, "write a pattern such as pipelines/*.yaml")
    return False


def _task_packages(value: Node, key: Scalar, written: _Written, collect: Collector) -> None:
    written.task_packages = tuple(_texts(value, key, collect))


def _texts(value: Node, key: Scalar, collect: Collector) -> Iterator[tuple[str, Span]]:
    for item in value.items if isinstance(value, Sequence) else (None,):
        if isinstance(item, Scalar) and item.style == "double":
            yield item.value, item.span
        else:
            span = value.span if item is None else item.span
            _wrong(collect, f'"{key.value}" takes a list of texts', span, f'write {key.value} = ["…"]')


def _of_pipelines(value: Node, key: Scalar, _written: _Written, collect: Collector) -> None:
    """Read with each pipeline, which says what is wrong within."""
    if not isinstance(value, Mapping):
        _wrong(collect, f'"{key.value}" takes a table', key.span, f"write [{key.value}] on a line of its own")


_KEYS: Final[MappingOf[str, _Reader]] = {
    "pipelines": _pipelines,
    "task_packages": _task_packages,
    "defaults": _of_pipelines,
    "targets": _of_pipelines,
    "local": _local,
    "check": _check,
    "openlineage": _openlineage,
}


def _wrong(collect: Collector, message: str, span: Span, *help_lines: str) -> None:
    collect.add(Diagnostic("TRC111", message, span, help=help_lines))
