"""Reduces a checked pipeline to its `PipelineSpec`, with the parts of every key that the pipeline determines."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final

from pydantic import BaseModel

from trc.compiler.checks.graph import Graph, Resolved
from trc.compiler.checks.partitions import Divided, divided
from trc.compiler.checks.results import ResultUse
from trc.compiler.compile import Compiled
from trc.compiler.environments.wanted import LockedEnvironment
from trc.compiler.ir.node import InKey, KeyGroup, Nested, Node, NotInKey
from trc.compiler.ir.pipeline import Pipeline
from trc.compiler.ir.policy import Environment, Hook
from trc.compiler.ir.secrets import VERSIONED, SecretRef
from trc.compiler.ir.task import Task
from trc.compiler.ir.types import Known
from trc.compiler.ir.uris import is_glob, normalise
from trc.compiler.sql.parse import Parsed, parse
from trc.compiler.sql.tokens import canonical
from trc.runtime.contracts import contract_of, contract_of_all
from trc.runtime.equality import breaker_of, rules_of, twins_of
from trc.runtime.fingerprint import EPOCH, INPUT, METADATA, PARAM
from trc.runtime.spec import (
    EachSpec,
    HookSpec,
    KeyPart,
    NeedSpec,
    OutputSpec,
    PartitionSpec,
    PipelineSpec,
    ReadSpec,
    ResultSpec,
    RetrySpec,
    SecretSpec,
    SkipSpec,
    TaskSpec,
)

Versions = Callable[[str], str]
"""The installed version of a distribution, or `absent`."""


def specify(compiled: Compiled, *, file: str, runs: Mapping[str, str | None], versions: Versions) -> PipelineSpec:
    """The spec of a pipeline that was checked without errors; `runs` is each task type's own side."""
    pipeline, graph = compiled.pipeline, compiled.graph
    assert pipeline is not None
    assert graph is not None
    make = _TaskSpecs(compiled, pipeline, graph, runs, versions)
    tasks = tuple(make.spec(make.tasks[name]) for name in graph.order)
    # Runs with other values are other runs, even where no task uses what differs.
    values = compiled.settled.told() if compiled.settled else ()
    deadline = pipeline.deadline.seconds if pipeline.deadline else None
    limits = (deadline, pipeline.retry_budget)
    digest = hashlib.sha256(repr((pipeline.name, tasks, limits, *values)).encode("utf-8", "replace")).hexdigest()
    return PipelineSpec(pipeline.name, file, str(compiled.project), tasks, digest, _hooks(pipeline.hooks), *limits)


