"""What a compilation is handed in: task types, schemas of sources, the project, what a user chose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, Protocol

from trc.addresses import NOTHING_ALLOWED, Allowed
from trc.compiler.choices import NO_CHOICES, Choices
from trc.compiler.ir.formats import Format
from trc.compiler.ir.types import Schema
from trc.compiler.queries import Queries
from trc.compiler.source import SourceFile
from trc.compiler.tasktype import TaskType


class SourceReader(Protocol):
    """Answers what columns files have: the compiler asks and never opens them."""

    def schema(self, uri: str, fmt: Format) -> Schema:
        """The schema of the file or glob at `uri` (relative to the project), or why it is unknown."""
        ...


@dataclass(frozen=True, slots=True)
class Ran:
    """How the process of a pipeline's Python file ended; `answer` is JSON, and says what the file built.

    `code` is its exit code or signal, `limit` what it went beyond, as people write it. `printed` is the
    beginning of what it printed.
    """

    end: Literal["answered", "exit", "signal", "time", "size"]
    answer: bytes = b""
    code: int = 0
    limit: str = ""
    printed: str = ""


class PythonRunner(Protocol):
    """Runs the Python file that builds a pipeline: the compiler starts no processes."""

    def run(self, file: Path, project: Path) -> Ran:
        """Runs `file`, in the folder `project`, with its time and its memory bounded."""
        ...


@dataclass(frozen=True, slots=True)
class Context:
    """The world of one compilation. `project` is the folder that relative paths are relative to.

    `unsaved` holds project files, by relative path, as an editor shows them and no disk does yet.
    `seen`, `listed` and `used` are filled while it goes on: the project files that were looked at (None where
    there was none) and the globs that were expanded, since the result depends on them. Without `python`,
    pipelines that are Python code are refused.
    """

    project: Path
    task_types: Mapping[str, TaskType]
    sources: SourceReader
    unsaved: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    seen: dict[str, bytes | None] = field(default_factory=dict[str, "bytes | None"])
    listed: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    python: PythonRunner | None = None
    unlisted: Mapping[str, str] = field(default_factory=dict[str, str])
    """Task types that are installed and not taken in, with the distributions that bring them."""
    project_file: SourceFile | None = None
    choices: Choices = NO_CHOICES
    now: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    """When the command was given: the logical time of a run that asks for no other."""
    must_settle: bool = False
    """Whether every value has to be there, since the pipeline is going to be planned or run."""
    test: int | None = None
    """The test of the pipeline that is going to be run: its parameters' values are taken before all others."""
    used: set[str] = field(default_factory=set[str])
    """Which of `run.time` and `run.date` templates asked for: what they give holds for that time."""
    network: Allowed = NOTHING_ALLOWED
    """What may be called beyond public addresses."""
    queries: Queries | None = None
    """What was found of the pipeline's queries before; what is found now is added to it."""
