"""The structured log of a run: what trc itself has to say of it, a line each."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal

from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.runtime.observe import (
    EnvironmentMoved,
    Happening,
    MessagesTried,
    RunFinished,
    RunOpened,
    TaskMoved,
    TaskProgressed,
    Ticked,
    Waiting,
    Wished,
)
from trc.runtime.reasons import Reason
from trc.runtime.reported import in_words, verdicts_of
from trc.runtime.scheduler.state import FINAL
from trc.runtime.spec import PipelineSpec
from trc.runtime.store.journal import AttemptRecord, RunState, TaskRecord, TaskState
from trc.runtime.store.results import StoredOutput
from trc.runtime.telemetry.lines import Lines
from trc.runtime.telemetry.masking import Mask, unmasked

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["json", "human"]
Entry = Mapping[str, Any]
"""A line to be: `time`, `level`, `event`, `pipeline`, `run`, where they are known `task` and `attempt`, then what the event has."""

LEVELS: Final[Mapping[Level, int]] = {"debug": 0, "info": 1, "warning": 2, "error": 3}
_RUN_LEVELS: Final[Mapping[RunState, Level]] = {"failure": "error", "canceled": "warning", "abandoned": "warning"}
_TASK_LEVELS: Final[Mapping[TaskState, Level]] = {
    "waiting": "debug",
    "pending": "debug",
    "failure": "error",
    "upstream_failed": "warning",
    "canceled": "warning",
}
_ATTEMPT_LEVELS: Final[Mapping[str, Level]] = {"failure": "warning", "lost": "warning", "canceled": "warning"}
_SEVERITIES: Final[Mapping[str, Level]] = {"error": "error", "warning": "warning", "note": "info"}
# One for all lines: `json.dumps` with separators builds a new one each time.
_encode: Final = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


@dataclass(slots=True)
class RunLog:
    """Writes what happens in a run, from the level `least` on. Lines wait until time passes, so that many cost one write."""

    spec: PipelineSpec
    lines: Lines
    format: Format = "json"
    least: Level = "info"
    mask: Mask = unmasked
    now: Callable[[], float] = time.time
    _run: str = ""
    _ends: Counter[str] = field(default_factory=Counter[str])

    @property
    def problems(self) -> Sequence[Diagnostic]:
        return self.lines.problems

    def hear(self, happening: Happening) -> None:
        match happening:
            case TaskMoved():
                self._moved(happening)
            case TaskProgressed():
                told = {"done": happening.done, "total": happening.total}
                self._tell("debug", "task.progress", told, task=happening.task)
            case EnvironmentMoved():
                self._environment(happening)
            case RunOpened():
                self._opened(happening)
            case Waiting():
                self._tell("info", "run.waiting", {"uri": happening.uri, "holder": happening.run})
            case Wished():
                self._tell("info", "run.wished", {"wish": happening.wish})
            case RunFinished():
                self._finished(happening)
            case Ticked() | MessagesTried():
                pass
        if not isinstance(happening, TaskMoved):
            self.lines.flush()

    def diagnostics(self, run: str, found: Sequence[Diagnostic]) -> None:
        """What is told to people at the end of the run: mistakes and warnings with their codes."""
        self._run = run
        for one in found:
            told: dict[str, Any] = {"code": one.code, "message": one.message, "help": list(one.help)}
            if one.span is not None:
                told["file"] = one.span.file
            self._tell(_SEVERITIES[one.severity], "diagnostic", told, task=one.task)

    def close(self) -> None:
        self.lines.close()

    def _environment(self, moved: EnvironmentMoved) -> None:
        told: dict[str, Any] = {"what": moved.what, "tasks": list(moved.tasks)}
        if moved.state != "building":
            told["seconds"] = round(moved.seconds, 6)
        level: Level = "warning" if moved.state == "failed" else "info"
        self._tell(level, f"environment.{moved.state}", told, moved.at)

    def _opened(self, opened: RunOpened) -> None:
        run = opened.run
        self._run = run.id
        told = {"resumed": opened.resumed, "logical_time": run.logical_time, "tasks": len(opened.plan.tasks)}
        self._tell("info", "run.opened", told | {"file": run.file})

    def _finished(self, finished: RunFinished) -> None:
        run = finished.run
        level: Level = _RUN_LEVELS.get(finished.state, "info")
        told: dict[str, Any] = {"state": finished.state, "tasks": dict(self._ends)}
        if run.ended_at is not None:
            told["seconds"] = _seconds(run.created_at, run.ended_at)
        self._tell(level, "run.finished", told, run.ended_at)

    def _moved(self, moved: TaskMoved) -> None:
        record = moved.record
        for attempt in moved.attempts:
            self._tried(attempt)
        for output in moved.outputs:
            self._tell("info", "output.published", _written(output), record.ended_at, record.task, record.attempt)
        if moved.retry_at is not None:
            told = {"in_seconds": _seconds(self.now(), moved.retry_at), "error": _told(record.error or {})}
            self._tell("info", "task.retry", told, None, record.task, record.attempt + 1)
        level: Level = _TASK_LEVELS.get(record.state, "info")
        # What an attempt is doing is told of the attempt.
        if record.state not in {"claimed", "running"} and self._wants(level):
            self._tell(level, "task.moved", _standing(record), record.ended_at, record.task, record.attempt or None)
        if record.state in FINAL:
            self._ends[record.state] += 1

    def _tried(self, attempt: AttemptRecord) -> None:
        who = attempt.task, attempt.number
        if attempt.state == "claimed":
            self._tell("info", "attempt.claimed", {}, attempt.claimed_at, *who)
        elif attempt.state == "running":
            self._tell("info", "attempt.running", {}, attempt.started_at, *who)
        else:
            level: Level = _ATTEMPT_LEVELS.get(attempt.state, "info")
            self._tell(level, "attempt.ended", _ended(attempt), attempt.ended_at, *who)
            for verdict in verdicts_of(attempt):
                if not verdict.passed:
                    told = {"expectation": verdict.name, "severity": verdict.severity, "found": in_words(verdict)}
                    self._tell("warning", "expectation.broken", told, attempt.ended_at, *who)

    def _wants(self, level: Level) -> bool:
        return LEVELS[level] >= LEVELS[self.least]

    def _tell(  # noqa: PLR0917 - what a line says
        self,
        level: Level,
        event: str,
        fields: Mapping[str, Any],
        at: float | None = None,
        task: str | None = None,
        attempt: int | None = None,
    ) -> None:
        if not self._wants(level):
            return
        entry: dict[str, Any] = {
            "time": _stamp(self.now() if at is None else at),
            "level": level,
            "event": event,
            "pipeline": self.spec.name,
            "run": self._run,
        }
        if task is not None:
            entry["task"] = task
        if attempt is not None:
            entry["attempt"] = attempt
        entry.update(self.mask(fields))
        self.lines.add(_encode(entry) if self.format == "json" else human(entry))


def human(entry: Entry) -> str:
    """The line for people: time, level and event, then names with values.

    >>> human({"time": "T", "level": "info", "event": "task.moved", "pipeline": "p", "task": "a b", "seconds": 0.5})
    'T info    task.moved pipeline=p task="a b" seconds=0.5'
    """
    head = f"{entry['time']} {entry['level']:<7} {entry['event']}"
    names = [name for name in entry if name not in {"time", "level", "event"}]
    return " ".join([head, *(f"{name}={_shown(entry[name])}" for name in names)])


def _shown(value: Any) -> str:
    if isinstance(value, str) and value.isprintable() and value and not set(value) & set(' "=\\'):
        return value
    return json.dumps(value, ensure_ascii=not isinstance(value, str) or not value.isprintable())


def _stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _seconds(start: float, end: float) -> float:
    return round(max(0.0, end - start), 6)


def _standing(record: TaskRecord) -> dict[str, Any]:
    told: dict[str, Any] = {"state": record.state}
    if record.reason:
        reason = Reason.from_json(record.reason)
        told |= {"reason": reason.code, "why": reason.sentence()}
    if record.blocked_by is not None:
        told["blocked_by"] = record.blocked_by
    if record.error is not None and record.state == "failure":
        told["error"] = _told(record.error)
    return told


def _ended(attempt: AttemptRecord) -> dict[str, Any]:
    result = attempt.result or {}
    told: dict[str, Any] = {"state": attempt.state}
    if attempt.started_at is not None and attempt.ended_at is not None:
        told["seconds"] = _seconds(attempt.started_at, attempt.ended_at)
    told |= {name: result[name] for name in ("cpu_seconds", "peak_memory") if result.get(name)}
    if result.get("message"):
        told["message"] = result["message"]
    if result.get("failure") is not None:
        told["error"] = _told(result["failure"])
    return told


def _told(failure: Mapping[str, Any]) -> dict[str, Any]:
    """A failure without its trace, which is in the attempt's own log."""
    return dict(_parts(failure))


def _parts(failure: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name in ("message", "kind", "reason", "type", "exit_code"):
        if failure.get(name) not in {None, ""}:
            yield name, failure[name]


def _written(output: StoredOutput) -> dict[str, Any]:
    told: dict[str, Any] = {"output": output.name}
    if output.path:
        told |= {"path": output.path, "bytes": output.size}
    if output.rows is not None:
        told["rows"] = output.rows
    return told | {"digest": output.digest}