class _TaskSpecs:
    """Makes the spec of one task after the other, out of what they share."""

    def __init__(
        self,
        compiled: Compiled,
        pipeline: Pipeline,
        graph: Graph,
        runs: Mapping[str, str | None],
        versions: Versions,
    ) -> None:
        self.compiled = compiled
        self.tasks = {task.name: task for task in pipeline.tasks}
        self.graph = graph
        self.project = str(compiled.project)
        self.runs = runs
        self.versions = cache(versions)
        self.needs = _needs(graph)
        self.asked = frozenset(one.task for uses in graph.results.values() for one in uses)
        """The tasks of whose results others are handed something."""

    def omitted(self, task: Task) -> str:
        """The condition of a task, where it is false."""
        settled = self.compiled.settled
        is_false = settled is not None and settled.conditions.get(task.name) is False
        return (task.when or "") if is_false else ""

    def spec(self, task: Task) -> TaskSpec:
        inputs = self.graph.inputs.get(task.name, ())
        results = tuple(self.result(one) for one in self.graph.results.get(task.name, ()))
        contract = contract_of(task, self.version(task, "duckdb"))
        resources, retries = task.resources, task.retries
        reads = tuple(self.read(task, resolved) for resolved in inputs)
        each = self.each(task, reads)
        return TaskSpec(
            name=task.name,
            type=task.type,
            runs=self.runs.get(task.type) or "",
            key_parts=tuple(self.key_parts(task, inputs)),
            skip=skip_spec(task),
            params=task.params,
            query=task.query.text if task.query else None,
            code=tuple((one.path, one.digest) for one in task.code),
            reads=reads if each is None or each.rows is None or each.is_read else (*reads, each.rows),
            outputs=tuple(
                OutputSpec(
                    one.name,
                    one.format,
                    normalise(one.uri, self.project) if one.uri else None,
                    *self.read_back(task, one.name),
                )
                for one in task.outputs
            ),
            fills=tuple(normalise(one, self.project).rstrip("/") + "/" for one in task.fills),
            needs=self.needs.get(task.name, ()),
            retry=RetrySpec(
                retries.max_attempts,
                retries.backoff,
                retries.initial_delay.seconds,
                retries.backoff_factor,
                retries.max_delay.seconds,
                retries.jitter,
                tuple(sorted(retries.errors.items())),
            ),
            retry_on=retries.retry_on,
            timeout=task.timeout.seconds,
            heartbeat_timeout=task.heartbeat_timeout.seconds if task.heartbeat_timeout else None,
            env={name: value for name, value in task.environment.env.items() if isinstance(value, str)},
            memory=resources.memory.bytes if resources.memory else None,
            cpus=resources.cpu.count if resources.cpu else None,
            idempotent=task.idempotent,
            checks=contract.checks,
            check_parts=contract.parts,
            check_reads=tuple(
                self.read(task, one) for one in self.graph.checks.get(task.name, ()) if not _is_own(task, one)
            ),
            checks_due=contract.due,
            secrets=_secrets(task),
            # Its output is put together of parts that are whole.
            # Whether it runs may be decided otherwise than for its neighbours: nothing of theirs becomes a part of it.
            # What is repeated is many tasks, none of which has all the rows.
            # Of what is not stored, nobody knows how many rows it has.
            optimise=task.optimise
            and not (_by(task) or task.when or task.for_each or results or task.name in self.asked),
            tags=task.tags,
            omitted=self.omitted(task),
            results=results,
            when=self.compiled.settled.open_conditions.get(task.name, "") if self.compiled.settled else "",
            is_async=_can_share(task),
            rules=rules_of(task, self.compiled),
            twins=twins_of(task, self.compiled),
            breaker=breaker_of(task),
            deadline=task.deadline.seconds if task.deadline else None,
            partition=self.partition(task, inputs),
            each=each,
            hooks=_hooks(task.hooks),
            environment=locked.digest if (locked := self.locked(task)) else "",
            image=task.environment.image or "",
            system_packages=tuple(sorted(set(task.environment.system_packages))),
            gpus=resources.gpu,
            resources=tuple(sorted(resources.custom.items())),
            node_labels=tuple(sorted(resources.node_labels.items())),
        )

    def result(self, use: ResultUse) -> ResultSpec:
        """A value that a task is handed."""
        path = use.path if use.path[0] == "values" else ("rows", self.tasks[use.task].outputs[0].name)
        return ResultSpec(use.task, path, use.parameter, use.of_condition)

    def each(self, task: Task, reads: Sequence[ReadSpec]) -> EachSpec | None:
        """What the task is repeated for."""
        if task.for_each is None:
            return None
        whole = contract_of_all(task, self.version(task, "duckdb"))
        checks = (whole.checks, whole.parts, whole.due)
        if task.for_each.items is not None:
            return EachSpec(task.for_each.items, None, False, "", *checks)
        rows = self.read(task, self.graph.items[task.name])
        return EachSpec(None, rows, rows in reads, self.versions("duckdb"), *checks)

    def locked(self, task: Task) -> LockedEnvironment | None:
        """What the task's environment holds; None for one that runs in trc's own."""
        found = self.compiled.environments.tasks.get(task.name)
        assert found is None or found.locked is not None, "what is not locked is not run"
        return None if found is None else found.locked

    def version(self, task: Task, distribution: str) -> str:
        """The version of a distribution in the task's environment, or `absent`."""
        locked = self.locked(task)
        return self.versions(distribution) if locked is None else locked.versions().get(distribution, "absent")

    def partition(self, task: Task, inputs: tuple[Resolved, ...]) -> PartitionSpec | None:
        """What the task is to run by."""
        column = _by(task)
        if column is None:
            return None
        found = divided(task, column, inputs, self.compiled.schemas)
        if not isinstance(found, Divided):
            return PartitionSpec(column, why_not=found.why)
        if task.secrets:
            return PartitionSpec(column, why_not="it is given secrets")
        others: dict[str, tuple[tuple[str, str], ...]] = {}
        for one in inputs:
            schema = self.compiled.schemas.get(one.producer or ("", one.source.name if one.source else ""))
            if one.read.kind == "uri":
                return PartitionSpec(column, why_not=f'it reads "{one.read.uri}" by its location')
            if not isinstance(schema, Known):
                return PartitionSpec(column, why_not=f'the columns of "{one.read.name}" are not known')
            others[one.read.name] = _plain_columns(schema)
        del others[found.read]
        return PartitionSpec(found.column, found.read, _plain_columns(Known(found.columns)), tuple(others.items()))

    def read_back(self, task: Task, output: str) -> tuple[tuple[tuple[str, str], ...] | None, bool]:
        """How expectations find the rows of an output; nothing where there are none."""
        if not task.expect:
            return None, False
        read = self.dataset(output, (task.name, output))
        return read.columns, read.written

    def read(self, task: Task, resolved: Resolved) -> ReadSpec:
        read, source = resolved.read, resolved.source
        if read.kind == "dataset":
            if source is None:
                assert resolved.producer is not None
                return self.dataset(read.name, resolved.producer)
            columns = tuple((one.name, one.type) for one in source.columns) if source.columns else None
            return ReadSpec(
                read.name,
                source.format,
                uri=normalise(source.uri, self.project),
                feeders=resolved.feeders,
                columns=columns,
            )
        uri = normalise(read.uri, self.project)
        parsed = parse(task.query.text) if task.query else None
        spans = (
            tuple((use.start, use.end) for use in parsed.files if use.uri == read.uri)
            if isinstance(parsed, Parsed)
            else ()
        )
        if resolved.producer is not None and not is_glob(uri):
            return ReadSpec(read.name, read.format, producer=resolved.producer, uri=uri, spans=spans)
        return ReadSpec(read.name, read.format, uri=uri, feeders=resolved.feeders, spans=spans)

    def dataset(self, name: str, producer: tuple[str, str]) -> ReadSpec:
        """A read of a task's output by name. What keeps no types is read with those that it was written with."""
        task = self.tasks[producer[0]]
        form = next(one.format for one in task.outputs if one.name == producer[1])
        schema = self.compiled.schemas.get(producer)
        # Of a task that is repeated for nothing there is no file that could tell its columns.
        needs_columns = form in ("csv", "json") or task.for_each is not None
        if not needs_columns or not isinstance(schema, Known):
            return ReadSpec(name, form, producer=producer)
        columns = tuple((one.name, one.type) for one in schema.columns)
        return ReadSpec(name, form, producer=producer, columns=columns, written=task.query is not None)

    def key_parts(self, task: Task, inputs: tuple[Resolved, ...]) -> Iterator[KeyPart]:
        """What the pipeline itself puts into the key; the inputs' content is added by the planner."""
        yield KeyPart("epoch", "code", str(EPOCH))
        skip_param = task.query.param if task.query else None
        for field, group, value in _walk(task, ""):
            if field == "query.text":
                yield KeyPart("sql", group, canonical(str(value)))
            elif field == "engines":
                yield from self.engine_parts(task, group)
            elif field in _ASKED:
                # What that was resolved to counts, and not how it was asked for.
                continue
            elif field == "environment.system_packages" and value:
                yield KeyPart(field, group, _text(sorted(value)))
            elif field == "params":
                for name, param in sorted(task.params.items()):
                    if name != skip_param and param is not None:
                        yield KeyPart(PARAM + name, group, _text(param))
            # Each repetition has one item in its key, and no other.
            elif value not in (None, (), {}) and not field.startswith("for_each."):
                yield KeyPart(field, group, _text(value))
        for name in task.incremental.checksum_fields if task.incremental else ():
            if name not in task.params and name in task.metadata:
                yield KeyPart(METADATA + name, "parameters", _text(task.metadata[name]))
        for resolved in inputs:
            if resolved.source is None and resolved.producer is not None and resolved.read.kind == "dataset":
                read = self.dataset(resolved.read.name, resolved.producer)
                if read.columns is not None:
                    yield KeyPart(f"{INPUT}{read.name}.columns", "inputs", _text(read.columns))
            if resolved.source is not None:
                for field, group, value in _walk(resolved.source, f"{INPUT}{resolved.read.name}."):
                    if value is not None:
                        yield KeyPart(field, group, _text(value))

    def engine_parts(self, task: Task, group: KeyGroup) -> Iterator[KeyPart]:
        locked = self.locked(task)
        if locked is not None:
            yield from _locked_parts(locked, group)
        for engine in task.engines:
            if engine == "python":
                own = f"{sys.version_info[0]}.{sys.version_info[1]}"
                yield KeyPart("environment.engine.python", group, own if locked is None else locked.python)
            elif locked is None or engine in _ENGINES:
                yield KeyPart(f"environment.engine.{engine}", group, self.version(task, engine))


