"""The task author's side: `BaseTask`, its context and its result."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Any, Callable, NoReturn, Optional, TypeVar, Union

from trc.runtime.taskside.data import InputData, OutputData
from trc.runtime.taskside.records import record
from trc.runtime.taskside.submitting import Submissions
from trc.runtime.taskside.tuples import Tuples

if TYPE_CHECKING:
    import logging

__all__ = ["BaseTask", "Ended", "InputData", "OutputData", "TaskContext", "TaskResult", "task"]

Report = Callable[[Optional[int], Optional[int]], None]
"""Told how many units are done, and of how many if that is known; None for a sign of life alone."""
Error = Union[str, BaseException]

_Function = TypeVar("_Function", bound=Callable[..., Any])
_ABSENT: Any = object()


@record(frozen=True)
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
    report: Report = field(default=lambda _done, _total: None, repr=False)
    submissions: Submissions = field(default_factory=Submissions, repr=False)
    flush_log: Callable[[], None] = field(default=lambda: None, repr=False)
    """Has what was printed so far be in the attempt's log."""
    engine: Callable[[], Mapping[str, Any]] = field(default=dict, repr=False)
    """Answers the settings of a DuckDB that keeps to the attempt's limits."""
    saved: dict[str, int | None] = field(default_factory=dict, repr=False)
    """By the outputs that `save_output` has written, their rows where they are counted."""

    @property
    def logger(self) -> logging.Logger:
        """A logger that writes to the attempt's log, from INFO on."""
        # Loaded by tasks that log.
        made: logging.Logger = importlib.import_module("trc.runtime.taskside.logger").logger_of(self.task)
        return made

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
        **others: Any,
    ) -> None:
        """Submits a sub-task, `task[name]`: it begins when this attempt has succeeded, with all others that it submits, or never.

        `work` is a function or a `BaseTask` of the task's own code, or a text such as `path/to/file.py:Name`. It finds `args` in
        `context.args`, and `inputs` (paths, or data of this context) and `outputs` (paths, or None where the engine chooses) as any task does. One whose
        inputs are told (an empty mapping says that there are none) and that has an output is skipped where it is up to date.
        Retries, limits, environment and hooks are those of the task that submits it: `others` are refused by name.
        """
        self.submissions.refuse(name, others)
        self.submissions.add(name, work, args, inputs, outputs)

    def progress(self, done: int, total: int | None = None) -> None:
        """Tells how far the task is, in units of its own; also a sign of life."""
        self.report(done, total)

    def heartbeat(self) -> None:
        """A sign of life, for a task that cannot tell how far it is."""
        self.report(None, None)

    def get_param(self, name: str, default: Any = _ABSENT) -> Any:
        """The argument of that name, or the default; raises AttemptFailed where there is neither."""
        if name in self.args:
            return self.args[name]
        if default is _ABSENT:
            params = importlib.import_module("trc.runtime.taskside.params")
            raise params.unfit([f'"{name}" is missing' + params.near(name, self.args)], self.task)
        return default

    def save_output(self, data: Any, name: str | None = None) -> None:
        """Writes data to the output of that name, or to the only one, in the format that it has.

        Takes a path, a text, bytes, a list of dicts, a DuckDB relation, an Arrow table, and a frame of pandas or polars. Raises
        AttemptFailed for what cannot be written so.
        """
        saving = importlib.import_module("trc.runtime.taskside.saving")
        output = (
            self.output if name is None and len(self.outputs) == 1 else saving.chosen(name, self.outputs, self.task)
        )
        self.saved[output.name] = saving.save(data, output)

    def complete(self, data: Any = None, message: str = "") -> NoReturn:
        """Ends the task here, in success: `data` is what it would return."""
        raise Ended(TaskResult(success=True, message=message, data=data))

    def fail(self, message: str, error: Error = "unknown") -> NoReturn:
        """Ends the task here, in failure: `error` is `temporary`, `permanent` or `unknown`, or an exception."""
        raise Ended(TaskResult(success=False, message=message, error=error))


