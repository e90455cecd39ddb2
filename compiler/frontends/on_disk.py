"""A project's files as they lie on the disk: nothing outside of the project's folder."""

from __future__ import annotations

import stat
from pathlib import Path, PurePosixPath
from typing import Final

LARGEST: Final = 16 * 1024 * 1024


def content(project: Path, name: str) -> bytes | None:
    """A file's bytes; None if there is none, it lies outside of the project, or it is larger than 16 MiB."""
    file = _inside(project, project / name)
    try:
        if file is None or not stat.S_ISREG(file.stat().st_mode) or file.stat().st_size > LARGEST:
            return None
        return file.read_bytes()
    except OSError:
        return None


def matches(project: Path, pattern: str) -> tuple[str, ...]:
    """The project's files that a glob covers, by relative path, sorted; trc's own folder left out."""
    if not pattern or "\0" in pattern or pattern.startswith("/") or ".." in PurePosixPath(pattern).parts:
        return ()
    try:
        files = [file for file in project.glob(pattern) if _is_listed(project, file)]
    except (OSError, ValueError):
        return ()
    return tuple(sorted(file.relative_to(project).as_posix() for file in files))


def _is_listed(project: Path, file: Path) -> bool:
    within = _inside(project, file)
    return within is not None and within.is_file() and ".trc" not in file.relative_to(project).parts


def _inside(project: Path, file: Path) -> Path | None:
    """The file itself, past symbolic links, if it lies in the project."""
    try:
        target = file.resolve()
        return target if target.is_relative_to(project.resolve()) else None
    except (OSError, ValueError, RuntimeError):
        return None
