"""Reads how a task is run: its environment, limits, retries, skipping and hooks, with the pipeline's defaults."""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from typing import Any, Final

from trc.compiler.diagnostics.diagnostic import Label
from trc.compiler.frontends.lower_errors import error_attempts
from trc.compiler.frontends.lower_nodes import custom_resources, node_labels
from trc.compiler.frontends.reading import (
    Key,
    Subject,
    boolean,
    field_of,
    filled_text,
    json_mapping,
    list_of,
    mapping_of,
    read_fields,
    reads,
    record,
    require,
    seconds,
    text_or_secret,
    wrong_kind,
)
from trc.compiler.frontends.shapes import Fields, Items
from trc.compiler.frontends.syntax import Entry, Mapping, Node, Sequence
from trc.compiler.ir.policy import (
    Breaker,
    ConcurrencyMatch,
    ConcurrencyRule,
    DedupeRule,
    Environment,
    Hook,
    Incremental,
    Resources,
    Retries,
)
from trc.compiler.ir.task import Task

Values = dict[str, Any]
"""Values by the author's keys, before they become IR: so that defaults can be merged."""

_TEXTS: Final = list_of(filled_text)
_TIMEOUT: Final = field_of(Task, "timeout", seconds)
_EVENTS: Final = {
    "start": "it starts",
    "success": "it has succeeded",
    "failure": "it has failed",
    "cancel": "it is cancelled",
    "retry": "an attempt is repeated",
}

_ENVIRONMENT: Final = {
    "python_version": Key("The Python that the task runs on", field_of(Environment, "python_version", filled_text)),
    "requirements": Key("Python packages that are installed for the task, as pip writes them", _TEXTS),
    "requirements_file": Key("A file of the project that lists Python packages", filled_text),
    "system_packages": Key("Packages of the operating system that the task needs", _TEXTS),
    "image": Key("The container image that the task runs in", filled_text),
    "env": Key("Variables that the task's process sees", mapping_of(text_or_secret)),
    "memory_limit": Key("The most memory that the task may use, such as 512Mi or 2Gi", field_of(Resources, "memory")),
    "cpu_limit": Key("The processors that the task may use, such as 2, 0.5 or 500m", field_of(Resources, "cpu")),
    "gpu": Key("How many GPUs the task needs", field_of(Resources, "gpu")),
    "resources": Key("How many the task needs of what nodes of a cluster offer, by its name there", custom_resources),
    "node_labels": Key("Labels that a node of a cluster has to have for the task to run there", node_labels),
    "timeout_seconds": Key("Seconds after which an attempt is ended", _TIMEOUT),
}
_RETRIES: Final = {
    "max_attempts": Key("How often the task is tried, the first time included", field_of(Retries, "max_attempts")),
    "backoff": Key("Whether delays stay as they are or grow", field_of(Retries, "backoff")),
    "initial_delay": Key("The delay before the second attempt, such as 1s", field_of(Retries, "initial_delay")),
    "initial_delay_seconds": Key("Seconds before the second attempt", field_of(Retries, "initial_delay", seconds)),
    "backoff_factor": Key(
        "What an exponential delay is multiplied with each time", field_of(Retries, "backoff_factor")
    ),
    "max_delay": Key("The longest delay, such as 5m", field_of(Retries, "max_delay")),
    "max_delay_seconds": Key("The longest delay, in seconds", field_of(Retries, "max_delay", seconds)),
    "jitter": Key("How much of a delay is left to chance", field_of(Retries, "jitter")),
    "errors": Key("Attempts of their own for failures of these names", error_attempts),
    "retry_on": Key("Exit codes that are tried again; no others are then", list_of(field_of(ConcurrencyRule, "max"))),
}
_BY: Final = {
    "partition": Key(
        "A column that the folders of the source are named after, as in day=2026-01-15", filled_text, required=True
    )
}


def _with(node: Node, keys: MappingOf[str, Key], needed: str, here: Subject, *, example: str) -> dict[str, Any] | None:
    """The values of a record that has to have a key; None where that lacks, or is wrong."""
    values = read_fields(node, keys, here)
    if values is None or not isinstance(node, Mapping) or not require(node, needed, here, known=keys, example=example):
        return None
    return values if needed in values else None


@reads(Fields(_BY))
def _by(node: Node, here: Subject) -> dict[str, Any] | None:
    return _with(node, _BY, "partition", here, example="day")


