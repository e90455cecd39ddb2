"""The metrics of a run: what is counted and measured of it, under which names."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.runtime.observe import Happening, MessagesTried, RunFinished, RunOpened, TaskMoved, Ticked
from trc.runtime.repeated import task_called
from trc.runtime.scheduler.state import FINAL
from trc.runtime.spec import PipelineSpec
from trc.runtime.store.journal import AttemptRecord, RunRecord, RunState, TaskRecord, TaskState
from trc.runtime.store.results import StoredOutput
from trc.runtime.telemetry.exposition import Family, Numbers, Series

_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 14400)
_SHORT: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
_PIPELINE: Final = ("pipeline",)
_TYPE: Final = ("pipeline", "type")
_STATE: Final = ("pipeline", "type", "state")
_TASK: Final = ("pipeline", "task")

RUNS: Final = Family("trc_runs_total", "counter", "Runs that ended, by their state.", ("pipeline", "state"))
RUN_SECONDS: Final = Family("trc_run_duration_seconds", "histogram", "How long runs took.", _PIPELINE, _SECONDS)
LAST_RUN: Final = Family(
    "trc_run_last_end_timestamp_seconds", "gauge", "When the last run of that state ended.", ("pipeline", "state")
)
TASK_RUNS: Final = Family("trc_task_runs_total", "counter", "Tasks that came to their final state.", _STATE)
ATTEMPTS: Final = Family("trc_attempts_total", "counter", "Attempts that ended, by their state.", _STATE)
RETRIES: Final = Family("trc_retries_total", "counter", "Attempts that followed on one that had ended.", _TYPE)
ATTEMPT_SECONDS: Final = Family("trc_attempt_duration_seconds", "histogram", "How long attempts ran.", _TYPE, _SECONDS)
QUEUE_SECONDS: Final = Family(
    "trc_queue_wait_seconds", "histogram", "How long attempts waited that could have begun.", _TYPE, _SECONDS
)
CPU_SECONDS: Final = Family("trc_attempt_cpu_seconds_total", "counter", "CPU time that attempts used.", _TYPE)
ROWS: Final = Family("trc_rows_written_total", "counter", "Rows of published outputs, where they are counted.", _TYPE)
BYTES: Final = Family("trc_bytes_written_total", "counter", "Bytes of published outputs.", _TYPE)
SAVED_SECONDS: Final = Family(
    "trc_skip_saved_seconds_total", "counter", "What the attempts took whose results were up to date.", _TYPE
)
SAVED_BYTES: Final = Family(
    "trc_skip_saved_bytes_total", "counter", "What the attempts wrote whose results were up to date.", _TYPE
)
DEAD_LETTERS: Final = Family("trc_dead_letters_total", "counter", "Tasks that failed for good.", _TYPE)
HOOK_MESSAGES: Final = Family(
    "trc_hook_messages_total",
    "counter",
    "Messages of hooks that were tried beside runs, by how that ended.",
    ("pipeline", "end"),
)
COMMIT_SECONDS: Final = Family(
    "trc_store_commit_seconds", "histogram", "How long the state store took to commit.", _PIPELINE, _SHORT
)
RUNNING: Final = Family("trc_tasks_running", "gauge", "Tasks of which an attempt is under way.", _PIPELINE)
READY: Final = Family(
    "trc_tasks_ready", "gauge", "Tasks that only wait for their turn, or to be tried again.", _PIPELINE
)
TASK_SECONDS: Final = Family("trc_task_last_duration_seconds", "gauge", "How long the task's last attempt ran.", _TASK)
TASK_ROWS: Final = Family("trc_task_last_rows", "gauge", "The rows that the task published last.", _TASK)
TASK_BYTES: Final = Family("trc_task_last_bytes", "gauge", "The bytes that the task published last.", _TASK)
TASK_SUCCESS: Final = Family(
    "trc_task_last_success_timestamp_seconds", "gauge", "When the task last succeeded, or was found up to date.", _TASK
)

FAMILIES: Final = (
    RUNS,
    RUN_SECONDS,
    LAST_RUN,
    TASK_RUNS,
    ATTEMPTS,
    RETRIES,
    ATTEMPT_SECONDS,
    QUEUE_SECONDS,
    CPU_SECONDS,
    ROWS,
    BYTES,
    SAVED_SECONDS,
    SAVED_BYTES,
    DEAD_LETTERS,
    HOOK_MESSAGES,
    COMMIT_SECONDS,
    RUNNING,
    READY,
    TASK_SECONDS,
    TASK_ROWS,
    TASK_BYTES,
    TASK_SUCCESS,
)
"""All that there are, in the order in which they are written."""

_WAITING: Final[frozenset[TaskState]] = frozenset({"pending"})
_UNDER_WAY: Final[frozenset[TaskState]] = frozenset({"claimed", "running"})
_ENDED: Final = frozenset({"success", "failure", "lost", "canceled"})
_UP_TO_DATE: Final[frozenset[TaskState]] = frozenset({"success", "skipped"})

Savings = Mapping[str, tuple[float, int]]
"""By skipped task, the seconds and the bytes that its last success took, where the journal tells."""


class Reader(Protocol):
    """Takes the numbers to where they are read."""

    @property
    def problems(self) -> Sequence[Diagnostic]:
        """Why it could not."""
        ...

    def show(self, series: Mapping[Series, float]) -> None:
        """These are the numbers of the run by now."""
        ...

    def close(self, series: Mapping[Series, float]) -> None:
        """These were the last ones."""
        ...


@dataclass(slots=True)
class RunMetrics:
    """Counts and measures one run. The `readers` are shown its numbers every `every` seconds, and at its end.

    `saved` is asked once, at the end of a run in which tasks were skipped.
    """

    spec: PipelineSpec
    readers: Sequence[Reader]
    saved: Callable[[RunRecord], Savings]
    by_task: bool = False
    every: float = 2.0
    now: Callable[[], float] = time.time
    numbers: Numbers = field(default_factory=lambda: Numbers(FAMILIES))
    _types: dict[str, str] = field(init=False)
    _states: dict[str, TaskState] = field(default_factory=dict[str, TaskState])
    _ready_at: dict[str, float] = field(default_factory=dict[str, float])
    """When a task could have begun."""
    _pipeline: tuple[str] = field(init=False)
    _ready: int = 0
    _running: int = 0
    _has_skipped: bool = False
    _shown_at: float = 0.0
    _state: RunState = "running"

    def __post_init__(self) -> None:
        self._types = {task.name: task.type for task in self.spec.tasks}
        self._pipeline = (self.spec.name,)

    @property
    def problems(self) -> Sequence[Diagnostic]:
        return [problem for reader in self.readers for problem in reader.problems]

    def hear(self, happening: Happening) -> None:
        match happening:
            case TaskMoved():
                self._moved(happening)
            case Ticked():
                if happening.at - self._shown_at >= self.every:
                    self._shown_at = happening.at
                    self._show()
            case RunOpened():
                self._shown_at = self.now()
                self._show()
            case MessagesTried():
                for end, count in happening.counts.items():
                    self.numbers.add(HOOK_MESSAGES, (self.spec.name, end), count)
            case RunFinished():
                self._finished(happening.run, happening.state)
            case _:
                pass

    def committed(self, seconds: float) -> None:
        """The state store took that long to commit."""
        self.numbers.observe(COMMIT_SECONDS, self._pipeline, seconds)

    def close(self) -> None:
        self._ready = self._running = 0
        series = self._series()
        for reader in self.readers:
            reader.close(series)

    def _show(self) -> None:
        series = self._series()
        for reader in self.readers:
            reader.show(series)

    def _series(self) -> dict[Series, float]:
        self.numbers.set(RUNNING, self._pipeline, self._running)
        self.numbers.set(READY, self._pipeline, self._ready)
        return self.numbers.series()

    def _finished(self, run: RunRecord, state: RunState) -> None:
        ended_at = run.ended_at or self.now()
        self.numbers.add(RUNS, (self.spec.name, state))
        self.numbers.set(LAST_RUN, (self.spec.name, state), ended_at)
        if not run.resumed:
            # Of another, the time is the sum of several goes at it, with what lay between them.
            self.numbers.observe(RUN_SECONDS, self._pipeline, max(0.0, ended_at - run.created_at))
        if self._has_skipped:
            for task, (seconds, size) in self.saved(run).items():
                labels = self._labels(task)
                self.numbers.add(SAVED_SECONDS, labels, seconds)
                self.numbers.add(SAVED_BYTES, labels, size)

    def _labels(self, task: str) -> tuple[str, str]:
        return self.spec.name, self._types.get(task_called(task), "")

    def _moved(self, moved: TaskMoved) -> None:
        record = moved.record
        labels = self._labels(record.task)
        for attempt in moved.attempts:
            self._tried(attempt, labels)
        self._gauge(record)
        if record.state == "pending":
            self._ready_at[record.task] = moved.retry_at or self.now()
        elif record.state in FINAL:
            self._ended(record, labels, moved.outputs)

    def _gauge(self, record: TaskRecord) -> None:
        before = self._states.get(record.task)
        self._states[record.task] = record.state
        self._ready += (record.state in _WAITING) - (before in _WAITING)
        self._running += (record.state in _UNDER_WAY) - (before in _UNDER_WAY)

    def _tried(self, attempt: AttemptRecord, labels: tuple[str, str]) -> None:
        if attempt.state == "claimed":
            if attempt.number > 1:
                self.numbers.add(RETRIES, labels)
            self._ready_at.setdefault(attempt.task, attempt.claimed_at)
            return
        ready_at = self._ready_at.pop(attempt.task, None) if attempt.started_at is not None else None
        if ready_at is not None and attempt.started_at is not None:
            self.numbers.observe(QUEUE_SECONDS, labels, max(0.0, attempt.started_at - ready_at))
        if attempt.state in _ENDED:
            self.numbers.add(ATTEMPTS, (*labels, attempt.state))
            if attempt.started_at is not None and attempt.ended_at is not None:
                self._took(attempt.task, labels, max(0.0, attempt.ended_at - attempt.started_at))
            cpu = (attempt.result or {}).get("cpu_seconds")
            if cpu:
                self.numbers.add(CPU_SECONDS, labels, cpu)

    def _took(self, task: str, labels: tuple[str, str], seconds: float) -> None:
        self.numbers.observe(ATTEMPT_SECONDS, labels, seconds)
        if self.by_task:
            self.numbers.set(TASK_SECONDS, (self.spec.name, task), seconds)

    def _ended(self, record: TaskRecord, labels: tuple[str, str], outputs: Sequence[StoredOutput]) -> None:
        self._ready_at.pop(record.task, None)
        self.numbers.add(TASK_RUNS, (*labels, record.state))
        if record.state == "failure":
            self.numbers.add(DEAD_LETTERS, labels)
        self._has_skipped |= record.state == "skipped"
        rows = [one.rows for one in outputs if one.rows is not None]
        size = sum(one.size for one in outputs)
        if rows:
            self.numbers.add(ROWS, labels, sum(rows))
        if outputs:
            self.numbers.add(BYTES, labels, size)
        if self.by_task:
            self._ended_by_task(record, sum(rows) if rows else None, size if outputs else None)

    def _ended_by_task(self, record: TaskRecord, rows: int | None, size: int | None) -> None:
        labels = (self.spec.name, record.task)
        if record.state in _UP_TO_DATE:
            self.numbers.set(TASK_SUCCESS, labels, record.ended_at or self.now())
        if rows is not None:
            self.numbers.set(TASK_ROWS, labels, rows)
        if size is not None:
            self.numbers.set(TASK_BYTES, labels, size)