@record(frozen=True)
class TaskResult:
    """What a task may return: whether it succeeded, a message, data for its outputs or values, or what went wrong.

    `data` is a mapping of small values, of data by the names of outputs, or data for the only output.
    """

    success: bool = True
    message: str = ""
    data: Any = None
    error: Error = "unknown"
    """Of a failure, `temporary`, `permanent` or `unknown`, an exception, or a text that says more."""
    values: dict[str, Any] = field(default_factory=dict)
    """Small values for other tasks; `data` may hold them as well."""
    rows: dict[str, int] = field(default_factory=dict)
    """By output, the rows that it has."""
    tuples: dict[str, Tuples] = field(default_factory=dict)
    """By output, the digests that its order asks for: only tasks of SQL are asked."""
    submitted: tuple[dict[str, Any], ...] = field(default=(), repr=False)
    """The sub-tasks that were submitted meanwhile: filled in by whoever runs the task."""


class Ended(BaseException):
    """The task has said how it ends, in the midst of its code. No error: `except Exception` around it must not take it for one."""

    def __init__(self, result: TaskResult) -> None:
        super().__init__(result.message)
        self.result = result


class BaseTask:
    """A task as a class: override `execute`. A new instance is made for each attempt.

    A class `Params` within it declares its arguments, by annotations alone, as a dataclass or as a model of pydantic's:
    they are then found in `self.params`, checked and converted before `execute` is called.
    """

    Params: Any = None
    params: Any = None
    """The arguments, as `Params` declares them; a mapping where it is not there."""
    context: TaskContext | None = None
    """Who the task is, and what it is given: its inputs, its outputs, its arguments."""

    def get_required_params(self) -> Sequence[str]:
        """The names of arguments without which the task does not begin: those that `Params` has no default for."""
        required: Sequence[str] = importlib.import_module("trc.runtime.taskside.params").required_of(self.Params)
        return required

    def get_param(self, name: str, default: Any = _ABSENT) -> Any:
        """The argument of that name, or the default; where there is neither, the attempt fails for good."""
        return self._running("arguments are there").get_param(name, default)

    @property
    def logger(self) -> logging.Logger:
        """A logger that writes to the attempt's log, from INFO on."""
        return self._running("a task logs").logger

    def save_output(self, data: Any, name: str | None = None) -> None:
        """Writes data to the output of that name, or to the only one, as `TaskContext.save_output` does."""
        self._running("a task saves outputs").save_output(data, name)

    def progress(self, done: int, total: int | None = None) -> None:
        """Tells how far the task is, in units of its own; also a sign of life."""
        self._running("a task tells how far it is").progress(done, total)

    def heartbeat(self) -> None:
        """A sign of life, for a task that cannot tell how far it is."""
        self._running("a task gives signs of life").heartbeat()

    def complete(self, data: Any = None, message: str = "") -> NoReturn:
        """Ends the task here, in success: `data` is what `execute` would return."""
        self._running("a task ends").complete(data, message)

    def fail(self, message: str, error: Error = "unknown") -> NoReturn:
        """Ends the task here, in failure: `error` is `temporary`, `permanent` or `unknown`, or an exception."""
        self._running("a task ends").fail(message, error)

    def submit(
        self,
        name: str,
        work: Any,
        args: Mapping[str, Any] | None = None,
        *,
        inputs: Mapping[str, Any] | None = None,
        outputs: Mapping[str, str | None] | None = None,
        **others: Any,
    ) -> None:
        """Submits a sub-task, as `TaskContext.submit` does; while `execute` runs."""
        self._running("a task submits sub-tasks").submit(name, work, args, inputs=inputs, outputs=outputs, **others)

    def execute(self, *args: Any, **kwargs: Any) -> Any:
        """Does the work. It takes nothing, the context, or inputs, outputs and arguments by their names.

        Returns a `TaskResult`, a mapping of small values, data for its output, or None; raising fails the attempt.
        """
        raise NotImplementedError(type(self).__name__ + ".execute")

    def _running(self, what: str) -> TaskContext:
        if self.context is None:
            raise RuntimeError(f"{what} while it is executed")
        return self.context


def task(function: _Function) -> _Function:
    """Marks a function as a task, which is given what its parameters are called and annotated as.

    A parameter is an input, an output or an argument of the task by its name, and what it is annotated as: a path, a DuckDB
    relation, an Arrow table, a frame of pandas or polars. A single one that is none of these, or `context`, is the `TaskContext`.
    """
    function.__trc_task__ = True  # type: ignore[attr-defined]
    return function