_INCREMENTAL: Final = {
    "enabled": Key("Whether the task may be skipped; true if nothing is said", boolean),
    "strategy": Key(
        "What counts of inputs and parameters: etag the inputs, checksum the parameters, hybrid both",
        field_of(Incremental, "strategy"),
    ),
    "max_age": Key("How long after a success the task may be skipped, such as 1h30m", field_of(Incremental, "max_age")),
    "max_age_seconds": Key(
        "Seconds after a success within which the task may be skipped", field_of(Incremental, "max_age", seconds)
    ),
    "checksum_fields": Key("The parameters or metadata that count; all if it is not given", _TEXTS),
    "dependency_check": Key("Whether changes of upstream tasks count; true if nothing is said", boolean),
    "by": Key("What the task's work is divided by, so that only what has changed is computed", _by),
}
_MATCH: Final = {
    "type": Key("The task type whose tasks are counted", filled_text),
    "fields": Key("Names of metadata or parameters whose values must be equal", _TEXTS),
}
_CONCURRENCY: Final = {
    "max": Key(
        "How many matching tasks may run at a time, across runs", field_of(ConcurrencyRule, "max"), required=True
    ),
    "match": Key("Which tasks are counted; all of them if it is not given", record(_MATCH)),
}
_DEDUPE: Final = {
    "state": Key(
        "The state of an equal task that keeps this one from being created",
        field_of(DedupeRule, "state"),
        required=True,
    ),
    "fields": Key("Names of metadata or parameters that make two tasks equal", _TEXTS),
}
_BREAKER: Final = {
    "service": Key(
        "What the task needs of the world, by a name that all who need it share", filled_text, required=True
    ),
    "failures": Key(
        "How many temporary failures in a row say that it is down; 5 if nothing is said", field_of(Breaker, "failures")
    ),
    "window": Key("Within how long they have to happen, such as 1m", field_of(Breaker, "window")),
    "window_seconds": Key("Seconds within which they have to happen", field_of(Breaker, "window", seconds)),
    "rest": Key("How long no attempt begins then, such as 15s", field_of(Breaker, "rest")),
    "rest_seconds": Key("Seconds for which no attempt begins then", field_of(Breaker, "rest", seconds)),
}
_HOOK: Final = {"webhook": Key("The address that is called", filled_text, required=True)}


@reads(Fields(_CONCURRENCY))
def _concurrency_rule(node: Node, here: Subject) -> ConcurrencyRule | None:
    values = _with(node, _CONCURRENCY, "max", here, example="3")
    if values is None:
        return None
    return ConcurrencyRule(max=values["max"], match=ConcurrencyMatch(**values.get("match", {})))


@reads(Fields(_DEDUPE))
def _dedupe_rule(node: Node, here: Subject) -> DedupeRule | None:
    values = _with(node, _DEDUPE, "state", here, example="pending")
    return None if values is None else DedupeRule(**values)


@reads(Fields(_BREAKER))
def _breaker(node: Node, here: Subject) -> Breaker | None:
    values = _with(node, _BREAKER, "service", here, example="crm")
    return None if values is None else Breaker(**_picked(values, _breaker_names))


@reads(Fields(_HOOK))
def _hook_values(node: Node, here: Subject) -> str | None:
    values = _with(node, _HOOK, "webhook", here, example='"https://…"')
    return None if values is None else values["webhook"]


@reads(Items(Fields(_HOOK), alone=True))
def _hook_list(node: Node, here: Subject) -> tuple[str, ...] | None:
    """A list of hooks; a single one may stand without the list."""
    if isinstance(node, Sequence):
        return list_of(_hook_values)(node, here)
    if not isinstance(node, Mapping):
        wrong_kind(node, "a list", here)
        return None
    one = _hook_values(node, here)
    return (one,) if one is not None else None


HOOKS: Final = {f"on_{event}": Key(f"What is called when {when}", _hook_list) for event, when in _EVENTS.items()}

POLICIES: Final = {
    "environment": Key("The world that the task's process runs in, and its limits", record(_ENVIRONMENT)),
    "timeout": Key(
        "How long an attempt may take, such as 90s or 1h30m; 24 hours if nothing is said", field_of(Task, "timeout")
    ),
    "timeout_seconds": Key("Seconds after which an attempt is ended; 24 hours if nothing is said", _TIMEOUT),
    "heartbeat_timeout": Key(
        "How long a task that reports progress may be silent, such as 60s", field_of(Task, "heartbeat_timeout")
    ),
    "heartbeat_timeout_seconds": Key(
        "Seconds for which a task that reports progress may be silent", field_of(Task, "heartbeat_timeout", seconds)
    ),
    "retries": Key("How often and how fast a failed attempt is repeated", record(_RETRIES)),
    "idempotent": Key("Whether an attempt may be repeated of which nobody knows what it did", boolean),
    "incremental": Key("When the task may be skipped since nothing that counts has changed", record(_INCREMENTAL)),
    "concurrency": Key("Rules for how many matching tasks run at a time", list_of(_concurrency_rule)),
    "dedupe": Key("Rules for when an equal task makes this one needless", list_of(_dedupe_rule)),
    "breaker": Key("A service that the task needs: while it is down, no attempt begins", _breaker),
    "tags": Key("Labels for people", _TEXTS),
    "metadata": Key("Further labels, by name, for people and for rules", json_mapping),
    "optimise": Key("Whether the compiler may rewrite the task's query; true if nothing is said", boolean),
    **HOOKS,
}

