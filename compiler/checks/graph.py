"""What each read means, which task waits for which, and an order in which tasks can run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Literal

from trc.compiler.checks.datasets import Datasets
from trc.compiler.checks.fills import check_fills
from trc.compiler.checks.order import circles, find_circle, run_order
from trc.compiler.checks.outputs import check_outputs
from trc.compiler.checks.results import ResultUse, results_of
from trc.compiler.checks.spots import items_span, lookup_span, need_span, read_span, task_span
from trc.compiler.diagnostics.collector import Collector
from trc.compiler.diagnostics.diagnostic import Diagnostic, Fix, Label
from trc.compiler.diagnostics.nearest import did_you_mean, nearest
from trc.compiler.ir.dataset import DatasetRead, Read, Source, is_renamed
from trc.compiler.ir.expectations import looked_up
from trc.compiler.ir.pipeline import Pipeline
from trc.compiler.ir.places import Places
from trc.compiler.ir.task import Task
from trc.compiler.ir.uris import is_glob, normalise
from trc.compiler.source import Span


@dataclass(frozen=True, slots=True)
class Resolved:
    """A read and what it means: a source, the `(task, output)` that writes it, or files that no one declared.

    `feeders` are the tasks whose outputs a glob covers. A read by name that means nothing has none of
    these; `help` then says what was meant, and `explained` that an earlier error says why.
    """

    read: Read
    source: Source | None = None
    producer: tuple[str, str] | None = None
    feeders: tuple[str, ...] = ()
    explained: bool = False
    help: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Edge:
    """`task` waits for `on`. `via` is the dataset or location through which data flows, or `needs`."""

    task: str
    on: str
    requires: Literal["success", "completion"]
    data: bool
    via: str


@dataclass(frozen=True, slots=True)
class Graph:
    """The dependencies of a pipeline.

    `order` names every task after those that it waits for, in the author's order where that is free;
    what waits for itself in a circle (an error) is ordered as if it did not. One edge a pair of tasks.
    """

    order: tuple[str, ...]
    inputs: Mapping[str, tuple[Resolved, ...]]
    edges: tuple[Edge, ...]
    checks: Mapping[str, tuple[Resolved, ...]] = field(default_factory=dict[str, tuple[Resolved, ...]])
    """The datasets that tasks' expectations look values up in."""
    items: Mapping[str, Resolved] = field(default_factory=dict[str, Resolved])
    """The datasets whose rows tasks are repeated for."""
    results: Mapping[str, tuple[ResultUse, ...]] = field(default_factory=dict[str, tuple[ResultUse, ...]])
    """What tasks are handed of the results of others."""


def resolve(
    pipeline: Pipeline, places: Places, collect: Collector, known_names: frozenset[str], project: str | PurePath = "/"
) -> Graph:
    """The graph of `pipeline`, whose mistakes go to `collect`.

    `known_names` are tasks and sources that the author wrote and that are missing here for mistakes of
    their own: naming one is no further mistake. `project` is the folder that relative paths start from.
    """
    datasets = Datasets(pipeline, str(project))
    explained = frozenset(name.casefold() for name in known_names)
    check_outputs(datasets, places, collect)
    check_fills(datasets, places, collect)
    inputs = {task.name: tuple(_resolved(read, datasets, explained) for read in task.reads) for task in pipeline.tasks}
    checks = {
        task.name: tuple(
            _resolved(DatasetRead(name=name, dataset=name), datasets, explained) for name in looked_up(task.expect)
        )
        for task in pipeline.tasks
        if task.expect
    }
    items = {
        task.name: _resolved(DatasetRead(name=rows, dataset=rows), datasets, explained)
        for task in pipeline.tasks
        if task.for_each is not None and (rows := task.for_each.rows) is not None
    }
    edges: dict[tuple[str, str], Edge] = {}
    results: dict[str, tuple[ResultUse, ...]] = {}
    for task in pipeline.tasks:
        handed = results_of(task, datasets, explained, places, collect)
        if handed:
            results[task.name] = handed
        _report_unresolved(task, inputs[task.name], datasets, places, collect)
        repeated = _report_items(task, items.get(task.name), datasets, places, collect)
        looked = _report_lookups(task, checks.get(task.name, ()), datasets, places, collect)
        for edge in [
            *_data_edges(task, inputs[task.name]),
            *repeated,
            *looked,
            *(Edge(task.name, one.task, "success", data=True, via=one.shown) for one in handed),
            *_need_edges(task, datasets, explained, places, collect),
        ]:
            written = edges.setdefault((edge.task, edge.on), edge)
            if written.data and edge.requires == "completion":
                collect.add(_unprotected(task, written, places))
    names = [task.name for task in pipeline.tasks]
    graph = Graph(run_order(names, edges), inputs, tuple(edges.values()), checks, items, results)
    for members in circles(names, edges):
        collect.add(_circle(find_circle(members, edges), len(members), edges, datasets, places))
    return graph


