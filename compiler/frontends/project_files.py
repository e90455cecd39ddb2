"""A project's files, as a task type may see them: nothing outside its folder, and every look is noted."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from trc.compiler.context import Context

LARGEST: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ProjectFiles:
    """Reads for the task types, and writes down in the context what the compilation depends on."""

    context: Context

    def read(self, path: str) -> bytes | None:
        """A file's bytes; None if there is none, it lies outside of the project, or it is larger than 16 MiB."""
        seen = self.context.seen
        if path in seen:
            return seen[path]
        name = PurePosixPath(path).as_posix()
        if name not in seen:
            unsaved = self.context.unsaved.get(name)
            seen[name] = content_of(self.context.project, name) if unsaved is None else unsaved
        return seen[name]

    def list(self, pattern: str) -> tuple[str, ...]:
        """The project's files that a glob covers, by relative path, sorted; trc's own folder left out."""
        if pattern not in self.context.listed:
            self.context.listed[pattern] = files_like(self.context.project, pattern)
        return self.context.listed[pattern]


def content_of(project: Path, name: str) -> bytes | None:
    """The bytes of a project's file by relative path; None for what `ProjectFiles.read` does not give."""
    file = _inside(project, project / name)
    try:
        if file is None or not stat.S_ISREG(file.stat().st_mode) or file.stat().st_size > LARGEST:
            return None
        return file.read_bytes()
    except OSError:
        return None


def files_like(project: Path, pattern: str) -> tuple[str, ...]:
    """The project's files that a glob covers, as `ProjectFiles.list` gives them."""
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
