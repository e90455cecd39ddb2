"""What a task reads and writes, as its code is given it."""

from __future__ import annotations

from trc.runtime.taskside.records import record


@record(frozen=True)
class InputData:
    """Data to read: local files, in order."""

    name: str
    format: str
    paths: tuple[str, ...]

    @property
    def path(self) -> str:
        """The only file; raises ValueError where there are several, or none."""
        if len(self.paths) != 1:
            message = f'the input "{self.name}" has {len(self.paths)} files; read them from .paths'
            raise ValueError(message)
        return self.paths[0]


@record(frozen=True)
class OutputData:
    """A file to write: it is published under `uri` when the task succeeds, and dropped when it fails."""

    name: str
    format: str
    path: str
    uri: str | None = None
