"""What a pipeline's test computes of the rows that it is given, and what it would need beside them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from trc.compiler.checks.datasets import Datasets
from trc.compiler.checks.graph import Graph, Resolved
from trc.compiler.checks.results import ResultUse
from trc.compiler.ir.pipeline import Pipeline, PipelineTest
from trc.compiler.ir.task import Task
from trc.compiler.sql.parse import Parsed, parse

Dataset = tuple[str, str]
"""A task and the name of its output; `("", name)` is a source."""


@dataclass(frozen=True, slots=True)
class Lack:
    """A dataset that the test needs, and cannot have as things stand.

    `rows`: a source whose rows are not given. `task`: a task that is no query, or one of files that only it can name.
    `value`: what a task returns. `file`: a file that a query reads by its location. `name` is what could
    be given in its place. `reader` is the task that reads it; None where the test expects it.
    """

    kind: Literal["rows", "task", "value", "file"]
    task: str
    name: str
    why: str
    reader: str | None


@dataclass(frozen=True, slots=True)
class Reach:
    """`tasks` are those to be computed, each after what it reads. `given` and `expected` are by the written name.

    The queries of the tasks that are `open` hold a template that is not rendered. Then, and without `is_clear`, where
    a read means nothing, what is read is not known: `lacks` and `unread` need not be all, or true.
    """

    given: Mapping[str, Dataset]
    expected: Mapping[str, Dataset]
    tasks: tuple[str, ...]
    lacks: tuple[Lack, ...]
    unread: tuple[str, ...]
    unasked: tuple[str, ...]
    """The tasks whose values are given for nothing."""
    open: tuple[Task, ...]
    is_clear: bool

    @property
    def is_settled(self) -> bool:
        return self.is_clear and not self.open


def reach_of(
    test: PipelineTest, pipeline: Pipeline, graph: Graph, datasets: Datasets, unrendered: Collection[str]
) -> Reach:
    """Goes from what is expected up to what is given. Names that mean nothing are left out.

    `unrendered` are the texts with templates that stayed as they are written.
    """
    given = dict(_meant(test.given, datasets))
    expected = dict(_meant(test.expect, datasets))
    tasks = {task.name: task for task in pipeline.tasks}
    known, read = set(given.values()), set[Dataset]()
    lacks: dict[Dataset | str, Lack] = {}
    computed: dict[str, Task] = {}
    is_hidden = False
    told = {task.name for name in test.values if (task := datasets.task_exactly(name)) is not None}
    asked: set[str] = set()
    waiting: list[tuple[Dataset, str | None]] = [(one, None) for one in expected.values()]
    while waiting:
        dataset, reader = waiting.pop(0)
        if reader is not None:
            read.add(dataset)
        if dataset in known:
            continue
        owner, name = dataset
        if not owner:
            lacks.setdefault(dataset, Lack("rows", "", name, "", reader))
            continue
        if owner in computed or dataset in lacks:
            continue
        why = _why_not(tasks[owner], unrendered)
        if why:
            called = owner if len(tasks[owner].outputs) == 1 else ".".join(dataset)
            lacks[dataset] = Lack("task", owner, called, why, reader)
            continue
        computed[owner] = tasks[owner]
        items = dataset_of(graph.items[owner]) if owner in graph.items else None
        if items is not None:
            waiting.append((items, owner))
        is_hidden = is_hidden or (owner in graph.items and items is None)
        for use in results_of(owner, graph):
            if use.path[0] == "rows":
                waiting.append(((use.task, tasks[use.task].outputs[0].name), owner))
            elif use.task in told:
                asked.add(use.task)
            else:
                lacks.setdefault(f"values.{use.task}", Lack("value", use.task, use.shown, "", owner))
        for resolved in graph.inputs.get(owner, ()):
            if resolved.read.kind == "uri":
                lacks.setdefault(resolved.read.uri, Lack("file", "", resolved.read.uri, "", owner))
            elif (found := dataset_of(resolved)) is not None:
                waiting.append((found, owner))
            else:
                is_hidden = True
    return Reach(
        given,
        expected,
        tuple(name for name in graph.order if name in computed),
        tuple(lacks.values()),
        tuple(name for name, dataset in given.items() if dataset not in read and dataset not in expected.values()),
        tuple(
            name for name in test.values if (task := datasets.task_exactly(name)) is not None and task.name not in asked
        ),
        tuple(task for task in computed.values() if _is_open(task, unrendered)),
        not is_hidden,
    )


def dataset_of(resolved: Resolved) -> Dataset | None:
    """The dataset that a read by name means."""
    return ("", resolved.source.name) if resolved.source is not None else resolved.producer


def results_of(task: str, graph: Graph) -> tuple[ResultUse, ...]:
    """What a task's query is handed of the results of others; a test asks no conditions."""
    return tuple(use for use in graph.results.get(task, ()) if not use.of_condition)


def _meant(rows: Mapping[str, object], datasets: Datasets) -> Iterator[tuple[str, Dataset]]:
    for name in rows:
        source, output = datasets.source(name), datasets.output(name)
        if without_rows(name, datasets):
            continue
        if source is not None:
            yield name, ("", source.name)
        elif output is not None:
            yield name, output


def without_rows(name: str, datasets: Datasets) -> bool:
    """Whether a name is that of files which are read as they are."""
    source, output, task = datasets.source(name), datasets.output(name), datasets.task(name)
    if source is not None:
        return source.format == "file" and not source.columns
    if output is None or task is None:
        return False
    written = next(one for one in task.outputs if one.name == output[1])
    return written.format == "file" and not (task.columns or written.columns)


def _why_not(task: Task, unrendered: Collection[str]) -> str:
    """Why a test cannot compute what a task yields; empty if it can."""
    if task.query is None:
        return f"is a {task.type} task, and a test runs queries alone"
    parsed = None if _is_open(task, unrendered) else parse(task.query.text)
    if isinstance(parsed, Parsed) and parsed.computed:
        return f"computes the locations that {parsed.computed[0].name}() reads, and a test reads no files"
    return ""


def _is_open(task: Task, unrendered: Collection[str]) -> bool:
    """Whether the query holds a template still; one that its task type wrote may hold it as a part."""
    return task.query is not None and any(text in task.query.text for text in unrendered)