_ENGINES: Final = frozenset({"duckdb"})
"""Distributions whose versions are told apart from those of other packages, in whichever environment."""
_ASKED: Final = frozenset({"environment.python_version", "environment.requirements", "environment.requirements_file"})
_MANY: Final = 100
"""Packages of an environment beyond which its digest alone stands for them."""


def _locked_parts(locked: LockedEnvironment, group: KeyGroup) -> Iterator[KeyPart]:
    """The Python and what is installed; the versions are told one by one, so that a difference has a name."""
    yield KeyPart("environment.python_version", group, locked.python)
    yield KeyPart("environment.lock", group, locked.digest)
    versions = locked.versions()
    if len(versions) <= _MANY:
        for name, version in versions.items():
            yield KeyPart(f"environment.requirements.{name}", group, version)


def _plain_columns(schema: Known) -> tuple[tuple[str, str], ...]:
    return tuple((one.name, one.type) for one in schema.columns)


def _by(task: Task) -> str | None:
    by = task.incremental.by if task.incremental else None
    return None if by is None else by.partition


def _can_share(task: Task) -> bool:
    """Whether it can run in a process that others run in at the same time: it asks for nothing that is the whole process's."""
    is_alone = task.environment != Environment() or task.resources.memory is not None or task.is_given_secrets
    # Expectations are evaluated by an engine, which would keep all others waiting.
    return task.executor == "async" and not (is_alone or task.expect)


