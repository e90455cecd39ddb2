"""Reads how a task is run: its environment, limits, retries, skipping and hooks, with the pipeline's defaults."""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from typing import Any, Final

from trc.compiler.diagnostics.diagnostic import Label
from trc.compiler.frontends.reading import (
    Reader,
    Subject,
    boolean,
    check_one_spelling,
    field_of,
    filled_text,
    json_mapping,
    list_of,
    mapping_of,
    read_fields,
    require,
    seconds,
    text,
    wrong_kind,
)
from trc.compiler.frontends.syntax import Entry, Mapping, Node, Sequence
from trc.compiler.ir.policy import (
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
_EVENTS: Final = ("start", "success", "failure", "cancel", "retry")


def _record(readers: MappingOf[str, Reader[Any]]) -> Reader[Values]:
    def read(node: Node, here: Subject) -> Values | None:
        if isinstance(node, Mapping):
            check_one_spelling(node, here)
        return read_fields(node, readers, here)

    return read


_ENVIRONMENT: Final[dict[str, Reader[Any]]] = {
    "python_version": field_of(Environment, "python_version", filled_text),
    "requirements": _TEXTS,
    "requirements_file": filled_text,
    "system_packages": _TEXTS,
    "image": filled_text,
    "env": mapping_of(text),
    "memory_limit": field_of(Resources, "memory"),
    "cpu_limit": field_of(Resources, "cpu"),
    "gpu": field_of(Resources, "gpu"),
    "timeout_seconds": _TIMEOUT,
}
_RETRIES: Final[dict[str, Reader[Any]]] = {
    "max_attempts": field_of(Retries, "max_attempts"),
    "backoff": field_of(Retries, "backoff"),
    "initial_delay": field_of(Retries, "initial_delay"),
    "initial_delay_seconds": field_of(Retries, "initial_delay", seconds),
    "backoff_factor": field_of(Retries, "backoff_factor"),
    "max_delay": field_of(Retries, "max_delay"),
    "max_delay_seconds": field_of(Retries, "max_delay", seconds),
    "jitter": field_of(Retries, "jitter"),
    "retry_on": list_of(field_of(ConcurrencyRule, "max")),
}
_INCREMENTAL: Final[dict[str, Reader[Any]]] = {
    "enabled": boolean,
    "strategy": field_of(Incremental, "strategy"),
    "max_age": field_of(Incremental, "max_age"),
    "max_age_seconds": field_of(Incremental, "max_age", seconds),
    "checksum_fields": _TEXTS,
    "dependency_check": boolean,
}
_MATCH: Final[dict[str, Reader[Any]]] = {"type": filled_text, "fields": _TEXTS}
_CONCURRENCY: Final[dict[str, Reader[Any]]] = {"max": field_of(ConcurrencyRule, "max"), "match": _record(_MATCH)}
_DEDUPE: Final[dict[str, Reader[Any]]] = {"state": field_of(DedupeRule, "state"), "fields": _TEXTS}
_HOOK: Final[dict[str, Reader[Any]]] = {"webhook": filled_text}


def _concurrency_rule(node: Node, here: Subject) -> ConcurrencyRule | None:
    values = read_fields(node, _CONCURRENCY, here)
    if (
        values is None
        or not isinstance(node, Mapping)
        or not require(node, "max", here, known=_CONCURRENCY, example="3")
    ):
        return None
    match = ConcurrencyMatch(**values.get("match", {}))
    return ConcurrencyRule(max=values["max"], match=match) if "max" in values else None


def _dedupe_rule(node: Node, here: Subject) -> DedupeRule | None:
    values = read_fields(node, _DEDUPE, here)
    if (
        values is None
        or not isinstance(node, Mapping)
        or not require(node, "state", here, known=_DEDUPE, example="pending")
    ):
        return None
    return DedupeRule(**values) if "state" in values else None


def _hook_values(node: Node, here: Subject) -> str | None:
    values = read_fields(node, _HOOK, here)
    if (
        values is None
        or not isinstance(node, Mapping)
        or not require(node, "webhook", here, known=_HOOK, example='"https://…"')
    ):
        return None
    return values.get("webhook")


def _hook_list(node: Node, here: Subject) -> tuple[str, ...] | None:
    """A list of hooks; a single one may stand without the list."""
    if isinstance(node, Sequence):
        return list_of(_hook_values)(node, here)
    if not isinstance(node, Mapping):
        wrong_kind(node, "a list", here)
        return None
    one = _hook_values(node, here)
    return (one,) if one is not None else None


HOOKS: Final[dict[str, Reader[Any]]] = {f"on_{event}": _hook_list for event in _EVENTS}

POLICIES: Final[dict[str, Reader[Any]]] = {
    "environment": _record(_ENVIRONMENT),
    "timeout": field_of(Task, "timeout"),
    "timeout_seconds": _TIMEOUT,
    "heartbeat_timeout": field_of(Task, "heartbeat_timeout"),
    "heartbeat_timeout_seconds": field_of(Task, "heartbeat_timeout", seconds),
    "retries": _record(_RETRIES),
    "incremental": _record(_INCREMENTAL),
    "concurrency": list_of(_concurrency_rule),
    "dedupe": list_of(_dedupe_rule),
    "tags": _TEXTS,
    "metadata": json_mapping,
    "optimise": boolean,
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
    for key in ("concurrency", "dedupe", "tags", "metadata", "optimise"):
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
_resource_names: Final = {"memory_limit": "memory", "cpu_limit": "cpu", "gpu": "gpu"}
_retry_names: Final = {key: key.removesuffix("_seconds") for key in _RETRIES}
_incremental_names: Final = {key: key.removesuffix("_seconds") for key in _INCREMENTAL}


def _picked(values: Values, names: MappingOf[str, str]) -> Values:
    return {names[key]: value for key, value in values.items() if key in names}