def _resolved(read: Read, datasets: Datasets, explained: frozenset[str]) -> Resolved:
    if not isinstance(read, DatasetRead):
        producer, feeders = datasets.writers(read.uri)
        return Resolved(read, None, producer, feeders)
    source = datasets.source(read.dataset)
    if source is not None:
        return Resolved(read, source, None, datasets.fillers(normalise(source.uri, datasets.project)))
    producer = datasets.output(read.dataset)
    if producer is not None:
        return Resolved(read, None, producer)
    if read.dataset.partition(".")[0].casefold() in explained and datasets.task(read.dataset) is None:
        return Resolved(read, explained=True)
    return Resolved(read, help=_meant(read.dataset, datasets))


def _meant(name: str, datasets: Datasets) -> tuple[str, ...]:
    """What to say about a name that is no dataset."""
    task = datasets.task(name)
    if task is None:
        return did_you_mean(name, datasets.names())
    if not task.outputs:
        return (f'"{task.name}" is a task without an output; "needs" orders tasks without data',)
    outputs = ", ".join(f"{task.name}.{output.name}" for output in task.outputs)
    return (f'"{task.name}" writes: {outputs}',)


def _report_unresolved(
    task: Task, inputs: Iterable[Resolved], datasets: Datasets, places: Places, collect: Collector
) -> None:
    """A query's tables are left to the check of its SQL, which knows their exact places."""
    for resolved in inputs:
        read = resolved.read
        if task.query is not None and not is_renamed(read):
            continue
        if not isinstance(read, DatasetRead) or resolved.source or resolved.producer or resolved.explained:
            continue
        span = read_span(places, task, read)
        found = datasets.task(read.dataset)
        message, label = f'no source or task is called "{read.dataset}"', f'read by "{task.name}"'
        part = read.dataset.partition(".")[2]
        if found is not None and part:
            message = f'"{found.name}" has no output called "{part}"'
        elif found is not None and found.outputs:
            message = f'"{found.name}" has several outputs, and "{task.name}" does not say which it reads'
        elif found is not None:
            message = f'"{task.name}" reads "{found.name}", which writes no dataset'
        fix = _rename(span, read.dataset, None if found else nearest(read.dataset, datasets.names()))
        collect.add(Diagnostic("TRC306", message, span, label, help=resolved.help, fix=fix, task=task.name))


def _data_edges(task: Task, inputs: Iterable[Resolved]) -> Iterable[Edge]:
    for resolved in inputs:
        read = resolved.read
        via = read.dataset if isinstance(read, DatasetRead) else read.uri
        writers = resolved.feeders if resolved.producer is None else (resolved.producer[0], *resolved.feeders)
        for writer in writers:
            yield Edge(task.name, writer, "success", data=True, via=via)


def _report_lookups(
    task: Task, looked_up: Iterable[Resolved], datasets: Datasets, places: Places, collect: Collector
) -> list[Edge]:
    """The edges to what expectations look values up in; a task may look among its own rows."""
    for resolved in looked_up:
        if resolved.source or resolved.producer or resolved.explained or collect.errors_in_task(task.name):
            continue
        name = resolved.read.name
        span = lookup_span(places, task, name)
        found = datasets.task(name)
        message = f'"{found.name}" is not one dataset' if found else f'no source or task is called "{name}"'
        fix = _rename(span, name, None if found else nearest(name, datasets.names()))
        label = f'looked up by "{task.name}"'
        collect.add(Diagnostic("TRC306", message, span, label, help=resolved.help, fix=fix, task=task.name))
    return [edge for edge in _data_edges(task, looked_up) if edge.on != task.name]


def _report_items(
    task: Task, items: Resolved | None, datasets: Datasets, places: Places, collect: Collector
) -> list[Edge]:
    """The edges to the dataset whose rows the task is repeated for."""
    if items is None:
        return []
    form = datasets.format_of(items.source, items.producer)
    if form is not None and form != "file":
        return list(_data_edges(task, (items,)))
    if not items.explained and not collect.errors_in_task(task.name):
        name = items.read.name
        span = items_span(places, task)
        found = datasets.task(name)
        message = f'"{name}" has no rows' if form or found else f'no source or task is called "{name}"'
        fix = _rename(span, name, None if form or found else nearest(name, datasets.names()))
        label = f'"{task.name}" is repeated for its rows'
        collect.add(Diagnostic("TRC306", message, span, label, help=items.help, fix=fix, task=task.name))
    return []


