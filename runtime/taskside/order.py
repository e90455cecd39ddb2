"""The task order: all that one attempt needs to know, as JSON."""

from __future__ import annotations

import json
from dataclasses import field
from typing import Any

from trc.runtime.taskside.items import OrderItem
from trc.runtime.taskside.parts import OrderParts
from trc.runtime.taskside.records import record
from trc.runtime.taskside.tuples import OrderTuples

ORDER_VERSION = 1

SYNC = "trc.runtime.storage.sync.run:synchronise"
"""What orders say that are carried out by whoever speaks to storage, and not by a task's own process."""


@record(frozen=True)
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
    stored: tuple[str, ...] | None = None
    """Of `columns`, those that the files hold, where others were left out because nothing depends on them."""
    query: str | None = None
    """A query that stands for files: its rows are the input."""
    inputs: tuple[OrderInput, ...] = ()
    """What that query reads."""
    etags: tuple[str, ...] = ()
    """Of files that are objects of a store, the ETags that they had when they were listed: a task is given copies.

    Of what lies on the web, what its server told as the version then, if anything: that the task fetches itself.
    """
    sizes: tuple[int, ...] = ()
    """Their sizes in bytes; -1 where a web server does not say."""
    names: tuple[str, ...] = ()
    """Of files that are copies, what they are copies of: what people are told."""


@record(frozen=True)
class OrderOutput:
    """Where to write: `path` is a staging file that is published when the attempt succeeds."""

    name: str
    format: str
    path: str
    uri: str | None = None
    """Where the file will be seen once published; None for an intermediate."""
    columns: tuple[str, ...] | None = None
    """Those to write, of the columns of the task's query; None for all."""
    where: str | None = None
    """A condition on the rows to write; None for all."""
    known: tuple[tuple[str, str], ...] = ()
    """Names and types of all columns of the query, where not all of it is to be written."""
    tuples: OrderTuples | None = None
    """The digests to take of what was written."""


@record(frozen=True)
class OrderCheck:
    """One expectation: `name` tells it from the others; `store_failures` asks for the rows that break it."""

    name: str
    check: str
    arguments: dict[str, Any]
    severity: str = "error"
    store_failures: bool = False


@record(frozen=True)
class OrderChecks:
    """What is expected of the rows of the task's output, before it is published."""

    runs: str
    """`module:function` of what evaluates them."""
    data: OrderInput
    """The staged output, or a stored one that is only checked; named as the task is."""
    place: str
    """Where the output is seen: its suffix tells how a text file is written."""
    items: tuple[OrderCheck, ...] = ()
    looked_up: tuple[OrderInput, ...] = ()
    folder: str = ""
    """Where rows that break expectations are kept."""


@record(frozen=True)
class OrderSecret:
    """A secret's value, and the places in the order that it is for: `("env", name)`, or `("params", …)`."""

    ref: str
    value: str = field(repr=False)
    places: tuple[tuple[str | int, ...], ...]


