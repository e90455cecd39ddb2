"""The task author's side: `BaseTask`, its context and its result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Callable, TypeVar

from trc.runtime.taskside.submitting import Submissions
from trc.runtime.taskside.tuples import Tuples

_Function = TypeVar("_Function", bound=Callable[..., Any])


@dataclass(frozen=True)
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


@dataclass(frozen=True)
class OutputData:
    """A file to write: it is published under `uri` when the task succeeds, and dropped when it fails."""

    name: str
    format: str
    path: str
    uri: str | None = None


@dataclass(frozen=True)
class TaskContext:
    """What a task is given: its inputs, its outputs, its arguments, and who it is."""

    run: str
    pipeline: str
    task: str
    attempt: int
    run_time: str
    """The run's logical time, ISO 8601 with zone: the only clock that gives one answer on a repeat."""
    idempotency_key: str
    args: Mapping[str, Any]
    inputs: Mapping[str, InputData]
    outputs: Mapping[str, OutputData]
    item: Any = None
    """What the task is repeated for this time, as JSON has it: of a row, a mapping of its fields."""
    trace: Mapping[str, str] = field(default_factory=dict, repr=False)
    """TRACEPARENT, and TRACESTATE if there is one, of the task's span; empty where no traces are told."""
    report: Callable[[int, int | None], None] = field(default=lambda _done, _total: None, repr=False)
    submissions: Submissions = field(default_factory=Submissions, repr=False)
    flush_log: Callable[[], None] = field(default=lambda: None, repr=False)
    """Has what was printed so far be in the attempt's log."""

    @property
    def output(self) -> OutputData:
        """The only output; raises ValueError where there are several, or none."""
        if len(self.outputs) != 1:
            message = f'the task "{self.task}" has {len(self.outputs)} outputs; take one from .outputs'
            raise ValueError(message)
        return next(iter(self.outputs.values()))

    def submit(
        self,
        name: str,
        work: Any,
        args: Mapping[str, Any] | None = None,
        *,
        inputs: Mapping[str, Any] | None = None,
        outputs: Mapping[str, str | None] | None = None,
    ) -> None:
        """Submits a sub-task, `task[name]`: it begins when this attempt has succeeded, with all others that it submits, or never.

        `work` is a function or a `BaseTask` of the task's own code, or a text such as `path/to/file.py:Name`. It finds `args` in
        `context.args`, and `inputs` (paths, or data of this context) and `outputs` (paths, or None where the engine chooses) as any task does. One whose
        inputs are told (an empty mapping says that there are none) and that has an output is skipped where it is up to date.
        """
        self.submissions.add(name, work, args, inputs, outputs)

    def progress(self, done: int, total: int | None = None) -> None:
        """Tells how far the task is, in units of its own; also a sign of life."""
        self.report(done, total)


@dataclass(frozen=True)
class TaskResult:
    """What a task may return. `rows` counts rows by output; `error` is `temporary`, `permanent` or `unknown`."""

    success: bool = True
    message: str = ""
    error: str = "unknown"
    values: dict[str, Any] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    tuples: dict[str, Tuples] = field(default_factory=dict)
    """By output, the digests that its order asks for: only tasks of SQL are asked."""
    submitted: tuple[dict[str, Any], ...] = field(default=(), repr=False)
    """The sub-tasks that were submitted meanwhile: filled in by whoever runs the task."""


class BaseTask:
    """A task as a class: override `execute`. A new instance is made for each attempt."""

    context: TaskContext | None = None
    """What `execute` is given."""

    def submit(
        self,
        name: str,
        work: Any,
        args: Mapping[str, Any] | None = None,
        *,
        inputs: Mapping[str, Any] | None = None,
        outputs: Mapping[str, str | None] | None = None,
    ) -> None:
        """Submits a sub-task, as `TaskContext.submit` does; while `execute` runs."""
        if self.context is None:
            raise RuntimeError("a task submits sub-tasks while it is executed")
        self.context.submit(name, work, args, inputs=inputs, outputs=outputs)

    def execute(self, context: TaskContext) -> Any:
        """Does the work. Returns a `TaskResult`, a mapping of small values, or None; raising fails the attempt."""
        raise NotImplementedError(type(self).__name__ + ".execute")


def task(function: _Function) -> _Function:
    """Marks a function as a task: it is called with a `TaskContext`, and returns as `BaseTask.execute` does."""
    function.__trc_task__ = True  # type: ignore[attr-defined]
    return function
