"""Which tasks are equal for a rule: those with equal values of the named fields, in whatever pipeline."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from trc.compiler.compile import Compiled
from trc.compiler.ir.task import Task
from trc.runtime.spec import BreakerSpec, RuleSpec, TwinSpec

_LONGEST: Final = 40
"""Characters of a value that are shown."""


def rules_of(task: Task, compiled: Compiled) -> tuple[RuleSpec, ...]:
    """The concurrency rules that a task is under; of several for one group, the strictest."""
    strictest: dict[str, RuleSpec] = {}
    for rule in task.concurrency:
        if rule.match.type not in (None, task.type):
            continue
        values = _values(task, rule.match.fields, compiled)
        group = _group(rule.match.type, values)
        spec = RuleSpec(rule.max, group, _shown(rule.match.type, values))
        known = strictest.get(group)
        strictest[group] = spec if known is None or spec.max < known.max else known
    return tuple(strictest[group] for group in sorted(strictest))


def twins_of(task: Task, compiled: Compiled) -> tuple[TwinSpec, ...]:
    """What stands for the task; of several rules for one group, the one that counts most states."""
    assert compiled.pipeline is not None
    widest: dict[str, TwinSpec] = {}
    for rule in task.dedupe:
        state = _COUNTED[rule.state]
        # Who reads its outputs has to find them: those of another task would be others.
        own = [compiled.pipeline.name, task.name] if task.outputs else None
        values = [("", own), *_values(task, rule.fields, compiled)]
        spec = TwinSpec(state, _group(f"dedupe {task.type}", values) if rule.fields else "")
        known = widest.get(spec.group)
        widest[spec.group] = spec if known is None or _ORDER.index(known.state) < _ORDER.index(state) else known
    return tuple(widest[group] for group in sorted(widest))


def breaker_of(task: Task) -> BreakerSpec | None:
    """The service that the task needs, and when it is down."""
    one = task.breaker
    if one is None:
        return None
    return BreakerSpec(
        one.service, _group("service", [("", one.service)]), one.failures, one.window.seconds, one.rest.seconds
    )


_ORDER: Final = ("pending", "running", "success")
_COUNTED: Final[Mapping[str, Literal["pending", "running", "success"]]] = {
    "pending": "pending",
    # What is handed over is about to run, and often nobody hears of it before it has ended.
    "claimed": "running",
    "running": "running",
    "success": "success",
}


def _values(task: Task, fields: Sequence[str], compiled: Compiled) -> list[tuple[str, Any]]:
    """The values of the fields: of the task's parameters, else its metadata, else the pipeline's parameters."""
    assert compiled.pipeline is not None
    given = compiled.settled.values if compiled.settled else {}
    own = {"pipeline": compiled.pipeline.name, "task": task.name, "tags": sorted(task.tags)}
    known = {**own, **given, **task.metadata, **task.params}
    return [(name, known.get(name)) for name in sorted(set(fields))]


def _group(kind: str | None, values: list[tuple[str, Any]]) -> str:
    text = json.dumps([kind, values], sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32]


def _shown(kind: str | None, values: list[tuple[str, Any]]) -> str:
    what = f"of {kind}" if kind else "of the tasks with such a rule"
    equal = ", ".join(f"{name} {_short(value)}" for name, value in values)
    return f"{what} with {equal}" if equal else what


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
