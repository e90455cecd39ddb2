"""Lets the passes choose how a pipeline's outputs are kept, from what is known of its tasks, queries and files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from trc.compiler.ir.uris import is_glob
from trc.compiler.passes import run_passes
from trc.compiler.passes.demand import demand, opaque
from trc.compiler.passes.draft import Draft, DraftRead, DraftTask, Shape
from trc.compiler.passes.proofs import survives
from trc.compiler.sql.facts import QueryFacts
from trc.runtime.keeping import Keeping
from trc.runtime.plan import PassNote
from trc.runtime.selecting import Part
from trc.runtime.spec import PipelineSpec, ReadSpec, SkipSpec, TaskSpec
from trc.runtime.taskside.records import record

Queries = Mapping[str, QueryFacts]
"""By task, what is known of its query."""
_PLAIN_SKIP = SkipSpec(can_skip=True)
_SHAPES = "trc.stdlib_tasks.duckdb_sql.run:run"
"""What can keep an output in any shape, and read it."""


@record(frozen=True, slots=True)
class Optimised:
    """How outputs are kept, by task, and what each pass did about them. `dead` are tasks that need not be run."""

    keepings: dict[str, Keeping]
    notes: tuple[PassNote, ...]
    dead: frozenset[str] = frozenset()


def optimise(spec: PipelineSpec, queries: Queries, part: Part | None = None) -> Optimised:
    """What the passes make of a pipeline, of which a `part` is to be run. No key depends on it.

    How outputs are kept follows from the whole pipeline: what a run of a part stores serves the others, too.
    """
    whole = spec if part is None else part.whole
    drafting = _Drafting({task.name: task for task in whole.tasks}, queries, _read(whole.tasks), part, _shown(part))
    draft = Draft.of(tuple(drafting.task(task) for task in whole.tasks))
    run_passes(draft)
    drafted = {task.name: task for task in draft.tasks}
    keepings = {
        task.name: _keeping(task, drafted[draft.same_as.get(task.name, task.name)], draft)
        for task in draft.tasks
        if task.query is not None and not task.whole
    }
    run = {task.name for task in draft.tasks if task.is_run}
    told = [one for one in draft.notes if one.task in run and (one.task not in draft.dead or one.by == "dead_tasks")]
    notes = tuple(PassNote(one.by, one.task, one.applied, one.text) for one in told)
    return Optimised(keepings, notes, frozenset(draft.dead))


def _shown(part: Part | None) -> frozenset[str]:
    if part is None:
        return frozenset()
    needed = part.needed
    return part.chosen - _read(task for task in part.whole.tasks if task.name in needed)


def _read(tasks: Iterable[TaskSpec]) -> frozenset[str]:
    """The tasks whose outputs others read, or look values up in."""
    return frozenset(
        one.producer[0] for task in tasks for one in (*task.reads, *task.check_reads) if one.producer is not None
    )


def _keeping(task: DraftTask, kept: DraftTask, draft: Draft) -> Keeping:
    """How a task's output is kept, where `kept` is the task itself or the one whose output stands for it."""
    assert task.query is not None
    found, shape = demand(kept, draft), draft.shape(kept.name)
    return Keeping(
        shape,
        Shape(columns=found.columns, where=found.where),
        task.query.columns,
        is_exact=not (task.query.undetermined or task.query.inexact),
        blind_to_order=frozenset(one.task.name for one in draft.readers[kept.name] if not opaque(one)),
        # Of what is not stored, each reader has the query of the task that it reads.
        same_as="" if shape.is_view or kept is task else kept.name,
    )


@record(frozen=True, slots=True)
class _Drafting:
    """Makes drafts of tasks, out of what is known of all of them."""

    tasks: Mapping[str, TaskSpec]
    queries: Queries
    read: frozenset[str]
    part: Part | None = None
    shown: frozenset[str] = frozenset()
    """The tasks that were selected to see their rows: what reads them is left out."""

    def task(self, task: TaskSpec) -> DraftTask:
        query = self.queries.get(task.name)
        doubt = next((found for found in (self.doubt(one) for one in task.reads) if found), "")
        shown = "it was selected, and nothing that reads it" if task.name in self.shown else ""
        return DraftTask(
            task.name,
            query,
            "" if query else "what it does is not known" if task.query is None else "its columns are not known",
            tuple(DraftRead(one.name, one.producer[0] if one.producer else None, _found(one)) for one in task.reads),
            whole=_whole(task, is_read=task.name in self.read) or shown or doubt,
            apart=_sealed(task),
            sealed=_sealed(task) or (f"may find other columns than are known: {doubt}" if doubt else ""),
            fragile=next((found for found in (self.fragile(one) for one in task.reads) if found), ""),
            terms=_terms(task) if query else {},
            looked_up=tuple(dict.fromkeys(one.producer[0] for one in task.check_reads if one.producer is not None)),
            waits=frozenset((need.task, need.requires) for need in task.needs if not need.data),
            is_run=self.part is None or task.name in self.part.needed,
            is_asked=self.part is None or task.name in self.part.chosen,
        )

    def doubt(self, read: ReadSpec) -> str:
        """Why an input may have other columns than those that its readers' queries were looked at with."""
        if read.producer is None:
            declared = read.columns is not None and read.format == "parquet"
            return f'the columns of "{read.name}" are declared, and its files may have others' if declared else ""
        if self.tasks[read.producer[0]].query is None:
            kept = read.format == "parquet"
            return f'"{read.name}" is written by a task that is not SQL, and may have other columns' if kept else ""
        if read.format != "parquet":
            return ""
        known = self.queries.get(read.producer[0])
        if known is None:
            return f'nothing is proved of "{read.name}"'
        changed = next((name for name, kind in known.columns if not survives(kind)), "")
        return f'"{changed}" of "{read.name}" is stored as another type' if changed else ""

    def fragile(self, read: ReadSpec) -> str:
        """Why reading an input may fail or not, depending on which of its columns and rows are looked at."""
        if read.written or (read.producer is not None and read.format == "parquet"):
            return ""
        if read.format != "parquet":
            return f'"{read.name}" is text, in which any value may be wrong'
        is_many = read.uri is not None and is_glob(read.uri)
        return f'the files of "{read.name}" may differ in their columns' if is_many else ""


def _found(read: ReadSpec) -> str:
    """What tells, beside the task that makes them, which rows are found by a name; empty where the query names files."""
    if read.spans:
        return ""
    output = read.producer[1] if read.producer else None
    return repr((output, read.uri, read.format, read.feeders, read.columns, read.written))


def _sealed(task: TaskSpec) -> str:
    """Why nothing may be assumed of how a task reads."""
    if task.runs != _SHAPES:
        return "is not a task of SQL"
    return "" if task.optimise else "is not to be optimised"


def _whole(task: TaskSpec, *, is_read: bool) -> str:
    """Why a task's output has to be stored as its query makes it."""
    public = next((one.uri for one in task.outputs if one.uri is not None), None)
    if task.query is None or task.runs != _SHAPES:
        return "it is not a task of SQL"
    if public is not None:
        return "it is written where others may read it"
    if not is_read:
        return "no task reads it: it is a result"
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
        "concurrency rules": str(task.rules),
        "dedupe rules": str(task.twins),
        "service": str(task.breaker),
        "deadline": str(task.deadline),
        "environment": str((sorted(task.env.items()), task.environment)),
        "version of DuckDB": engine,
        # What runs it: an aggregation is a query as any other is.
        "type": task.runs,
    }
