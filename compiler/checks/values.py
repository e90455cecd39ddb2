"""Checks of values that are right by themselves and wrong together, and of texts with a grammar of their own."""

from __future__ import annotations

import re
from collections.abc import Iterator

from trc.compiler.checks.environments import mistake
from trc.compiler.checks.spots import key_span, read_span, text_span
from trc.compiler.diagnostics.collector import Collector
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.diagnostics.nearest import did_you_mean
from trc.compiler.environments.requirement import Mistake, read_requirement
from trc.compiler.ir.dataset import UriRead
from trc.compiler.ir.pipeline import Pipeline
from trc.compiler.ir.places import Path, Places
from trc.compiler.ir.policy import RULE_WORDS, Retries
from trc.compiler.ir.task import Task


def check_values(pipeline: Pipeline, places: Places, collect: Collector) -> None:
    """Report values that do not fit together."""
    collect.extend(_schedule(pipeline, places))
    collect.extend(_sources(pipeline, places))
    run_params = [param.name for param in pipeline.params]
    for task in pipeline.tasks:
        collect.extend(_times(task, places))
        collect.extend(_requirements(task, places))
        collect.extend(_variables(task, places))
        collect.extend(_checksum_fields(task, run_params, places))
        collect.extend(_rule_fields(task, run_params, places))
        collect.extend(_locations(task, places))


def _schedule(pipeline: Pipeline, places: Places) -> Iterator[Diagnostic]:
    schedule = pipeline.schedule
    if schedule is None:
        return
    span = key_span(places, "schedule")
    if schedule.cron is not None and schedule.interval is not None:
        both = 'a schedule has "cron" or an interval, and not both'
        yield Diagnostic("TRC205", both, span, help=("keep the one that you mean",))
    elif schedule.cron is None and schedule.interval is None and not _is_said(places):
        remedy = ('write cron: "0 2 * * *" or interval_seconds: 3600',)
        yield Diagnostic("TRC202", "the schedule does not say when", span, help=remedy)
    if schedule.interval is not None and schedule.interval.milliseconds == 0:
        yield Diagnostic("TRC205", "the schedule's interval is zero", span)


def _times(task: Task, places: Places) -> Iterator[Diagnostic]:
    base = ("tasks", task.name)
    retries = task.retries
    # Where the author wrote only a longer first delay, the cap is the default's and no mistake of theirs.
    if retries.initial_delay > retries.max_delay and retries.max_delay != Retries().max_delay:
        yield Diagnostic(
            "TRC205",
            f"the first delay of {retries.initial_delay} is longer than the longest, {retries.max_delay}",
            key_span(places, *base, "retries"),
            help=("raise the longest delay, or lower the first",),
            task=task.name,
        )
    if task.timeout.milliseconds == 0:
        span = key_span(places, *base, _written(places, task, "timeout"))
        yield Diagnostic("TRC205", "a timeout of zero ends every attempt at once", span, task=task.name)
    heartbeat = task.heartbeat_timeout
    if heartbeat is None:
        return
    span = key_span(places, *base, _written(places, task, "heartbeat_timeout"))
    if heartbeat.milliseconds == 0:
        yield Diagnostic("TRC205", "a heartbeat timeout of zero ends every attempt at once", span, task=task.name)
    elif heartbeat >= task.timeout:
        yield Diagnostic(
            "TRC205",
            f"the heartbeat timeout of {heartbeat} is not shorter than the timeout of {task.timeout}",
            span,
            help=("an attempt would run out of time before its silence counts: shorten the heartbeat timeout",),
            task=task.name,
        )


def _written(places: Places, task: Task, key: str) -> str:
    return f"{key}_seconds" if places.exact("tasks", task.name, f"{key}_seconds") else key


def _requirements(task: Task, places: Places) -> Iterator[Diagnostic]:
    for index, text in enumerate(task.environment.requirements):
        found = read_requirement(text)
        if isinstance(found, Mistake):
            span = text_span(places, ("tasks", task.name, "environment", "requirements", index), text)
            yield mistake(found, "", span, task.name)


def _variables(task: Task, places: Places) -> Iterator[Diagnostic]:
    for name, value in task.environment.env.items():
        span = key_span(places, "tasks", task.name, "environment", "env", name)
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            remedy = ("use letters, digits and _, and no digit first",)
            message = f'"{name}" cannot be the name of an environment variable'
            yield Diagnostic("TRC205", message, span, help=remedy, task=task.name)
        elif name.upper().startswith("TRC_"):
            remedy = ("choose another prefix",)
            message = f'"{name}": variables whose names begin with TRC_ are trc\'s own'
            yield Diagnostic("TRC205", message, span, help=remedy, task=task.name)
        elif isinstance(value, str) and "\0" in value:
            message = f'the value of "{name}" holds a NUL character'
            yield Diagnostic("TRC205", message, span, task=task.name)


def _checksum_fields(task: Task, run_params: list[str], places: Places) -> Iterator[Diagnostic]:
    if task.incremental is None:
        return
    known = [*task.params, *task.metadata, *run_params]
    for index, name in enumerate(task.incremental.checksum_fields):
        if name not in known:
            yield Diagnostic(
                "TRC211",
                f'no parameter and no metadata field of "{task.name}" is called "{name}"',
                text_span(places, ("tasks", task.name, "incremental", "checksum_fields", index), name),
                "so all parameters count",
                help=did_you_mean(name, known),
                severity="warning",
                task=task.name,
            )


def _rule_fields(task: Task, run_params: list[str], places: Places) -> Iterator[Diagnostic]:
    known = [*task.params, *task.metadata, *run_params, *RULE_WORDS]
    written: list[tuple[str, Path]] = []
    for number, rule in enumerate(task.concurrency):
        at: Path = ("tasks", task.name, "concurrency", number, "match", "fields")
        written += [(name, (*at, index)) for index, name in enumerate(rule.match.fields)]
    for number, twins in enumerate(task.dedupe):
        at = ("tasks", task.name, "dedupe", number, "fields")
        written += [(name, (*at, index)) for index, name in enumerate(twins.fields)]
    for name, path in written:
        if name not in known:
            yield Diagnostic(
                "TRC211",
                f'no parameter and no metadata field of "{task.name}" is called "{name}"',
                text_span(places, path, name),
                "so it sets no task apart from another",
                help=did_you_mean(name, known),
                severity="warning",
                task=task.name,
            )


def _is_said(places: Places) -> bool:
    """Whether the schedule does say when, in a way that is wrong and was told of."""
    return any(places.exact("schedule", key) for key in ("cron", "interval", "interval_seconds"))


def _sources(pipeline: Pipeline, places: Places) -> Iterator[Diagnostic]:
    for source in pipeline.sources:
        if not source.uri or "\0" in source.uri:
            message = f'the location of the source "{source.name}" {_cannot_be(source.uri)}'
            yield Diagnostic("TRC205", message, places.span("sources", source.name, "uri"))


def _locations(task: Task, places: Places) -> Iterator[Diagnostic]:
    for read in task.reads:
        if isinstance(read, UriRead) and (not read.uri or "\0" in read.uri):
            message = f'a location that "{task.name}" reads {_cannot_be(read.uri)}'
            yield Diagnostic("TRC205", message, read_span(places, task, read), task=task.name)


def _cannot_be(uri: str) -> str:
    return "holds a NUL character" if uri else "is empty"
