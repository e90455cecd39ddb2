"""What a pipeline's test computes of the rows that it is given, and what it would need beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from trc.compiler.checks.datasets import Datasets
from trc.compiler.checks.graph import Graph, Resolved
from trc.compiler.ir.pipeline import Pipeline, PipelineTest
from trc.compiler.ir.task import Task
from trc.compiler.sql.parse import Parsed, parse

Dataset = tuple[str, str]
"""A task and the name of its output; `("", name)` is a source."""


@dataclass(frozen=True, slots=True)
class Lack:
    """A dataset that the test needs, and cannot have as things stand.

    `rows`: a source whose rows are not given. `task`: a task that is no query, or one of files that only it can name.
    `loop`: a task that is repeated for items. `file`: a file that a query reads by its location. `reader` is the task
    that reads it; None where the test expects it.
    """

    kind: Literal["rows", "task", "loop", "file"]
    name: str
    why: str
    reader: str | None


@dataclass(frozen=True, slots=True)
class Reach:
    """`tasks` are those to be computed, each after what it reads. `given` and `expected` are by the written name.

    Without `is_settled`, a template whose value is not known, or a name that means nothing, hides what some query
    reads: then `lacks` and `unread` need not be all, or true.
    """

    given: Mapping[str, Dataset]
    expected: Mapping[str, Dataset]
    tasks: tuple[str, ...]
    lacks: tuple[Lack, ...]
    unread: tuple[str, ...]
    is_settled: bool


def reach_of(test: PipelineTest, pipeline: Pipeline, graph: Graph, datasets: Datasets) -> Reach:
    """Goes from what is expected up to what is given. Names that mean nothing are left out."""
    given = dict(_meant(test.given, datasets))
    expected = dict(_meant(test.expect, datasets))
    tasks = {task.name: task for task in pipeline.tasks}
    known, read = set(given.values()), set[Dataset]()
    lacks: dict[Dataset | str, Lack] = {}
    computed: dict[str, Task] = {}
    is_hidden = False
    waiting: list[tuple[Dataset, str | None]] = [(one, None) for one in expected.values()]
    while waiting:
        dataset, reader = waiting.pop(0)
        if reader is not None:
            read.add(dataset)
        if dataset in known:
            continue
        owner, name = dataset
        if not owner:
            lacks.setdefault(dataset, Lack("rows", name, "", reader))
            continue
        if owner in computed or dataset in lacks:
            continue
        why = _why_not(tasks[owner])
        if why or tasks[owner].for_each is not None:
            lacks[dataset] = Lack("task" if why else "loop", owner, why, reader)
            continue
        computed[owner] = tasks[owner]
        for resolved in graph.inputs.get(owner, ()):
            if resolved.read.kind == "uri":
                lacks.setdefault(resolved.read.uri, Lack("file", resolved.read.uri, "", owner))
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
        not is_hidden and not any(_is_unsettled(task) for task in computed.values()),
    )


def dataset_of(resolved: Resolved) -> Dataset | None:
    """The dataset that a read by name means."""
    return ("", resolved.source.name) if resolved.source is not None else resolved.producer


def _meant(rows: Mapping[str, object], datasets: Datasets) -> Iterator[tuple[str, Dataset]]:
    for name in rows:
        source, output = datasets.source(name), datasets.output(name)
        if source is not None:
            yield name, ("", source.name)
        elif output is not None:
            yield name, output


def _why_not(task: Task) -> str:
    """Why a test cannot compute what a task yields; empty if it can."""
    if task.query is None:
        return f"is a {task.type} task, and a test runs queries alone"
    parsed = None if _is_unsettled(task) else parse(task.query.text)
    if isinstance(parsed, Parsed) and parsed.computed:
        return f"computes the locations that {parsed.computed[0].name}() reads, and a test reads no files"
    return ""


def _is_unsettled(task: Task) -> bool:
    return task.query is not None and ("{{" in task.query.text or "{%" in task.query.text)
