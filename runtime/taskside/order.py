"""The task order: all that one attempt needs to know, as JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

ORDER_VERSION = 1


@dataclass(frozen=True)
class OrderInput:
    """Data to read: the files that were listed when the attempt began, in order.

    `spans` are the ranges `[start, end)` of the query's text that name these files and stand for
    the list; without any, the input is known to the query as the table `name`.
    """

    name: str
    format: str
    files: tuple[str, ...]
    spans: tuple[tuple[int, int], ...] = ()
    columns: tuple[tuple[str, str], ...] | None = None
    """Names and DuckDB types, where they were declared, or are known from the query that wrote the files."""
    written: bool = False
    """Whether trc itself wrote the files from a query: in one dialect, where an empty text is no null."""


@dataclass(frozen=True)
class OrderOutput:
    """Where to write: `path` is a staging file that is published when the attempt succeeds."""

    name: str
    format: str
    path: str
    uri: str | None = None
    """Where the file will be seen once published; None for an intermediate."""


@dataclass(frozen=True)
class OrderSecret:
    """A secret's value, and the places in the order that it is for: `("env", name)`, or `("params", …)`."""

    ref: str
    value: str = field(repr=False)
    places: tuple[tuple[str | int, ...], ...]


@dataclass(frozen=True)
class TaskOrder:
    """One attempt of one task. Paths are absolute; `token` names the attempt and fences its result."""

    run: str
    pipeline: str
    task: str
    attempt: int
    token: str
    runs: str
    """`module:function` of the task type's own side."""
    project: str
    """The folder that the task's relative paths are relative to."""
    log: str
    """The file that takes what the attempt prints."""
    run_time: str
    """The run's logical time, ISO 8601 with zone."""
    idempotency_key: str
    """Equal for all attempts of this task in this run."""
    params: dict[str, Any] = field(default_factory=dict)
    query: str | None = None
    inputs: tuple[OrderInput, ...] = ()
    outputs: tuple[OrderOutput, ...] = ()
    env: dict[str, str] = field(default_factory=dict)
    memory: int | None = None
    """Bytes that the attempt may use."""
    memory_share: int | None = None
    """Bytes that an engine may fill before it spills to disk, where `memory` sets no limit."""
    threads: int | None = None
    retry_on: tuple[int, ...] = ()
    secrets: tuple[OrderSecret, ...] = ()
    """The only part of the order that holds values of secrets: all else names them."""
    version: int = ORDER_VERSION

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(self.to_dict(), separators=(",", ":"))

    def to_dict(self) -> dict[str, Any]:
        """The fields, ready for JSON. Written out: `dataclasses.asdict` costs more than a small task."""
        raw: dict[str, Any] = {
            "version": self.version,
            "run": self.run,
            "pipeline": self.pipeline,
            "task": self.task,
            "attempt": self.attempt,
            "token": self.token,
            "runs": self.runs,
            "project": self.project,
            "log": self.log,
            "run_time": self.run_time,
            "idempotency_key": self.idempotency_key,
            "params": dict(self.params),
            "query": self.query,
            "inputs": [
                {
                    "name": one.name,
                    "format": one.format,
                    "files": one.files,
                    "spans": one.spans,
                    "columns": one.columns,
                    "written": one.written,
                }
                for one in self.inputs
            ],
            "outputs": [
                {"name": one.name, "format": one.format, "path": one.path, "uri": one.uri} for one in self.outputs
            ],
            "env": dict(self.env),
            "memory": self.memory,
            "memory_share": self.memory_share,
            "threads": self.threads,
            "retry_on": self.retry_on,
        }
        if self.secrets:
            raw["secrets"] = [{"ref": one.ref, "value": one.value, "places": one.places} for one in self.secrets]
        return raw

    @classmethod
    def from_json(cls, text: str | bytes) -> TaskOrder:
        """The order that `to_json` wrote; raises ValueError for another version."""
        return cls.from_dict(json.loads(text))

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> TaskOrder:
        """The order that `to_dict` wrote, which is used up; raises ValueError for another version."""
        if raw.get("version") != ORDER_VERSION:
            message = f"this task order has version {raw.get('version')!r}; this runtime reads {ORDER_VERSION}"
            raise ValueError(message)
        raw["inputs"] = tuple(
            OrderInput(
                one["name"],
                one["format"],
                tuple(one["files"]),
                tuple((start, end) for start, end in one["spans"]),
                None if one["columns"] is None else tuple((name, kind) for name, kind in one["columns"]),
                one["written"],
            )
            for one in raw["inputs"]
        )
        raw["outputs"] = tuple(OrderOutput(**one) for one in raw["outputs"])
        raw["retry_on"] = tuple(raw["retry_on"])
        if "secrets" in raw:
            raw["secrets"] = tuple(
                OrderSecret(one["ref"], one["value"], tuple(tuple(place) for place in one["places"]))
                for one in raw["secrets"]
            )
        return cls(**raw)