def _is_own(task: Task, looked_up: Resolved) -> bool:
    return looked_up.producer is not None and looked_up.producer[0] == task.name


def _hooks(hooks: tuple[Hook, ...]) -> tuple[HookSpec, ...]:
    return tuple(HookSpec(one.event, one.webhook) for one in hooks)


def _needs(graph: Graph) -> dict[str, tuple[NeedSpec, ...]]:
    needs: dict[str, dict[str, NeedSpec]] = {}
    for edge in graph.edges:
        known = needs.setdefault(edge.task, {})
        before = known.get(edge.on)
        if before is None or (edge.data and not before.data):
            known[edge.on] = NeedSpec(edge.on, edge.requires, edge.data)
    return {task: tuple(edges.values()) for task, edges in needs.items()}


def _secrets(task: Task) -> tuple[SecretSpec, ...]:
    """The secrets that the task is given, each once, with all the places that it is for."""
    places: dict[str, list[tuple[str | int, ...]]] = {}
    for name, value in task.environment.env.items():
        if isinstance(value, SecretRef):
            places.setdefault(value.secret, []).append(("env", name))
    for path in task.secrets:
        inner: Any = task.params
        for step in path:
            inner = inner[step]
        places.setdefault(SecretRef.model_validate(inner).secret, []).append(("params", *path))
    return tuple(
        SecretSpec(ref, tuple(found), SecretRef(secret=ref).provider in VERSIONED)
        for ref, found in sorted(places.items())
    )


