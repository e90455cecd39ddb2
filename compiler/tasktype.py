"""What the compiler asks of a task type: a model of its parameters, and what it reads and writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict

from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.ir.dataset import Output, Read
from trc.compiler.ir.places import Places
from trc.compiler.ir.task import CodeFile, Query
from trc.compiler.ir.translated import Translated


class TaskParams(BaseModel):
    """The base of a task type's parameter model: frozen, and closed to unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True, slots=True)
class Scope:
    """What a task type may look at while it declares a task.

    `path` is the task's path in `places`, so that `places.span(*path, "params", "sql")` points at a
    parameter; `read_file` gives a project file's bytes by its relative path, or None where there is
    none, and notes that the compilation depends on it; `list_files` lists project files by glob.
    `translated` holds the queries that were written in another dialect of SQL, by parameter.
    """

    task: str
    path: tuple[str | int, ...]
    places: Places
    read_file: Callable[[str], bytes | None]
    list_files: Callable[[str], Sequence[str]]
    translated: Mapping[str, Translated] = field(default_factory=dict[str, Translated])


@dataclass(frozen=True, slots=True)
class Declaration:
    """What a task does, as far as its type can tell from its parameters.

    `diagnostics` are mistakes that the type found; the rest is then as complete as it can be.
    """

    reads: tuple[Read, ...] = ()
    outputs: tuple[Output, ...] = ()
    fills: tuple[str, ...] = ()
    """Folders and prefixes, with the slash at their end, below which it writes what nobody can name before it runs."""
    query: Query | None = None
    code: tuple[CodeFile, ...] = ()
    engines: tuple[str, ...] = ()
    visibility: Literal["complete", "opaque"] = "opaque"
    effect: Literal["none", "external"] = "none"
    idempotent: bool = True
    volatile: str | None = None
    executor: Literal["process", "async"] = "process"
    """What suits it: a process that runs it alone, or one with an event loop that runs many at a time."""
    diagnostics: tuple[Diagnostic, ...] = ()


class TaskType(Protocol):
    """A kind of task. Found by the entry point group `trc.tasks`; an instance is made without arguments."""

    name: str
    version: int
    """Raised when the type's results change for equal parameters: it is part of every key."""
    summary: str
    """One sentence for people."""
    params: type[Any]
    """A subclass of `TaskParams`."""
    runs: str | None
    """`module:function` of the task side, or None where tasks of this type are checked and not run."""
    requires: tuple[str, ...]
    """Distributions, by name, that its task side needs in an environment of the task's own."""

    def declare(self, params: Any, scope: Scope) -> Declaration:
        """What a task with these parameters reads, writes and runs."""
        ...