@record(frozen=True)
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
    checks: OrderChecks | None = None
    parts: OrderParts | None = None
    """How the only output is made part by part; None where the query runs over all that it reads at once."""
    item: OrderItem | None = None
    """What the task is repeated for this time."""
    secrets: tuple[OrderSecret, ...] = ()
    """The only part of the order that holds values of secrets: all else names them."""
    is_async: bool = False
    """Whether it is run by an event loop, beside others: `runs` then answers something to be awaited."""
    environment: str = ""
    """The digest of what the environment holds that its process is to run in; empty for trc's own."""
    handed: dict[str, Any] = field(default_factory=dict)
    """By parameter of the query, the values that it is handed of the results of other tasks."""
    trace: dict[str, str] = field(default_factory=dict)
    """TRACEPARENT, and what else names the span that the attempt is part of; empty where no traces are told."""
    image: str = ""
    """The image that its container is made of, as the author says. This and what follows is for whoever makes the container."""
    system_packages: tuple[str, ...] = ()
    cpus: float | None = None
    gpus: int | None = None
    resources: tuple[tuple[str, int], ...] = ()
    """By name, how many of what nodes of a cluster offer. This and the labels are for whoever chooses the node."""
    node_labels: tuple[tuple[str, str], ...] = ()
    scratch: str = ""
    """A folder for what does not fit into memory; empty for one beside the outputs, where process ids are this machine's."""
    network: dict[str, Any] = field(default_factory=dict)
    """The `hosts` and `networks` that it may call beyond public addresses; empty for none."""
    fills: str = ""
    """The prefix that takes what it leaves in the folder `filling`, which it makes, as its first output lists it; empty for none."""
    filling: str = ""
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
            "inputs": [_input_dict(one) for one in self.inputs],
            "outputs": [_output_dict(one) for one in self.outputs],
            "env": dict(self.env),
            "memory": self.memory,
            "memory_share": self.memory_share,
            "threads": self.threads,
            "retry_on": self.retry_on,
            "checks": None if self.checks is None else _checks_dict(self.checks),
        }
        if self.is_async:
            raw["is_async"] = True
        if self.parts is not None:
            raw["parts"] = self.parts.to_dict()
        if self.item is not None:
            raw["item"] = self.item.to_dict()
        if self.environment:
            raw["environment"] = self.environment
        if self.handed:
            raw["handed"] = dict(self.handed)
        if self.trace:
            raw["trace"] = dict(self.trace)
        if self.image or self.system_packages or self.cpus is not None or self.gpus is not None:
            raw |= {"image": self.image, "system_packages": self.system_packages, "cpus": self.cpus, "gpus": self.gpus}
        if self.resources or self.node_labels:
            raw |= {"resources": dict(self.resources), "node_labels": dict(self.node_labels)}
        if self.scratch:
            raw["scratch"] = self.scratch
        if self.filling:
            raw |= {"fills": self.fills, "filling": self.filling}
        if self.network:
            raw["network"] = dict(self.network)
        if self.secrets:
            raw["secrets"] = [{"ref": one.ref, "value": one.value, "places": one.places} for one in self.secrets]
        return raw

    @classmethod
    def from_json(cls, text: str | bytes) -> TaskOrder:
        """The order that `to_json` wrote; raises ValueError for another version."""
        # Of bytes, `json.loads` would first find out which encoding they are in.
        return cls.from_dict(json.loads(text.decode() if isinstance(text, bytes) else text))

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> TaskOrder:
        """The order that `to_dict` wrote, which is used up; raises ValueError for another version."""
        if raw.get("version") != ORDER_VERSION:
            message = f"this task order has version {raw.get('version')!r}; this runtime reads {ORDER_VERSION}"
            raise ValueError(message)
        raw["inputs"] = tuple(_input(one) for one in raw["inputs"])
        raw["outputs"] = tuple(_output(one) for one in raw["outputs"])
        raw["retry_on"] = tuple(raw["retry_on"])
        raw["checks"] = None if raw["checks"] is None else _checks(raw["checks"])
        if "parts" in raw:
            raw["parts"] = OrderParts.from_dict(raw["parts"])
        if "item" in raw:
            raw["item"] = OrderItem.from_dict(raw["item"])
        if "system_packages" in raw:
            raw["system_packages"] = tuple(raw["system_packages"])
        if "resources" in raw:
            raw["resources"] = tuple(raw["resources"].items())
            raw["node_labels"] = tuple(raw["node_labels"].items())
        if "secrets" in raw:
            raw["secrets"] = tuple(
                OrderSecret(one["ref"], one["value"], tuple(tuple(place) for place in one["places"]))
                for one in raw["secrets"]
            )
        return cls(**raw)


def _output_dict(one: OrderOutput) -> dict[str, Any]:
    raw: dict[str, Any] = {"name": one.name, "format": one.format, "path": one.path, "uri": one.uri}
    if one.columns is not None or one.where is not None:
        raw |= {"columns": one.columns, "where": one.where, "known": one.known}
    if one.tuples is not None:
        raw["tuples"] = one.tuples.to_dict()
    return raw


def _output(raw: dict[str, Any]) -> OrderOutput:
    if raw.get("columns") is not None:
        raw["columns"] = tuple(raw["columns"])
    raw["known"] = tuple((name, kind) for name, kind in raw.get("known", ()))
    if "tuples" in raw:
        raw["tuples"] = OrderTuples.from_dict(raw["tuples"])
    return OrderOutput(**raw)


def _input_dict(one: OrderInput) -> dict[str, Any]:
    raw: dict[str, Any] = {
        "name": one.name,
        "format": one.format,
        "files": one.files,
        "spans": one.spans,
        "columns": one.columns,
        "written": one.written,
    }
    if one.stored is not None:
        raw["stored"] = one.stored
    if one.etags:
        raw |= {"etags": one.etags, "sizes": one.sizes}
    if one.names:
        raw["names"] = one.names
    if one.query is not None:
        raw |= {"query": one.query, "inputs": [_input_dict(inner) for inner in one.inputs]}
    return raw


def _input(raw: dict[str, Any]) -> OrderInput:
    return OrderInput(
        raw["name"],
        raw["format"],
        tuple(raw["files"]),
        tuple((start, end) for start, end in raw["spans"]),
        None if raw["columns"] is None else tuple((name, kind) for name, kind in raw["columns"]),
        raw["written"],
        tuple(raw["stored"]) if "stored" in raw else None,
        raw.get("query"),
        tuple(_input(inner) for inner in raw.get("inputs", ())),
        tuple(raw.get("etags", ())),
        tuple(raw.get("sizes", ())),
        tuple(raw.get("names", ())),
    )


def _checks_dict(checks: OrderChecks) -> dict[str, Any]:
    return {
        "runs": checks.runs,
        "data": _input_dict(checks.data),
        "place": checks.place,
        "items": [
            {
                "name": one.name,
                "check": one.check,
                "arguments": dict(one.arguments),
                "severity": one.severity,
                "store_failures": one.store_failures,
            }
            for one in checks.items
        ],
        "looked_up": [_input_dict(one) for one in checks.looked_up],
        "folder": checks.folder,
    }


def _checks(raw: dict[str, Any]) -> OrderChecks:
    return OrderChecks(
        raw["runs"],
        _input(raw["data"]),
        raw["place"],
        tuple(OrderCheck(**one) for one in raw["items"]),
        tuple(_input(one) for one in raw["looked_up"]),
        raw["folder"],
    )
