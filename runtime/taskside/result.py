"""The attempt's result: what it wrote to its staging files, or why it failed, as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

RESULT_VERSION = 1


@dataclass(frozen=True)
class Failure:
    """Why an attempt failed.

    `kind` is `temporary`, `permanent` or `unknown` (retried as temporary); `reason` is what happened:
    `error` (raised or reported), `exit` (a process's exit code), `signal`, `memory`, `timeout`,
    `lost`, `input_moved` or `output_missing`.
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


@dataclass(frozen=True)
class WrittenOutput:
    """A staged file: its size in bytes, the digest of its bytes, and its rows where the writer counted them."""

    name: str
    path: str
    size: int
    digest: str
    rows: int | None = None


@dataclass(frozen=True)
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
    version: int = RESULT_VERSION

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> AttemptResult:
        """The result that `to_json` wrote; raises ValueError for another version."""
        raw = json.loads(text)
        if raw.get("version") != RESULT_VERSION:
            message = f"this task result has version {raw.get('version')!r}; this runtime reads {RESULT_VERSION}"
            raise ValueError(message)
        raw["failure"] = None if raw["failure"] is None else Failure(**raw["failure"])
        raw["outputs"] = tuple(WrittenOutput(**one) for one in raw["outputs"])
        return cls(**raw)
