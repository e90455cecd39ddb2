"""The attempt's result: what it wrote to its staging files, or why it failed, as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import field
from typing import Any

from trc.runtime.taskside.records import record
from trc.runtime.taskside.tuples import Tuples

RESULT_VERSION = 1


@record(frozen=True)
class Failure:
    """Why an attempt failed.

    `kind` is `temporary`, `permanent` or `unknown` (retried as temporary); `reason` is what happened:
    `error` (raised or reported), `exit` (a process's exit code), `signal`, `memory`, `timeout`,
    `lost`, `input_moved`, `output_missing`, `expectation` (the data breaks one) or `unchecked` (one could
    not be evaluated).
    """

    message: str
    kind: str = "unknown"
    reason: str = "error"
    type: str = ""
    """The exception's class, where there was one."""
    trace: str = ""
    exit_code: int | None = None
    query_offset: int | None = None
    """The character of the task's query that the engine complained about."""
    classes: tuple[str, ...] = ()
    """The exception's class and those above it, the nearest first, each with its module."""

    def to_dict(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        return {
            "message": self.message,
            "kind": self.kind,
            "reason": self.reason,
            "type": self.type,
            "trace": self.trace,
            "exit_code": self.exit_code,
            "query_offset": self.query_offset,
            "classes": list(self.classes),
        }

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Failure:
        """The failure that `to_dict` wrote."""
        return cls(**{**raw, "classes": tuple(raw.get("classes", ()))})


@record(frozen=True)
class WrittenOutput:
    """A staged file: its size in bytes, the digest of its bytes, and its rows where the writer counted them."""

    name: str
    path: str
    size: int
    digest: str
    rows: int | None = None
    tuples: Tuples | None = None
    """The digests of its tuples, where they were asked for and could be taken."""

    def to_dict(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        raw: dict[str, Any] = {
            "name": self.name,
            "path": self.path,
            "size": self.size,
            "digest": self.digest,
            "rows": self.rows,
        }
        if self.tuples is not None:
            raw["tuples"] = self.tuples.to_dict()
        return raw

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> WrittenOutput:
        """What `to_dict` wrote."""
        return cls(**{**raw, "tuples": Tuples.from_dict(raw["tuples"])}) if "tuples" in raw else cls(**raw)


@record(frozen=True)
class Verdict:
    """What an expectation found: `failing` rows of `rows` break it, or `error` says why nobody knows."""

    name: str
    severity: str
    passed: bool
    rows: int = 0
    failing: int | None = None
    found: str = ""
    """What was found instead, in the reader's words."""
    error: str = ""
    sample: tuple[dict[str, Any], ...] = ()
    """A few of the failing rows, where they were asked for."""
    kept: str = ""
    """The file of failing rows, where they were asked for."""

    def to_dict(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        return {
            "name": self.name,
            "severity": self.severity,
            "passed": self.passed,
            "rows": self.rows,
            "failing": self.failing,
            "found": self.found,
            "error": self.error,
            "sample": list(self.sample),
            "kept": self.kept,
        }

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Verdict:
        """The verdict that `to_dict` wrote."""
        return cls(**{**raw, "sample": tuple(raw["sample"])})


@record(frozen=True)
class AttemptResult:
    """How an attempt ended. Times are seconds since the epoch; `peak_memory` is in bytes."""

    token: str
    failure: Failure | None = None
    outputs: tuple[WrittenOutput, ...] = ()
    values: dict[str, Any] = field(default_factory=dict)
    """Small values that the task returned, at most 256 KiB of JSON."""
    message: str = ""
    started_at: float = 0.0
    ended_at: float = 0.0
    cpu_seconds: float = 0.0
    peak_memory: int = 0
    checks: tuple[Verdict, ...] = ()
    submitted: tuple[dict[str, Any], ...] = ()
    """The sub-tasks that are to begin with its success, each as `Submissions` writes it."""
    version: int = RESULT_VERSION

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(self.to_dict(), separators=(",", ":"))

    def to_dict(self) -> dict[str, Any]:
        """The fields, ready for JSON. Written out: `dataclasses.asdict` costs more than a small task."""
        raw: dict[str, Any] = {
            "version": self.version,
            "token": self.token,
            "failure": None if self.failure is None else self.failure.to_dict(),
            "outputs": [one.to_dict() for one in self.outputs],
            "values": self.values,
            "message": self.message,
            "started_at": self.started_at,
            "ended_at": self.ended_at,
            "cpu_seconds": self.cpu_seconds,
            "peak_memory": self.peak_memory,
            "checks": [one.to_dict() for one in self.checks],
        }
        if self.submitted:
            raw["submitted"] = list(self.submitted)
        return raw

    @classmethod
    def from_json(cls, text: str | bytes) -> AttemptResult:
        """The result that `to_json` wrote; raises ValueError for another version."""
        return cls.from_dict(json.loads(text))

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> AttemptResult:
        """The result that `to_dict` wrote, which is used up; raises ValueError for another version."""
        if raw.get("version") != RESULT_VERSION:
            message = f"this task result has version {raw.get('version')!r}; this runtime reads {RESULT_VERSION}"
            raise ValueError(message)
        raw["failure"] = None if raw["failure"] is None else Failure.from_dict(raw["failure"])
        raw["outputs"] = tuple(WrittenOutput.from_dict(one) for one in raw["outputs"])
        raw["checks"] = tuple(Verdict.from_dict(one) for one in raw["checks"])
        raw["submitted"] = tuple(raw.get("submitted", ()))
        return cls(**raw)
