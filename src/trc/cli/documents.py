"""The JSON forms of what commands print: times in ISO 8601, durations in seconds, sizes in bytes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from trc.runtime.partitions import Manifest
from trc.runtime.reasons import CHECK_ONLY, Reason
from trc.runtime.reported import verdicts_of
from trc.runtime.store.journal import AttemptRecord, RunRecord, TaskRecord
from trc.runtime.store.results import StoredOutput


def run_document(run: RunRecord) -> dict[str, Any]:
    return {
        "id": run.id,
        "pipeline": run.pipeline,
        "file": run.file,
        "state": run.state,
        "logical_time": run.logical_time,
        "created_at": time_document(run.created_at),
        "ended_at": time_document(run.ended_at),
        "seconds": seconds_between(run.created_at, run.ended_at),
        "resumed": run.resumed,
    }


def task_document(record: TaskRecord, outputs: Sequence[StoredOutput] = ()) -> dict[str, Any]:
    return {
        "task": record.task,
        "state": record.state,
        "attempt": record.attempt,
        "reason": reason_document(reason_of(record)),
        "error": dict(record.error) if record.error is not None else None,
        "blocked_by": record.blocked_by,
        "started_at": time_document(record.started_at),
        "ended_at": time_document(record.ended_at),
        "seconds": seconds_between(record.started_at, record.ended_at),
        "outputs": [output_document(output) for output in outputs],
    }


def attempt_document(attempt: AttemptRecord) -> dict[str, Any]:
    return {
        "task": attempt.task,
        "number": attempt.number,
        "state": attempt.state,
        "log": attempt.log or None,
        "started_at": time_document(attempt.started_at),
        "ended_at": time_document(attempt.ended_at),
        "seconds": seconds_between(attempt.started_at, attempt.ended_at),
        "cpu_seconds": _used(attempt, "cpu_seconds"),
        "peak_memory": _used(attempt, "peak_memory"),
        "error": attempt_error(attempt),
        "expectations": [one.to_dict() for one in verdicts_of(attempt)],
    }


def _used(attempt: AttemptRecord, what: str) -> float | None:
    """What an attempt used; None where nobody could tell."""
    used: float | None = (attempt.result or {}).get(what)
    return used or None


def output_document(output: StoredOutput) -> dict[str, Any]:
    gathered = {} if output.members is None else {"files": [one.path for one in output.files]}
    return {
        "name": output.name,
        **gathered,
        "path": None if output.is_view else output.path or None,
        "rows": output.rows,
        "size": output.size,
        "digest": output.digest,
    }


def parts_document(parts: Manifest) -> dict[str, Any]:
    """Which partitions an output was put together of, or why it was not."""
    built = [
        {
            "value": one.label,
            "rows": one.rows,
            "size": one.size,
            "files": one.files,
            "built_at": time_document(one.built_at),
            "run": one.run,
            "code": one.code,
            "key": one.key,
        }
        for one in parts.parts
    ]
    return {"column": parts.column, "why": parts.why, "built": built}


def reason_document(reason: Reason | None) -> dict[str, Any] | None:
    """The recorded fact with its sentence; None where nothing was decided."""
    if reason is None:
        return None
    changes = [{"field": change.field, "old": change.old, "new": change.new} for change in reason.changes]
    return {"code": reason.code, "detail": reason.detail, "text": reason.sentence(), "changes": changes}


def time_document(at: float | None) -> str | None:
    """A time of the epoch in UTC, to the millisecond."""
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")


def seconds_between(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else round(end - start, 3)


def reason_of(record: TaskRecord) -> Reason | None:
    """Why the task ran or did not, if that was decided."""
    return Reason.from_json(record.reason) if record.reason else None


def is_checked_only(record: TaskRecord) -> bool:
    """Whether the task itself did not run, and its stored output was held to its expectations."""
    return record.state == "success" and record.reason.get("code") in CHECK_ONLY


def attempt_error(attempt: AttemptRecord) -> dict[str, Any] | None:
    """The failure of an attempt that has one."""
    failure = (attempt.result or {}).get("failure")
    return None if failure is None else dict(failure)
