"""Tells a run as spans of a trace: the run, its tasks, their attempts, with links along what tasks read."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.runtime.observe import Happening, RunFinished, RunOpened, TaskMoved
from trc.runtime.repeated import task_called
from trc.runtime.scheduler.state import FINAL
from trc.runtime.spec import PipelineSpec, TaskSpec
from trc.runtime.store.journal import AttemptRecord, TaskRecord
from trc.runtime.store.results import StoredOutput
from trc.runtime.telemetry.masking import Mask, unmasked

Attributes = Mapping[str, Any]
_BAD: Final = frozenset({"failure", "lost"})


class Spans(Protocol):
    """What spans are made with. One is what `begin` answers, and nothing else is known of it; times are seconds since the epoch."""

    def begin(self, name: str, at: float, attributes: Attributes, parent: Any = None, links: Sequence[Any] = ()) -> Any:
        """A span that begins at a time, below another, or below that of who started this process."""
        ...

    def end(
        self, span: Any, at: float, attributes: Attributes, failure: Mapping[str, Any] | None, *, is_good: bool
    ) -> None:
        """Ends a span; `failure` is why, where something went wrong."""
        ...

    def variables(self, span: Any) -> Mapping[str, str]:
        """What names the span to another process: TRACEPARENT, and TRACESTATE if there is one."""
        ...

    def close(self) -> Sequence[Diagnostic]:
        """Has all spans delivered, within a few seconds; answers what could not be."""
        ...


@dataclass(slots=True)
class RunTraces:
    """Makes the spans of one run."""

    spec: PipelineSpec
    spans: Spans
    mask: Mask = unmasked
    now: Callable[[], float] = time.time
    problems: Sequence[Diagnostic] = ()
    _tasks: dict[str, TaskSpec] = field(init=False)
    _begun: dict[str, Any] = field(default_factory=dict[str, Any])
    """By task, its span: that of one that ended is linked to."""
    _claimed: dict[str, float] = field(default_factory=dict[str, float])
    """When the first attempt of a task was claimed."""
    _run: Any = None
    _failed: list[str] = field(default_factory=list[str])

    def __post_init__(self) -> None:
        self._tasks = {task.name: task for task in self.spec.tasks}

    def hear(self, happening: Happening) -> None:
        match happening:
            case TaskMoved():
                self._moved(happening)
            case RunOpened():
                self._opened(happening)
            case RunFinished():
                failure = {"message": f"tasks failed: {', '.join(self._failed)}"} if self._failed else None
                at = happening.run.ended_at or self.now()
                attributes = {"trc.run.state": happening.state}
                self._end_run(at, attributes, failure, is_good=happening.state == "success")
            case _:
                pass

    def variables(self, task: str) -> Mapping[str, str]:
        """What names the span of a task that is about to be tried."""
        return self.spans.variables(self._span(task, self.now()))

    def close(self) -> None:
        if self._run is not None:
            self._end_run(self.now(), {"trc.run.state": "running"}, {"message": "interrupted"}, is_good=False)
        self.problems = self.spans.close()

    def _opened(self, opened: RunOpened) -> None:
        run = opened.run
        attributes = {
            "trc.pipeline": self.spec.name,
            "trc.run.id": run.id,
            "trc.run.resumed": opened.resumed,
            "trc.logical_time": run.logical_time,
            "trc.tasks": len(opened.plan.tasks),
        }
        # The span of a run that goes on is of this process: the one that died has taken its own with it.
        at = self.now() if opened.resumed else run.created_at
        self._run = self.spans.begin(f"run {self.spec.name}", at, attributes)

    def _end_run(self, at: float, attributes: Attributes, failure: Mapping[str, Any] | None, *, is_good: bool) -> None:
        run, self._run = self._run, None
        self.spans.end(run, at, attributes, failure, is_good=is_good)

    def _moved(self, moved: TaskMoved) -> None:
        record = moved.record
        for attempt in moved.attempts:
            if attempt.state == "claimed" and attempt.task not in self._begun:
                self._claimed.setdefault(attempt.task, attempt.claimed_at)
            elif attempt.state not in ("claimed", "running"):
                self._ended(attempt)
        if record.state in FINAL:
            self._final(record, moved.outputs)

    def _ended(self, attempt: AttemptRecord) -> None:
        began = attempt.started_at or attempt.claimed_at
        ended = max(began, attempt.ended_at or self.now())
        result = attempt.result or {}
        attributes = {
            "trc.task.name": attempt.task,
            "trc.attempt.number": attempt.number,
            "trc.attempt.state": attempt.state,
            "trc.attempt.queue_seconds": max(0.0, began - attempt.claimed_at),
            **{f"trc.attempt.{name}": result[name] for name in ("cpu_seconds", "peak_memory") if result.get(name)},
        }
        failure = result.get("failure") if attempt.state in _BAD else None
        span = self.spans.begin(
            f"attempt {attempt.task}", began, attributes, self._span(attempt.task, attempt.claimed_at)
        )
        self.spans.end(span, ended, {}, self.mask(failure), is_good=attempt.state == "success")

    def _final(self, record: TaskRecord, outputs: Sequence[StoredOutput]) -> None:
        at = record.ended_at or self.now()
        attributes: dict[str, Any] = {"trc.task.state": record.state, "trc.task.attempts": record.attempt}
        attributes |= dict(_facts(record, outputs))
        failure = self.mask(record.error or {}) if record.state == "failure" else None
        if failure is not None:
            self._failed.append(record.task)
        span = self._span(record.task, at)
        self.spans.end(span, at, attributes, failure, is_good=record.state in {"success", "skipped"})

    def _span(self, task: str, at: float) -> Any:
        """The span of a task; one that nothing was tried of begins as it ends."""
        span = self._begun.get(task)
        if span is None:
            spec = self._tasks[task_called(task)]
            attributes = {"trc.task.name": task, "trc.task.type": spec.type}
            upstream = [self._begun[need.task] for need in spec.needs if need.data and need.task in self._begun]
            began = self._claimed.pop(task, at)
            span = self._begun[task] = self.spans.begin(f"task {task}", began, attributes, self._run, upstream)
        return span


def _facts(record: TaskRecord, outputs: Sequence[StoredOutput]) -> Iterator[tuple[str, Any]]:
    code = record.reason.get("code")
    if code:
        yield "trc.reason", code
    if record.blocked_by is not None:
        yield "trc.blocked_by", record.blocked_by
    rows = [one.rows for one in outputs if one.rows is not None]
    if rows:
        yield "trc.rows", sum(rows)
    if outputs:
        yield "trc.bytes", sum(one.size for one in outputs)
