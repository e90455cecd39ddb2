"""The plan: what will be done with each task, and why; the standard library alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from trc.runtime.reasons import Reason
from trc.runtime.taskside.records import record

Action = Literal["run", "skip", "maybe", "omit", "blocked"]
"""`omit`: its condition is false, or it reads what is omitted."""
PLAN_VERSION = 1
PLAN_SUFFIX = ".trcplan"
"""How the name of a file ends that holds a saved plan."""


@record(frozen=True, slots=True)
class PlannedPartitions:
    """Of a task that is to run by partition: how many there are, and which are computed; `why` it runs over all at once."""

    column: str
    total: int = 0
    to_run: tuple[str, ...] = ()
    why: str = ""

    def to_json(self) -> dict[str, Any]:
        """As a plan holds it."""
        return {"column": self.column, "total": self.total, "to_run": list(self.to_run), "why": self.why}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> PlannedPartitions:
        """What `to_json` wrote."""
        return cls(raw["column"], raw["total"], tuple(raw["to_run"]), raw["why"])


@record(frozen=True, slots=True)
class PlannedTask:
    """A task and what is foreseen for it: `maybe` is decided when what it reads is there."""

    task: str
    action: Action
    reason: Reason
    key: str | None = None
    """The key, where it is known before the run."""
    partitions: PlannedPartitions | None = None
    """What is computed of it, where it is to run by partition and that is known before the run."""

    def to_json(self) -> dict[str, Any]:
        """As a plan holds it."""
        told: dict[str, Any] = {
            "task": self.task,
            "action": self.action,
            "reason": self.reason.to_json() | {"text": self.reason.sentence()},
            "key": self.key,
        }
        return told if self.partitions is None else told | {"partitions": self.partitions.to_json()}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> PlannedTask:
        """What `to_json` wrote."""
        found = raw.get("partitions")
        partitions = None if found is None else PlannedPartitions.from_json(found)
        return cls(raw["task"], raw["action"], Reason.from_json(raw["reason"]), raw["key"], partitions)


@record(frozen=True, slots=True)
class PassNote:
    """What the pass `by` did about how a task's output is kept, or which precondition kept it from that."""

    by: str
    task: str
    applied: bool
    text: str


@record(frozen=True, slots=True)
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
            "tasks": [task.to_json() for task in self.tasks],
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
        tasks = tuple(PlannedTask.from_json(one) for one in raw["tasks"])
        notes = tuple(PassNote(one["pass"], one["task"], one["applied"], one["text"]) for one in raw.get("passes", ()))
        left_out = tuple(raw.get("left_out", ()))
        return cls(raw["pipeline"], raw["digest"], raw["logical_time"], tasks, notes, left_out)
