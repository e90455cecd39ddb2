"""The one place that reads the environment and `trc.toml`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.diagnostics.nearest import did_you_mean
from trc.runtime.errors import Stopped, stopped
from trc.runtime.folders import PROJECT_FILE, STATE_FOLDER
from trc.runtime.surroundings import clean

_KEYS: Final = {"local": {"workers": int}}


@dataclass(frozen=True, slots=True)
class Settings:
    """Where a project is, where its state lies, and how many workers the local backend has."""

    project: Path
    workers: int

    @property
    def state(self) -> Path:
        return self.project / STATE_FOLDER

    @property
    def database(self) -> Path:
        return self.state / "state.db"


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


def listed_code(folder: Path) -> Iterator[Path]:
    """The files below a folder that the projects there, or the one that it lies in, list as `pipelines`."""
    here = folder.resolve()
    above = [up for up in (here, *here.parents) if (up / PROJECT_FILE).is_file()][:1]
    projects = {*above, *(file.parent for file in here.rglob(PROJECT_FILE) if not _is_hidden(file, here))}
    for project in sorted(projects):
        for pattern in _read(project / PROJECT_FILE).get("pipelines", ()):
            for file in sorted(project.glob(pattern)):
                if file.is_file() and file.is_relative_to(here) and not _is_hidden(file, here):
                    yield folder / file.relative_to(here)


def _is_hidden(file: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in file.relative_to(folder).parts)


def _settings(project: Path, workers: int | None) -> Settings:
    written = _read(project / PROJECT_FILE)
    chosen = workers or written.get("local", {}).get("workers") or _cores()
    return Settings(project, chosen)


def _cores() -> int:
    return max(1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise stopped("TRC101", f'"{path}" cannot be read: {error.strerror}') from error
    import tomllib  # noqa: PLC0415 - only projects with a trc.toml pay for it

    try:
        written = tomllib.loads(text.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _wrong(path, str(error)) from error
    _check(path, written)
    return written


def _check(path: Path, written: dict[str, Any]) -> None:
    for table, entries in written.items():
        if table == "pipelines":
            _check_patterns(path, entries)
            continue
        if table not in _KEYS or not isinstance(entries, dict):
            raise _wrong(path, f'"{table}" is not known here', *did_you_mean(table, (*_KEYS, "pipelines")))
        for key, value in entries.items():
            if key not in _KEYS[table]:
                raise _wrong(path, f'"{table}.{key}" is not known here', *did_you_mean(key, _KEYS[table]))
            if type(value) is not _KEYS[table][key] or not 1 <= value <= 1024:
                raise _wrong(path, f'"{table}.{key}" is a whole number from 1 to 1024, not {value!r}')


def _check_patterns(path: Path, patterns: Any) -> None:
    if not isinstance(patterns, list):
        raise _wrong(path, '"pipelines" is a list of paths and patterns, such as ["pipelines/*.py"]')
    for pattern in patterns:
        if not isinstance(pattern, str) or not pattern or pattern.startswith("/") or ".." in Path(pattern).parts:
            raise _wrong(path, f'"pipelines" holds {pattern!r}, which is no pattern within the project')


def _wrong(path: Path, message: str, *help_lines: str) -> Stopped:
    return Stopped([Diagnostic("TRC111", f"{path.name}: {message}", help=help_lines)], 2)
