"""Says which messages a change of a run's state asks for: they are written down with the change, and delivered later."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final, Literal

from trc.runtime.clock import Clock
from trc.runtime.repeated import is_item, task_called
from trc.runtime.scheduler.failures import INTERRUPTED, failure_facts, was_lost
from trc.runtime.scheduler.state import FINAL
from trc.runtime.spec import HookSpec, PipelineSpec, TaskSpec
from trc.runtime.store.journal import Event, Message, RunRecord, RunState, TaskRecord, TaskState

VERSION: Final = 1
"""Of the form of the bodies: what is added keeps it, anything else raises it."""

_ENDS: Final[Mapping[TaskState, Event]] = {"success": "success", "failure": "failure", "canceled": "cancel"}
_ENDS_OF_RUN: Final[Mapping[RunState, Event]] = {
    "success": "success",
    "failure": "failure",
    "canceled": "cancel",
    "abandoned": "failure",
}
_OF_EACH: Final = frozenset({"failure", "retry"})
"""What hooks of a task are told of each of its items and sub-tasks as well."""
_UNDER_WAY: Final = frozenset({"claimed", "running"})
_LOST: Final = failure_facts(was_lost(INTERRUPTED))
_LONGEST_ERROR: Final = 2_000
_MOST_NAMED: Final = 20


@dataclass(slots=True)
class Hooks:
    """The messages of one run. What they are made of holds no secret's value: errors were masked where they arose."""

    spec: PipelineSpec
    run: RunRecord
    clock: Clock
    previous: Sequence[TaskRecord] = ()
    """Where a run that is taken up stood."""
    _tasks: dict[str, TaskSpec] = field(init=False)
    _begun: set[str] = field(init=False)
    """The tasks that have had an attempt since they were last begun with: the next one is a retry."""
    _interrupted: set[str] = field(init=False)
    """Those of whose attempt nobody will hear how it ended."""

    def __post_init__(self) -> None:
        self._tasks = {task.name: task for task in self.spec.tasks if task.hooks}
        self._begun = {one.task for one in self.previous if one.state not in FINAL and _has_begun(one)}
        self._interrupted = {one.task for one in self.previous if one.state in _UNDER_WAY}

    def of_task(self, record: TaskRecord) -> Iterator[Message]:
        """What a task's new state asks for. A retry may be told of twice, in messages of one id: the store keeps the first."""
        task = self._tasks.get(record.task)
        is_one_of_many = task is None and "[" in record.task
        if is_one_of_many:
            task = self._tasks.get(task_called(record.task))
        if task is None:
            return
        happened = self._happened(record)
        if happened is None:
            return
        event, attempt, error = happened
        # The beginning and the end are those of the task with all that it becomes.
        if is_one_of_many and (event not in _OF_EACH or record.state == "upstream_failed"):
            return
        told: dict[str, Any] = {
            "task": record.task,
            "task_type": task.type,
            "state": record.state,
            "attempt": attempt,
            "reason": record.reason.get("code"),
            "error": _error(error),
            "started_at": _time(record.started_at),
            "ended_at": _time(record.ended_at),
        }
        # An attempt fails once; what has ended may be taken up again, and end once more without another attempt.
        which = str(attempt) if event == "retry" else f"{attempt}/{self.run.resumed}"
        yield from self._messages(task.hooks, event, record.task, which, told)

    def of_beginning(self) -> Iterator[Message]:
        """The run begins, or is taken up again."""
        yield from self._of_run(self.run, "retry" if self.previous else "start", {})

    def of_end(self, run: RunRecord, tasks: Iterable[TaskRecord] = ()) -> Iterator[Message]:
        """The run has come to its end."""
        records = list(tasks)
        failed = [record.task for record in records if record.state == "failure"]
        counts = dict(sorted(Counter(record.state for record in records).items()))
        yield from self._of_run(run, _ENDS_OF_RUN[run.state], {"tasks": counts, "failed": failed[:_MOST_NAMED]})

    def _happened(self, record: TaskRecord) -> tuple[Event, int, Mapping[str, Any] | None] | None:
        """The event, the attempt that it is about, and the error, that a task's new state tells of; None for no event."""
        if record.state == "upstream_failed" and record.blocked_by and is_item(record.blocked_by, record.task):
            failed = {"message": f"{record.blocked_by} failed", "kind": "unknown", "reason": "items"}
            return "failure", record.attempt, failed
        if record.state == "running" and record.token is None and record.task not in self._begun:
            # A repeated task runs as long as its items do, without an attempt of its own.
            self._begun.add(record.task)
            return "start", record.attempt, None
        end = _ENDS.get(record.state)
        if end is not None:
            return end, record.attempt, record.error if end == "failure" else None
        if record.state == "claimed":
            if record.task not in self._begun:
                self._begun.add(record.task)
                return "start", record.attempt, None
            is_interrupted = record.task in self._interrupted
            self._interrupted.discard(record.task)
            return "retry", record.attempt - 1, _LOST if is_interrupted else record.error
        if record.state == "pending" and record.task in self._begun and record.task not in self._interrupted:
            return "retry", record.attempt, record.error
        return None

    def _of_run(self, run: RunRecord, event: Event, more: Mapping[str, Any]) -> Iterator[Message]:
        told: dict[str, Any] = {
            "state": run.state,
            "attempt": run.resumed + 1,
            "started_at": _time(run.created_at),
            "ended_at": _time(run.ended_at),
            **more,
        }
        yield from self._messages(self.spec.hooks, event, None, str(run.resumed), told, run)

    def _messages(  # noqa: PLR0917 - all that a message is about
        self,
        hooks: Iterable[HookSpec],
        event: Event,
        task: str | None,
        which: str,
        told: Mapping[str, Any],
        run: RunRecord | None = None,
    ) -> Iterator[Message]:
        run, now = run or self.run, self.clock.now()
        for hook in hooks:
            if hook.event != event:
                continue
            named = "\0".join((run.id, task or "", event, which, hook.url))
            name = f"msg_{sha256(named.encode()).hexdigest()[:32]}"
            body = {
                "version": VERSION,
                "id": name,
                "type": type_of(event, task),
                "at": _time(now),
                "pipeline": self.spec.name,
                "run": run.id,
                "logical_time": run.logical_time,
                **told,
            }
            text = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
            yield Message(name, run.id, task, event, hook.url, text, now, due_at=now)


def type_of(event: Event, task: str | None) -> str:
    """What a message tells of, in a word: `task.failure`, `pipeline.start`."""
    what: Literal["task", "pipeline"] = "pipeline" if task is None else "task"
    return f"{what}.{event}"


def has_hooks(spec: PipelineSpec) -> bool:
    """Whether anything in the pipeline has hooks."""
    return bool(spec.hooks) or any(task.hooks for task in spec.tasks)


def _has_begun(record: TaskRecord) -> bool:
    if record.state in _UNDER_WAY:
        return True
    return record.attempt > record.lost + record.before or (record.lost > 0 and record.before == 0)


def _error(error: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if error is None:
        return None
    message = str(error.get("message") or "")
    cut = message if len(message) <= _LONGEST_ERROR else f"{message[:_LONGEST_ERROR]}…"
    return {"message": cut, "kind": error.get("kind"), "reason": error.get("reason"), "type": error.get("type")}


def _time(at: float | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