def _need_edges(
    task: Task, datasets: Datasets, explained: frozenset[str], places: Places, collect: Collector
) -> Iterable[Edge]:
    for index, need in enumerate(task.needs):
        span = need_span(places, task, index)
        if need.task.casefold() == task.name.casefold():
            remedy = ("remove this need",)
            collect.add(Diagnostic("TRC304", f'"{task.name}" needs itself', span, help=remedy, task=task.name))
            continue
        on = datasets.task_exactly(need.task)
        if on is not None:
            yield Edge(task.name, on.name, need.requires, data=False, via="needs")
        elif need.task.casefold() not in explained:
            collect.add(_unknown_need(task, need.task, span, datasets))


def _unknown_need(task: Task, name: str, span: Span | None, datasets: Datasets) -> Diagnostic:
    if datasets.source(name) is not None:
        remedy: tuple[str, ...] = ("a source is there before the run: remove this need",)
        return Diagnostic("TRC301", f'"{name}" is a source, not a task', span, help=remedy, task=task.name)
    message, label = f'no task is called "{name}"', f'needed by "{task.name}"'
    tasks = datasets.task_names()
    fix = _rename(span, name, nearest(name, tasks))
    return Diagnostic("TRC301", message, span, label, help=did_you_mean(name, tasks), fix=fix, task=task.name)


def _rename(span: Span | None, name: str, meant: str | None) -> Fix | None:
    """An edit, where the place holds the name and nothing else."""
    if span is None or meant is None or span.end - span.start != len(name):
        return None
    return Fix(span, meant, f'write "{meant}"')


def _unprotected(task: Task, data: Edge, places: Places) -> Diagnostic:
    index = next(i for i, need in enumerate(task.needs) if need.task.casefold() == data.on.casefold())
    return Diagnostic(
        "TRC305",
        f'"{task.name}" reads the data of "{data.on}" and would run after it failed',
        need_span(places, task, index),
        "requires only completion",
        help=(f'remove this need, or require success: "{task.name}" reads "{data.via}"',),
        task=task.name,
    )


_LONGEST_SHOWN = 8


def _circle(
    names: list[str], size: int, edges: Mapping[tuple[str, str], Edge], datasets: Datasets, places: Places
) -> Diagnostic:
    """`names` is a circle, each task waiting for the next and the last for the first, among `size` such tasks."""
    steps = [edges[name, names[(i + 1) % len(names)]] for i, name in enumerate(names)]
    shown = steps if len(steps) <= _LONGEST_SHOWN else steps[:_LONGEST_SHOWN]
    labels = [Label(span, text) for span, text in (_step(edge, datasets, places) for edge in shown) if span is not None]
    if len(names) == 1:
        return _reads_itself(edges[names[0], names[0]], labels, places)
    path = " → ".join(names if len(names) <= _LONGEST_SHOWN else [*names[: _LONGEST_SHOWN - 1], "…", names[-1]])
    message = f"these tasks wait for each other: {path} → {names[0]}"
    help_lines = ["a task can start only when all that it waits for has finished: remove one of these dependencies"]
    if size > len(names):
        help_lines.append(f"{size - len(names):,} more tasks wait in circles with these")
    first = labels[0] if labels else None
    return Diagnostic(
        "TRC302",
        message,
        first.span if first else task_span(places, names[0]),
        first.text if first else "",
        tuple(labels[1:]),
        tuple(help_lines),
        task=names[0],
    )


def _reads_itself(edge: Edge, labels: list[Label], places: Places) -> Diagnostic:
    span = labels[0].span if labels else task_span(places, edge.task)
    remedy = ("what a task writes is there only after it: read another dataset, or write elsewhere",)
    message = f'"{edge.task}" reads what it writes itself'
    label = f'"{edge.via}" covers its own output' if is_glob(edge.via) else "its own output"
    return Diagnostic("TRC302", message, span, label, help=remedy, task=edge.task)


def _step(edge: Edge, datasets: Datasets, places: Places) -> tuple[Span | None, str]:
    """Where a task says that it waits for another, and how."""
    task = datasets.task(edge.task)
    if task is None:
        return None, ""
    if not edge.data:
        index = next(i for i, need in enumerate(task.needs) if need.task.casefold() == edge.on.casefold())
        return need_span(places, task, index), f'"{edge.task}" needs "{edge.on}"'
    for read in task.reads:
        if edge.via == (read.dataset if isinstance(read, DatasetRead) else read.uri):
            what = "" if edge.via.casefold() == edge.on.casefold() else f', written by "{edge.on}"'
            return read_span(places, task, read), f'"{edge.task}" reads "{edge.via}"{what}'
    return task_span(places, edge.task), f'"{edge.task}" reads "{edge.via}"'