_TIMEOUTS: Final = (("timeout",), ("timeout_seconds",), ("environment", "timeout_seconds"))
_HEARTBEATS: Final = ("heartbeat_timeout", "heartbeat_timeout_seconds")


def check_one_timeout(node: Mapping, here: Subject) -> None:
    """The timeout has three spellings, and the heartbeat's two; only one of them can stand in a task."""
    _check_one([entry for path in _TIMEOUTS if (entry := _entry_at(node, path))], "the timeout", here)
    _check_one([entry for key in _HEARTBEATS if (entry := node.entry(key))], "the heartbeat timeout", here)


def _check_one(written: list[Entry], what: str, here: Subject) -> None:
    for entry in written[1:]:
        first = written[0].key
        here.error(
            "TRC107",
            f'"{first.value}" and "{entry.key.value}" both set {what}',
            entry.key.span,
            related=(Label(first.span, "first set here"),),
            help=("remove one of them",),
        )


def _entry_at(node: Mapping, path: tuple[str, ...]) -> Entry | None:
    for key in path[:-1]:
        inner = node.get(key)
        if not isinstance(inner, Mapping):
            return None
        node = inner
    return node.entry(path[-1])


def merged(defaults: Values, own: Values) -> Values:
    """A task's values over the pipeline's defaults: mappings key by key, all else as a whole."""
    if any(_holds(own, path) for path in _TIMEOUTS):
        defaults = {key: value for key, value in defaults.items() if key not in ("timeout", "timeout_seconds")}
        environment = {key: value for key, value in defaults.get("environment", {}).items() if key != "timeout_seconds"}
        defaults = {**defaults, "environment": environment}
    if any(key in own for key in _HEARTBEATS):
        defaults = {key: value for key, value in defaults.items() if key not in _HEARTBEATS}
    return _over(defaults, own)


def _over(below: Values, above: Values) -> Values:
    values = dict(below)
    for key, value in above.items():
        under = values.get(key)
        values[key] = _over(under, value) if isinstance(under, dict) and isinstance(value, dict) else value
    return values


def _holds(values: Values, path: tuple[str, ...]) -> bool:
    for key in path:
        if key not in values:
            return False
        values = values[key]
    return True


def policy_fields(values: Values) -> Values:
    """The IR fields of a task that its policy values, defaults merged in, amount to."""
    environment = values.get("environment", {})
    fields: Values = {
        "environment": Environment(**_picked(environment, _environment_names)),
        "resources": Resources(**_picked(environment, _resource_names)),
        "retries": Retries(**_picked(values.get("retries", {}), _retry_names)),
        "hooks": hooks(values),
    }
    if "incremental" in values:
        fields["incremental"] = Incremental(**_picked(values["incremental"], _incremental_names))
    heartbeat = next((values[key] for key in _HEARTBEATS if key in values), None)
    if heartbeat is not None:
        fields["heartbeat_timeout"] = heartbeat
    for key in ("concurrency", "dedupe", "breaker", "tags", "metadata", "optimise", "idempotent"):
        if key in values:
            fields[key] = values[key]
    timeouts = (values.get("timeout"), values.get("timeout_seconds"), environment.get("timeout_seconds"))
    timeout = next((written for written in timeouts if written is not None), None)
    return fields if timeout is None else {**fields, "timeout": timeout}


def hooks(values: Values) -> tuple[Hook, ...]:
    """The hooks of a task or of the pipeline, in the order of the events."""
    return tuple(
        Hook.model_validate({"event": event, "webhook": url})
        for event in _EVENTS
        for url in values.get(f"on_{event}", ())
    )


_environment_names: Final = {name: name for name in Environment.model_fields}
_resource_names: Final = {
    "memory_limit": "memory",
    "cpu_limit": "cpu",
    "gpu": "gpu",
    "resources": "custom",
    "node_labels": "node_labels",
}
_retry_names: Final = {key: key.removesuffix("_seconds") for key in _RETRIES}
_breaker_names: Final = {key: key.removesuffix("_seconds") for key in _BREAKER}
_incremental_names: Final = {key: key.removesuffix("_seconds") for key in _INCREMENTAL}


def _picked(values: Values, names: MappingOf[str, str]) -> Values:
    return {names[key]: value for key, value in values.items() if key in names}
