"""Sub-tasks that a task has submitted: what each of them is as a task of its own."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from trc.compiler.ir.formats import format_of
from trc.compiler.ir.uris import is_glob, is_remote, normalise
from trc.runtime.fingerprint import PARAM
from trc.runtime.spec import KeyPart, OutputSpec, ReadSpec, SkipSpec, TaskSpec
from trc.runtime.taskside.items import Unfit
from trc.runtime.taskside.result import Failure

DEEPEST: Final = 10
"""How deep tasks may submit tasks that submit tasks."""
_PYTHON: Final = "trc.stdlib_tasks.python.run:run"
_SHARED: Final = frozenset({"epoch", "type", "type_version"})
_OPAQUE: Final = SkipSpec(
    can_skip=False, why_not="nobody says all that it reads; submit it with inputs (an empty mapping says none)"
)
_NO_OUTPUT: Final = SkipSpec(can_skip=False, why_not="it has no output that could still be there")


def subtasks(task: TaskSpec, submitted: Sequence[Mapping[str, Any]], project: str) -> tuple[TaskSpec, ...]:
    """The tasks that a task has submitted, in their order. Raises Unfit where one cannot be run."""
    if submitted and task.depth >= DEEPEST:
        raise Unfit(f'"{task.name}" is submitted {DEEPEST} tasks deep, and cannot submit others')
    made = tuple(_subtask(task, one, project) for one in submitted)
    writers: dict[str, str] = {one.uri: task.name for one in task.outputs if one.uri is not None}
    for one in made:
        for output in one.outputs:
            if output.uri is not None and writers.setdefault(output.uri, one.name) != one.name:
                raise Unfit(f'"{writers[output.uri]}" and "{one.name}" would both write "{output.uri}"')
    return made


def unsubmittable(message: str) -> Failure:
    """What becomes of a task that has submitted what cannot be run."""
    return Failure(message, kind="permanent", reason="submitted")


def _subtask(task: TaskSpec, one: Mapping[str, Any], project: str) -> TaskSpec:
    name = f"{task.name}[{one['name']}]"
    file = one["entrypoint"].rpartition(":")[0]
    if file not in {path for path, _ in task.code}:
        raise Unfit(f'"{name}": "{file}" is no code of "{task.name}", which would have to import it')
    reads = tuple(_read(task, name, called, given, project) for called, given in (one["inputs"] or {}).items())
    outputs = tuple(_output(name, called, uri, project) for called, uri in one["outputs"].items())
    return TaskSpec(
        name,
        task.type,
        _PYTHON,
        (*_inherited(task), *_own(one, reads, outputs)),
        _NO_OUTPUT if not outputs else _OPAQUE if one["inputs"] is None else SkipSpec(can_skip=True),
        params={"entrypoint": one["entrypoint"], "args": one["args"]},
        code=task.code,
        reads=reads,
        outputs=outputs,
        retry=task.retry,
        retry_on=task.retry_on,
        timeout=task.timeout,
        heartbeat_timeout=task.heartbeat_timeout,
        env=task.env,
        memory=task.memory,
        cpus=task.cpus,
        idempotent=task.idempotent,
        secrets=tuple(secret for secret in task.secrets if all(place[0] == "env" for place in secret.places)),
        optimise=False,
        tags=task.tags,
        environment=task.environment,
        image=task.image,
        system_packages=task.system_packages,
        gpus=task.gpus,
        resources=task.resources,
        node_labels=task.node_labels,
        rules=task.rules,
        breaker=task.breaker,
        depth=task.depth + 1,
    )


def _read(task: TaskSpec, name: str, called: str, given: Mapping[str, str], project: str) -> ReadSpec:
    if "output" in given:
        written = next((one for one in task.outputs if one.name == given["output"]), None)
        if written is None:
            raise Unfit(f'"{name}": "{task.name}" has no output "{given["output"]}"')
        return ReadSpec(called, written.format, producer=(task.name, written.name))
    if "input" in given:
        read = next((one for one in task.reads if one.name == given["input"]), None)
        if read is None:
            raise Unfit(f'"{name}": "{task.name}" has no input "{given["input"]}"')
        return ReadSpec(called, read.format, read.producer, read.uri, columns=read.columns, written=read.written)
    return ReadSpec(called, format_of(given["uri"]), uri=_place(name, given["uri"], project))


def _output(name: str, called: str, uri: str | None, project: str) -> OutputSpec:
    if uri is None:
        return OutputSpec(called, "parquet")
    if is_glob(uri):
        raise Unfit(f'"{name}": the output "{uri}" is a pattern, and no file can be called so')
    return OutputSpec(called, format_of(uri), _place(name, uri, project))


def _place(name: str, uri: str, project: str) -> str:
    if is_remote(uri):
        raise Unfit(f'"{name}": "{uri}" is not on this machine')
    return normalise(uri, project)


def _inherited(task: TaskSpec) -> Iterable[KeyPart]:
    """The parts of its key that it has in common with the task that submitted it."""
    shared = ("code.", "environment.")
    return (part for part in task.key_parts if part.field in _SHARED or part.field.startswith(shared))


def _own(one: Mapping[str, Any], reads: Iterable[ReadSpec], outputs: Iterable[OutputSpec]) -> Iterable[KeyPart]:
    yield KeyPart(f"{PARAM}entrypoint", "parameters", one["entrypoint"])
    yield KeyPart(f"{PARAM}args", "parameters", json.dumps(one["args"], sort_keys=True, ensure_ascii=False))
    if one["inputs"] is not None:
        yield KeyPart(f"{PARAM}inputs", "parameters", json.dumps(one["inputs"], sort_keys=True, ensure_ascii=False))
    for read in reads:
        yield KeyPart(f"reads.{read.name}.kind", "inputs", "uri" if read.producer is None else "dataset")
        yield KeyPart(f"reads.{read.name}.format", "inputs", read.format)
    for output in outputs:
        yield KeyPart(f"outputs.{output.name}", "outputs", json.dumps([output.format, one["outputs"][output.name]]))