def skip_spec(task: Task) -> SkipSpec:
    """Whether a task may be skipped at all, and on what terms (why not, in the reader's words)."""
    written = task.incremental
    if written is not None and not written.enabled:
        return SkipSpec(can_skip=False, why_not="disabled")
    vouched = written is not None
    why_not = ""
    if not task.outputs:
        why_not = "it has no output that could still be there"
    elif task.effect == "external":
        why_not = "it changes things outside the pipeline"
    elif task.volatile and not (written and written.max_age):
        why_not = f"{task.volatile}; incremental with max_age can allow a skip"
    elif task.visibility == "opaque" and not (vouched and _declares_reads(task)):
        why_not = "nobody says all that it reads; declare inputs or files (an empty list says none) and incremental"
    terms = written or None
    return SkipSpec(
        can_skip=not why_not,
        why_not=why_not,
        strategy=terms.strategy if terms else "hybrid",
        max_age=terms.max_age.seconds if terms and terms.max_age else None,
        checksum_fields=_counting_fields(task),
        dependency_check=terms.dependency_check if terms else True,
        vouched=vouched and (task.visibility == "opaque" or task.volatile is not None),
    )


def _declares_reads(task: Task) -> bool:
    """Whether the author wrote what the task reads, if only that it is nothing; types without a say count as told."""
    declarations = [task.params[name] for name in ("inputs", "files") if name in task.params]
    return not declarations or any(written is not None for written in declarations)


def _counting_fields(task: Task) -> tuple[str, ...]:
    """The parts of the key that count, where the author named some; all parameters if a name means nothing."""
    fields = task.incremental.checksum_fields if task.incremental else ()
    if not all(name in task.params or name in task.metadata for name in fields):
        return ()
    return tuple((PARAM if name in task.params else METADATA) + name for name in fields)


def _walk(node: Node, prefix: str) -> Iterator[tuple[str, KeyGroup, Any]]:
    """Every field of a node, and of the nodes in it, that counts in a key: its path, its group, its value."""
    for name, role in _counting(type(node)):
        value, path = getattr(node, name), prefix + name
        if isinstance(role, InKey):
            yield path, role.group, value
        else:
            yield from _walk_nested(value, path)


@cache
def _counting(cls: type[Node]) -> tuple[tuple[str, InKey | Nested], ...]:
    """The fields of a class of nodes that count in a key, or hold nodes whose fields may."""
    roles = ((name, cls.role(name)) for name in cls.model_fields)
    return tuple((name, role) for name, role in roles if not isinstance(role, NotInKey))


def _walk_nested(value: Any, path: str) -> Iterator[tuple[str, KeyGroup, Any]]:
    if isinstance(value, Node):
        yield from _walk(value, path + ".")
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            label = getattr(item, "name", None) or getattr(item, "path", None) or index
            yield from _walk(item, f"{path}.{label}.")


def _text(value: Any) -> str:
    """A value as the key holds it: sorted JSON, but text as it is where it could be nothing else."""
    if isinstance(value, str) and not _reads_like_json(value):
        return value
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=_plain)


def _reads_like_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else str(value)
