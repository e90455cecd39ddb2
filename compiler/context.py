"""What a compilation is handed in: task types, schemas of sources, the project, a backend's abilities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from trc.compiler.capabilities import Capabilities
from trc.compiler.choices import NO_CHOICES, Choices
from trc.compiler.ir.dataset import Format
from trc.compiler.ir.types import Schema
from trc.compiler.source import SourceFile
from trc.compiler.tasktype import TaskType


class SourceReader(Protocol):
    """Answers what columns files have: the compiler asks and never opens them."""

    def schema(self, uri: str, fmt: Format) -> Schema:
        """The schema of the file or glob at `uri` (relative to the project), or why it is unknown."""
        ...


@dataclass(frozen=True, slots=True)
class Context:
    """The world of one compilation. `project` is the folder that relative paths are relative to.

    `seen`, `listed` and `used` are filled while it goes on: the project files that were looked at (None where
    there was none) and the globs that were expanded, since the result depends on them.
    """

    project: Path
    task_types: Mapping[str, TaskType]
    sources: SourceReader
    capabilities: Capabilities
    seen: dict[str, bytes | None] = field(default_factory=dict[str, "bytes | None"])
    listed: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    unlisted: Mapping[str, str] = field(default_factory=dict[str, str])
    """Task types that are installed and not taken in, with the distributions that bring them."""
    project_file: SourceFile | None = None
    choices: Choices = NO_CHOICES
    now: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    """When the command was given: the logical time of a run that asks for no other."""
    must_settle: bool = False
    """Whether every value has to be there, since the pipeline is going to be planned or run."""
    used: set[str] = field(default_factory=set[str])
    """Which of `run.time` and `run.date` templates asked for: what they give holds for that time."""
