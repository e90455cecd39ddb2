"""The options that every task has, by the author's words for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Callable, TypedDict, Union

from trc.authoring.misuse import Misuse, nearest, wrong_kind
from trc.authoring.places import Spot
from trc.authoring.policies import (
    Breaker,
    Concurrency,
    Dedupe,
    Duration,
    Environment,
    Expectation,
    Incremental,
    Policy,
    RetryPolicy,
    Webhook,
    policy,
)
from trc.authoring.refs import Completed, Dataset, Group, Ordered, Rows
from trc.authoring.values import (
    Entries,
    Table,
    Written,
    amount,
    boolean,
    keyed,
    many,
    plain,
    seconds,
    text,
    texts,
    whole,
)

Hooks = Union[Webhook, Sequence[Webhook]]


class Policies(TypedDict, total=False):
    """What a task, or as a default the pipeline, says of how tasks are run."""

    retry: RetryPolicy | int
    timeout: Duration
    heartbeat_timeout: Duration
    environment: Environment
    memory: str
    cpu: str | float
    gpu: int
    resources: Mapping[str, int]
    node_labels: Mapping[str, str]
    idempotent: bool
    incremental: Incremental | bool
    concurrency: Concurrency | Sequence[Concurrency]
    dedupe: Dedupe | Sequence[Dedupe]
    breaker: Breaker
    tags: Sequence[str]
    metadata: Mapping[str, Any]
    optimise: bool


class HookOptions(TypedDict, total=False):
    """Who is told of what happens."""

    on_start: Hooks
    on_success: Hooks
    on_failure: Hooks
    on_cancel: Hooks
    on_retry: Hooks


class DefaultOptions(Policies, HookOptions, total=False):
    """What a pipeline can say once for all of its tasks."""


class TaskOptions(Policies, HookOptions, total=False):
    """What can be said of any task."""

    needs: Ordered | Completed | str | Sequence[Ordered | Completed | str]
    reads: Mapping[str, Dataset | Group | str]
    columns: Mapping[str, str | Mapping[str, str]]
    expect: Expectation | Sequence[Expectation]
    when: str
    for_each: Sequence[Any] | Rows
    deadline: Duration


Options = dict[str, tuple[Spot, Any]]
"""Options with the places of their arguments, each value checked."""


def checked(given: Mapping[str, Any], known: Mapping[str, _Check], spot: Spot, what: str) -> Options:
    """The options that were given; raises Misuse for one that is not known, or has a value of the wrong kind."""
    options: Options = {}
    for name, value in given.items():
        place = spot.argument(-1, name)
        if name not in known:
            other = _OTHER_WORDS.get(name)
            help_lines = (f'did you mean "{other}"?',) if other in known else nearest(name, known, "it takes")
            raise Misuse(f'{what} has no option "{name}"', place, *help_lines, at_name=True)
        options[name] = (place, None if value is None else known[name](value, name, place))
    return {name: option for name, option in options.items() if option[1] is not None}


_Check = Callable[[Any, str, Spot], Any]
_OTHER_WORDS = {
    "retries": "retry",
    "depends_on": "needs",
    "dependencies": "needs",
    "after": "needs",
    "upstream": "needs",
    "memory_limit": "memory",
    "cpu_limit": "cpu",
    "cpus": "cpu",
    "timeout_seconds": "timeout",
    "optimize": "optimise",
    "env": "environment",
    "labels": "tags",
    "expand": "for_each",
    "map": "for_each",
    "condition": "when",
}


def _retry(value: Any, name: str, spot: Spot) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        return Entries([("max_attempts", spot, value)])
    return policy(RetryPolicy, "RetryPolicy(attempts=3)")(value, name, spot)


def _incremental(value: Any, name: str, spot: Spot) -> Any:
    if isinstance(value, bool):
        return Entries([("enabled", spot, value)])
    return policy(Incremental, 'Incremental(max_age="1d")')(value, name, spot)


def _policies(kind: type[Policy], how: str) -> _Check:
    check = policy(kind, how)
    return lambda value, name, spot: [
        check(one, name, at) for one, at in ([(value, spot)] if isinstance(value, Mapping) else many(value, name, spot))
    ]


def _needs(value: Any, name: str, spot: Spot) -> Any:
    found = many(value, name, spot)
    for one, at in found:
        if not isinstance(one, (Ordered, Completed, str)):
            raise wrong_kind(name, one, "a task or its name", at)
    return found


def _reads(value: Any, name: str, spot: Spot) -> Any:
    return {key: (spot.at(key), dataset(one, name, spot.at(key))) for key, one in keyed(value, name, spot).items()}


def dataset(value: Any, name: str, spot: Spot) -> Dataset | str:
    """A dataset, or the name of one; a composite that provides one is that."""
    if isinstance(value, Group):
        return value.only(spot)
    if isinstance(value, (Dataset, str)):
        return value
    raise wrong_kind(name, value, "a dataset or its name", spot)


def _columns(value: Any, name: str, spot: Spot) -> dict[str, Any]:
    """Types by column, or by output and column."""
    found: dict[str, Any] = {}
    for key, one in keyed(value, name, spot).items():
        called = f'{name}["{key}"]'
        found[key] = (_columns if isinstance(one, Mapping) else text)(one, called, spot.at(key))
    return found


def _for_each(value: Any, name: str, spot: Spot) -> Any:
    if isinstance(value, Rows):
        return value
    if isinstance(value, (Dataset, str)):
        raise wrong_kind(name, value, "a list, or a dataset's rows", spot, "write it like regions.rows")
    if not isinstance(value, (list, tuple)):
        raise wrong_kind(name, value, "a list, or a dataset's rows", spot, "write it like ['eu', 'us']")
    return plain(value, name, spot)


def _mapping(value: Any, name: str, spot: Spot) -> Any:
    return plain(keyed(value, name, spot), name, spot)


_POLICIES: dict[str, _Check] = {
    "retry": _retry,
    "timeout": lambda value, name, spot: value if isinstance(value, str) else seconds(value, name, spot),
    "heartbeat_timeout": seconds,
    "environment": policy(Environment, 'Environment(python="3.12")'),
    "memory": amount,
    "cpu": amount,
    "gpu": whole,
    "resources": _mapping,
    "node_labels": _mapping,
    "idempotent": boolean,
    "incremental": _incremental,
    "concurrency": _policies(Concurrency, "Concurrency(max=3)"),
    "dedupe": _policies(Dedupe, 'Dedupe(state="pending")'),
    "breaker": policy(Breaker, 'Breaker("crm")'),
    "tags": texts,
    "metadata": _mapping,
    "optimise": boolean,
}
HOOKS: dict[str, _Check] = {
    f"on_{event}": _policies(Webhook, 'webhook("https://…")')
    for event in ("start", "success", "failure", "cancel", "retry")
}
DEFAULTS: dict[str, _Check] = {**_POLICIES, **HOOKS}
PIPELINE: dict[str, _Check] = {**_POLICIES, **HOOKS}
TASK: dict[str, _Check] = {
    **DEFAULTS,
    "needs": _needs,
    "reads": _reads,
    "columns": _columns,
    "expect": _policies(Expectation, 'not_null("a_column")'),
    "when": text,
    "for_each": _for_each,
    "deadline": seconds,
}

_KEYS = {"retry": "retries", "heartbeat_timeout": "heartbeat_timeout_seconds"}
_ENVIRONMENT = {
    "memory": "memory_limit",
    "cpu": "cpu_limit",
    "gpu": "gpu",
    "resources": "resources",
    "node_labels": "node_labels",
}


def policy_table(options: Options) -> Table:
    """The keys of the tree that policies and hooks amount to."""
    table: Table = []
    limits: Table = []
    for name, (spot, value) in options.items():
        if name in _ENVIRONMENT:
            limits.append((_ENVIRONMENT[name], spot, value))
        elif name == "timeout" and not isinstance(value, str):
            table.append(("timeout_seconds", spot, value))
        elif name in DEFAULTS and name != "environment":
            table.append((_KEYS.get(name, name), spot, value))
    if "environment" in options or limits:
        table.append(_environment(options, limits))
    return table


def _environment(options: Options, limits: Table) -> tuple[str, Spot, Any]:
    if "environment" not in options:
        return ("environment", limits[0][1], Entries(limits))
    spot, value = options["environment"]
    if not limits:
        return ("environment", spot, value)
    inner = value.data
    table = inner.table if isinstance(inner, Entries) else [(key, spot.at(key), one) for key, one in inner.items()]
    return ("environment", spot, Written(Entries([*table, *limits]), value.spot))
