"""The plan: what will be done with each task, and why; the standard library alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from trc.runtime.reasons import Reason

Action = Literal["run", "skip", "maybe", "blocked"]
PLAN_VERSION = 1


@dataclass(frozen=True, slots=True)
class PlannedTask:
    """A task and what is foreseen for it: `maybe` is decided when what it reads is there."""

    task: str
    action: Action
    reason: Reason
    key: str | None = None
    """The key, where it is known before the run."""


@dataclass(frozen=True, slots=True)
class PassNote:
    """What the pass `by` did about how a task's output is kept, or which precondition kept it from that."""

    by: str
    task: str
    applied: bool
    text: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would do now; tasks in an order in which they can run."""

    pipeline: str
    digest: str
    """Of the pipeline as compiled."""
    logical_time: str
    tasks: tuple[PlannedTask, ...]
    notes: tuple[PassNote, ...] = ()
    """What the passes did, and why they did not."""
    left_out: tuple[str, ...] = ()
    """The pipeline's other tasks, where only a part of it was asked for."""

    def count(self, action: Action) -> int:
        return sum(task.action == action for task in self.tasks)

    def to_json(self) -> dict[str, Any]:
        """As `trc plan --json` prints it."""
        return {
            "version": PLAN_VERSION,
            "pipeline": self.pipeline,
            "digest": self.digest,
            "logical_time": self.logical_time,
            "tasks": [
                {
                    "task": task.task,
                    "action": task.action,
                    "reason": task.reason.to_json() | {"text": task.reason.sentence()},
                    "key": task.key,
                }
                for task in self.tasks
            ],
            "passes": [
                {"pass": one.by, "task": one.task, "applied": one.applied, "text": one.text} for one in self.notes
            ],
            "left_out": list(self.left_out),
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Plan:
        """What `to_json` wrote; raises ValueError for another version."""
        if raw.get("version") != PLAN_VERSION:
            raise ValueError(f"this plan has version {raw.get('version')!r}; this trc reads {PLAN_VERSION}")
        tasks = tuple(
            PlannedTask(one["task"], one["action"], Reason.from_json(one["reason"]), one["key"]) for one in raw["tasks"]
        )
        notes = tuple(PassNote(one["pass"], one["task"], one["applied"], one["text"]) for one in raw.get("passes", ()))
        left_out = tuple(raw.get("left_out", ()))
        return cls(raw["pipeline"], raw["digest"], raw["logical_time"], tasks, notes, left_out)
