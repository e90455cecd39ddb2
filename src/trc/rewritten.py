"""Each query as it is written and as it runs, to be read by people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from trc.runtime.keeping import AS_WRITTEN, Keeping
from trc.runtime.spec import PipelineSpec, TaskSpec
from trc.stdlib_tasks.duckdb_sql.run.inputs import identifier
from trc.stdlib_tasks.duckdb_sql.run.shaped import around


def rewritten(spec: PipelineSpec, keepings: Mapping[str, Keeping]) -> Iterator[tuple[str, str]]:
    """Texts of SQL with what each is: of a query that no pass has changed, one; else how it is written and how it runs."""
    tasks = {task.name: task for task in spec.tasks}
    for task in spec.tasks:
        if task.query is None:
            continue
        keeping = keepings.get(task.name, AS_WRITTEN)
        if keeping.same_as:
            yield f"{task.name}, not computed: it is the same as {keeping.same_as}", task.query
            continue
        if keeping.shape.is_view:
            tried = ", ".join(f'"{name}"' for name in keeping.shape.tried)
            once = f", once {tried} had a value in each row" if tried else ""
            yield f"{task.name}, not stored: it is part of what reads it{once}", task.query
            continue
        after = "".join(_views(task, tasks, keepings, {})) + _wrapped(task.query, keeping)
        if after == task.query:
            yield task.name, task.query
        else:
            yield f"{task.name}, as it is written", task.query
            yield f"{task.name}, as it runs", after


def _views(
    task: TaskSpec, tasks: Mapping[str, TaskSpec], keepings: Mapping[str, Keeping], made: dict[str, None]
) -> Iterator[str]:
    for read in task.reads:
        producer = tasks[read.producer[0]] if read.producer is not None else None
        if producer is None or not keepings.get(producer.name, AS_WRITTEN).shape.is_view or read.name in made:
            continue
        yield from _views(producer, tasks, keepings, made)
        made[read.name] = None
        yield f"CREATE VIEW {identifier(read.name)} AS\n{_bare(producer.query or '')};\n\n"


def _wrapped(query: str, keeping: Keeping) -> str:
    before, after = around(keeping.shape.columns, keeping.shape.where)
    return f"{before}{_bare(query)}{after}" if after else query


def _bare(query: str) -> str:
    return query.strip().rstrip(";").rstrip()
