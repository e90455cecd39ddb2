"""Lets the passes choose how a pipeline's outputs are kept, from what is known of its tasks, queries and files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from trc.compiler.passes import optimised
from trc.compiler.passes.demand import demand
from trc.compiler.passes.draft import Draft, DraftRead, DraftTask, Shape
from trc.compiler.sql.facts import QueryFacts
from trc.runtime.keeping import Keeping
from trc.runtime.plan import PassNote
from trc.runtime.spec import PipelineSpec, SkipSpec, TaskSpec

Queries = Mapping[str, QueryFacts]
"""By task, what is known of its query."""
Sizes = Callable[[str], int | None]
"""The bytes of the files at a location, None where that cannot be told."""
_PLAIN_SKIP = SkipSpec(can_skip=True)
_SHAPES = "trc.stdlib_tasks.duckdb_sql.run:run"
"""What can keep an output in any shape, and read it."""


@dataclass(frozen=True, slots=True)
class Optimised:
    """How outputs are kept, by task, and what each pass did about them."""

    keepings: dict[str, Keeping]
    notes: tuple[PassNote, ...]


def optimise(spec: PipelineSpec, queries: Queries, sizes: Sizes) -> Optimised:
    """What the passes make of a pipeline. No key depends on it."""
    read = {one.producer[0] for task in spec.tasks for one in task.reads if one.producer is not None}
    looked_up = {one.producer[0] for task in spec.tasks for one in task.check_reads if one.producer is not None}
    tasks = tuple(_drafted(task, queries.get(task.name), task.name in read | looked_up, sizes) for task in spec.tasks)
    draft = optimised(Draft.of(tasks))
    keepings = dict(as_written(queries).keepings)
    for task in draft.tasks:
        if task.query is not None and not task.whole:
            found = demand(task, draft)
            needed = Shape(columns=found.columns, where=found.where)
            keepings[task.name] = replace(keepings[task.name], shape=draft.shape(task.name), needed=needed)
    return Optimised(keepings, tuple(PassNote(one.by, one.task, one.applied, one.text) for one in draft.notes))


def as_written(queries: Queries) -> Optimised:
    """Outputs that are all stored as their queries make them."""
    keepings = {
        name: Keeping(columns=query.columns, is_exact=not (query.undetermined or query.inexact))
        for name, query in queries.items()
    }
    return Optimised(keepings, ())


def _drafted(task: TaskSpec, query: QueryFacts | None, is_read: bool, sizes: Sizes) -> DraftTask:
    return DraftTask(
        task.name,
        query,
        "" if query else "what it does is not known" if task.query is None else "its columns are not known",
        tuple(
            DraftRead(
                one.name,
                one.format,
                one.producer[0] if one.producer else None,
                sizes(one.uri) if one.uri is not None and one.producer is None and one.format != "parquet" else None,
            )
            for one in task.reads
        ),
        whole=_whole(task, is_read),
        sealed=_sealed(task),
        terms=_terms(task),
        looked_up=tuple(dict.fromkeys(one.producer[0] for one in task.check_reads if one.producer is not None)),
    )


def _sealed(task: TaskSpec) -> str:
    """Why nothing may be assumed of how a task reads."""
    if task.runs != _SHAPES:
        return "is not a task of SQL"
    return "" if task.optimise else "is not to be optimised"


def _whole(task: TaskSpec, is_read: bool) -> str:
    """Why a task's output has to be stored as its query makes it."""
    public = next((one.uri for one in task.outputs if one.uri is not None), None)
    if task.query is None or task.runs != _SHAPES:
        return "it is not a task of SQL"
    if public is not None:
        return "it is written where others may read it"
    if not is_read:
        return "no task reads it: it is a result"
    declared = next(
        (one for one in task.reads if one.columns is not None and one.uri is not None and one.format == "parquet"), None
    )
    if declared is not None:
        return f'the columns of "{declared.name}" are declared, and the files may have others'
    if not task.optimise:
        return "it is not to be optimised"
    if task.checks:
        return "its expectations look at all of it"
    if len(task.outputs) != 1 or task.outputs[0].format != "parquet":
        return "it is not stored as Parquet"
    if task.secrets:
        return "it is given secrets"
    if task.skip != _PLAIN_SKIP:
        return "it says by itself when it is to be skipped"
    return ""


def _terms(task: TaskSpec) -> dict[str, str]:
    """What a query runs under: it runs within another one only where all of that is equal."""
    engine = next((part.value for part in task.key_parts if part.field == "environment.engine.duckdb"), "")
    return {
        "memory limit": str(task.memory),
        "number of cpus": str(task.cpus),
        "timeout": str((task.timeout, task.heartbeat_timeout)),
        "retry policy": str((task.retry, task.retry_on)),
        "environment": str(sorted(task.env.items())),
        "version of DuckDB": engine,
        "type": f"{task.type} {task.runs}",
    }
