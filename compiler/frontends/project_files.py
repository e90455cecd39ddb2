"""A project's files, as a task type may see them: nothing outside its folder, and every look is noted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from trc.compiler.context import Context
from trc.compiler.frontends.on_disk import content, matches


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
            seen[name] = content(self.context.project, name) if unsaved is None else unsaved
        return seen[name]

    def list(self, pattern: str) -> tuple[str, ...]:
        """The project's files that a glob covers, by relative path, sorted; trc's own folder left out."""
        if pattern not in self.context.listed:
            self.context.listed[pattern] = matches(self.context.project, pattern)
        return self.context.listed[pattern]
