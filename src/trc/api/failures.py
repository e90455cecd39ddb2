"""Failed tasks and broken expectations as diagnostics, at the places where they are written."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from trc.backends.base import Built
from trc.compiler.checks.spots import key_span, query_path, secret_span
from trc.compiler.compile import Compiled
from trc.compiler.diagnostics.diagnostic import Diagnostic, Label
from trc.compiler.ir.expectations import labelled
from trc.compiler.source import Span
from trc.runtime.repeated import ALL, task_called
from trc.runtime.store.journal import RunRecord, TaskRecord
from trc.runtime.taskside.result import Failure, Verdict

Verdicts = Mapping[str, tuple[Verdict, ...]]

REASONS: Final = frozenset({"expectation", "unchecked"})
"""Of failures that are told here."""


def failures(compiled: Compiled | None, failed: Sequence[TaskRecord], verdicts: Verdicts) -> Iterator[Diagnostic]:
    """Each failed task, by its data or by itself; those of one cause that lies outside of them together."""
    shared: dict[str, list[TaskRecord]] = {}
    for record in failed:
        error = record.error or {}
        if error.get("reason") in _OUTSIDE:
            shared.setdefault(error.get("message", ""), []).append(record)
    for record in failed:
        together = shared.get((record.error or {}).get("message", ""), [record])
        if record is together[0]:
            yield _of_data(compiled, record, verdicts.get(record.task, ())) or _of_task(compiled, record, together[1:])


def unavailable(
    compiled: Compiled | None, failure: Failure, tasks: Sequence[str], *, had_begun: bool = False
) -> Diagnostic:
    """No task could be run, or go on: at the first that was to be."""
    first, *others = tasks
    message, *remedies = failure.message.splitlines()
    who = f'"{first}" and {len(others)} more' if others else f'"{first}"'
    were = "ran" if had_begun else "were to run" if others else "was to run"
    were = f"{who} {were} there"
    return Diagnostic(
        _FAILURE_CODES[failure.reason], message, _task_span(compiled, first), were, help=tuple(remedies), task=first
    )


def unbuilt(compiled: Compiled | None, built: Sequence[Built]) -> Iterator[Diagnostic]:
    """What could not be built, each at the line of its first task that asks for it; what none could be for, told once."""
    together: dict[Failure, list[str]] = {}
    for one in built:
        if one.failure is None:
            continue
        if one.failure.reason in _OUTSIDE and one.tasks:
            together.setdefault(one.failure, []).extend(one.tasks)
        else:
            yield _of_build(compiled, one.failure, one.tasks)
    for failure, tasks in together.items():
        # What it is that has no room is the author's to change.
        told = _of_build if failure.reason in _ASKED else unavailable
        yield told(compiled, failure, tasks)


def _of_build(compiled: Compiled | None, failure: Failure, tasks: Sequence[str]) -> Diagnostic:
    code = _FAILURE_CODES[failure.reason or ""]
    message, *remedies = failure.message.splitlines()
    if not tasks:
        return Diagnostic(code, message, help=tuple(remedies))
    first, *others = tasks
    error = {"reason": failure.reason, "message": failure.message}
    return Diagnostic(
        code,
        f'what task "{first}" runs in cannot be had: {message}',
        _failure_span(compiled, first, error) if compiled else None,
        help=(*([f"so it is for {_named(others)}"] if others else []), *remedies, *_REMEDIES.get(code, ())),
        task=first,
    )


def _of_data(compiled: Compiled | None, record: TaskRecord, verdicts: Sequence[Verdict]) -> Diagnostic | None:
    """A task that failed because of its data: at the first expectation, the others beside it."""
    broken = [one for one in verdicts if not one.passed and one.severity == "error"]
    if not broken or (record.error or {}).get("reason") not in REASONS:
        return None
    first = next((one for one in broken if not one.error), broken[0])
    author = task_called(record.task)
    related = [
        Label(span, _what(one))
        for one in broken
        if one is not first and (span := _span(compiled, record.task, one.name)) is not None
    ]
    return Diagnostic(
        "TRC632" if first.error else "TRC630",
        f'task "{record.task}" failed: {_what(first)}',
        _span(compiled, author, first.name) or _task_span(compiled, author),
        "nothing was published" if record.task != f"{author}[{ALL}]" else "who reads it does not run",
        tuple(related),
        (*_rows(broken), _remedy(compiled, author, first)),
        task=record.task,
    )


def overdue(compiled: Compiled | None, run: RunRecord) -> Diagnostic:
    """A run whose time was over before any task of what was left had begun."""
    span = key_span(compiled.places, "deadline") if compiled else None
    message = f"run {run.id} is past its deadline"
    return Diagnostic("TRC656", message, span, help=_REMEDIES["TRC656"])


def warnings(compiled: Compiled | None, verdicts: Verdicts) -> Iterator[Diagnostic]:
    """What only warns, an expectation each."""
    for task, found in verdicts.items():
        for one in found:
            if not one.passed and one.severity == "warn":
                author = task_called(task)
                span = _span(compiled, author, one.name) or _task_span(compiled, author)
                message = f'in the data of "{task}": {_what(one)}'
                yield Diagnostic(
                    "TRC632" if one.error else "TRC631",
                    message,
                    span,
                    help=_rows([one]),
                    severity="warning",
                    task=task,
                )


def _what(one: Verdict) -> str:
    return f"{one.name} could not be evaluated: {one.error}" if one.error else f"{one.name}: {one.found}"


def _rows(broken: Sequence[Verdict]) -> tuple[str, ...]:
    """Where the rows are that were asked for, and the first of them."""
    lines: list[str] = []
    for one in broken:
        if one.sample:
            lines.append(f"such as {json.dumps(one.sample[0], ensure_ascii=False)}")
        if one.kept:
            lines.append(f"the rows are kept in {one.kept}")
    return tuple(lines)


def _remedy(compiled: Compiled | None, task: str, one: Verdict) -> str:
    if one.error:
        return "write it so that it holds or not for any row, or change the data"
    found = compiled.pipeline.task(task) if compiled and compiled.pipeline else None
    could_keep = one.failing is not None and not one.kept and not (found and found.is_given_secrets)
    how = "; store_failures keeps the rows" if could_keep else ""
    return f"change the data or the expectation, or let it only warn with severity warn{how}"


def _span(compiled: Compiled | None, task: str, name: str) -> Span | None:
    found = compiled.pipeline.task(task) if compiled and compiled.pipeline else None
    if compiled is None or found is None:
        return None
    for index, (known, one) in enumerate(labelled(found.expect)):
        if known == name:
            return key_span(compiled.places, "tasks", task, "expect", index, one.check)
    return None


def _task_span(compiled: Compiled | None, task: str) -> Span | None:
    return compiled.places.span("tasks", task) if compiled else None


_FAILURE_CODES = {
    "signal": "TRC602",
    "lost": "TRC602",
    "unknown_outcome": "TRC657",
    "deadline": "TRC656",
    "late": "TRC650",
    "deduped": "TRC651",
    "unstarted": "TRC659",
    "timeout": "TRC603",
    "input_moved": "TRC604",
    "output_missing": "TRC605",
    "input_missing": "TRC608",
    "memory": "TRC610",
    "publish": "TRC611",
    "items": "TRC660",
    "result": "TRC662",
    "condition": "TRC663",
    "submitted": "TRC664",
    "fenced": "TRC611",
    "expectation": "TRC630",
    "unchecked": "TRC632",
    "secret_missing": "TRC612",
    "secret_unreachable": "TRC613",
    "secret_unusable": "TRC614",
    "secret_package": "TRC615",
    "docker_engine": "TRC510",
    "docker_elsewhere": "TRC510",
    "docker_permission": "TRC511",
    "docker_pull": "TRC512",
    "docker_build": "TRC513",
    "docker_disk": "TRC514",
    "docker_python": "TRC515",
    "docker_limits": "TRC516",
    "docker_start": "TRC516",
    "docker_package": "TRC620",
    "ray_package": "TRC620",
    "ray_start": "TRC530",
    "ray_cluster": "TRC531",
    "ray_version": "TRC532",
    "ray_token": "TRC533",
    "ray_resources": "TRC534",
    "ray_node": "TRC535",
    "ray_lost": "TRC536",
    "object_bucket": "TRC670",
    "object_refused": "TRC671",
    "object_credentials": "TRC672",
    "object_unreachable": "TRC673",
    "web_forbidden": "TRC638",
    "web_refused": "TRC674",
    "web_unreachable": "TRC675",
    "web_unanswered": "TRC675",
    "web_checksum": "TRC676",
    "web_size": "TRC677",
    "rows": "TRC678",
    "archive": "TRC679",
    "archive_size": "TRC680",
    "sync_empty": "TRC681",
    "sync_name": "TRC682",
    "git": "TRC653",
    "git_size": "TRC654",
    "database_unreachable": "TRC683",
    "database_refused": "TRC684",
    "database_package": "TRC620",
    "params": "TRC685",
    "mapping": "TRC686",
    "lambda": "TRC687",
    "ecs": "TRC688",
    "aws": "TRC689",
    "aws_unanswered": "TRC689",
    "environment": "TRC649",
    "environment_disk": "TRC649",
    "environment_folder": "TRC649",
    "environment_index": "TRC648",
    "environment_python": "TRC649",
    "environment_uv": "TRC620",
}

_MIB: Final = 1 << 20
_NAMED: Final = 5
"""How many tasks of one cause are told by name."""
_OUTSIDE: Final = frozenset(
    {"docker_engine", "docker_elsewhere", "docker_permission", "docker_package", "docker_disk", "environment_uv"}
    | {"ray_package", "ray_start", "ray_cluster", "ray_version", "ray_token", "ray_node"}
)
"""Reasons for which tasks fail together."""

_ASKED: Final = {
    "docker_pull": ("image", "python_version", "python"),
    "docker_python": ("image", "python_version", "python"),
    "docker_disk": ("image", "system_packages", "requirements", "requirements_file", "python_version", "python"),
    "docker_build": ("system_packages", "requirements", "requirements_file"),
    "environment": ("requirements", "requirements_file", "python_version", "python"),
    "environment_disk": ("requirements", "requirements_file", "python_version", "python"),
    "environment_folder": ("requirements", "requirements_file", "python_version", "python"),
    "environment_index": ("requirements", "requirements_file"),
    "environment_python": ("python_version", "python", "requirements", "requirements_file"),
    "memory": ("memory", "memory_limit"),
    "ray_resources": ("resources", "node_labels", "gpu", "memory", "memory_limit", "cpu", "cpu_limit"),
    "docker_limits": ("gpu", "memory", "memory_limit", "cpu", "cpu_limit"),
}
"""By reason, the keys of an environment that may be why; what is written first of them is shown."""


_REMEDIES: Final = {
    "TRC648": (
        "look at the network, and at the index that UV_DEFAULT_INDEX or PIP_INDEX_URL names; `retries` try it again",
    ),
    "TRC670": ("make the bucket, or correct its name and the endpoint",),
    "TRC671": ("allow this identity to list, read and write there",),
    "TRC672": ("renew them: they come from where the AWS command line has them, a profile, variables or a role",),
    "TRC673": ("give the task `retries`, and look at the endpoint and the network",),
    "TRC610": ("raise the limit, or have the task hold less at a time",),
    "TRC674": ("look at the address and the headers that it is asked with",),
    "TRC675": ("give the task `retries`, and look at the server and the network",),
    "TRC676": ("if the file was meant to change, write its new checksum",),
    "TRC677": ("raise max_size if that much is meant",),
    "TRC654": ("take less of it with include, or raise max_size or max_files if that much is meant",),
    "TRC681": ("look whether the source is the right one; if it is to be empty, remove what is left by hand",),
    "TRC682": ("leave the object out with exclude, or rename it",),
    "TRC685": ("write `args` as its `Params`, or its parameters, say",),
    "TRC687": ("look at the function's own log, of which `trc logs` has the end",),
    "TRC688": ("`trc logs` tells what became of it, and where the containers' own logs lie",),
    "TRC689": (
        "look at `region`, `profile` and what this identity may do; `trc` has credentials where AWS's own tools have them",
    ),
    "TRC686": ("annotate the parameter, or return, what a file of that format can be",),
    "TRC680": ("raise max_size or max_ratio if that much is meant, and you know who made the archive",),
    "TRC656": ("`trc retry` goes on with what is left, with the whole time once more",),
    "TRC650": ("`trc retry` tries it again, with the whole time once more",),
    "TRC651": ("`trc logs` of that run tells more; `trc retry` tries this one again",),
    "TRC657": ("look whether it had its effect; if not, `trc dlq replay` tries it again",),
}


def _of_task(compiled: Compiled | None, record: TaskRecord, others: Sequence[TaskRecord] = ()) -> Diagnostic:
    """A failed task as a diagnostic: at its SQL where the engine named a place, else at its name."""
    error = record.error or {}
    code = _FAILURE_CODES.get(error.get("reason", ""), "TRC601")
    span = _failure_span(compiled, task_called(record.task), error) if compiled else None
    lines = str(error.get("message", "")).strip().splitlines() or ["it gave no reason"]
    kind = f"{error['type']}: " if error.get("type") else ""
    tried = f" after {record.attempt} attempts" if record.attempt > 1 else ""
    told = [f"so did {_named([other.task for other in others])}"] if others else []
    limit = _memory_limit(compiled, record) if error.get("reason") == "memory" and "limit" not in lines[0] else None
    if limit is not None:
        told.append(f"it may hold {limit / _MIB:,.0f} MiB")
    return Diagnostic(
        code,
        f'task "{record.task}" failed{tried}: {kind}{lines[0]}',
        span,
        related=(),
        help=(*told, *(line for line in lines[1:] if line.strip()), *_REMEDIES.get(code, ())),
        task=record.task,
    )


def _named(tasks: Sequence[str]) -> str:
    shown = ", ".join(f'"{task}"' for task in tasks[:_NAMED])
    return shown if len(tasks) <= _NAMED else f"{shown} and {len(tasks) - _NAMED} more"


def _memory_limit(compiled: Compiled | None, record: TaskRecord) -> int | None:
    task = compiled.pipeline.task(task_called(record.task)) if compiled and compiled.pipeline else None
    return None if task is None or task.resources.memory is None else task.resources.memory.bytes


def _failure_span(compiled: Compiled, name: str, error: Mapping[str, Any]) -> Span | None:
    task = compiled.pipeline.task(name) if compiled.pipeline else None
    if task is not None and str(error.get("reason", "")).startswith("secret_"):
        return secret_span(compiled.places, task, str(error.get("message", "")))
    if error.get("reason") == "params" and compiled.places.exact("tasks", name, "params", "args"):
        return key_span(compiled.places, "tasks", name, "params", "args")
    asked = _ASKED.get(str(error.get("reason", "")), ())
    for key in asked if task is not None else ():
        for keys in (("environment", key), (key,)):
            if compiled.places.exact("tasks", name, *keys):
                return key_span(compiled.places, "tasks", name, *keys)
    offset: int | None = error.get("query_offset")
    path = query_path(task) if task else None
    if offset is not None and path is not None:
        place = compiled.places.within(path, offset, offset + 1)
        if place is not None:
            return place
    return compiled.places.span("tasks", name)
