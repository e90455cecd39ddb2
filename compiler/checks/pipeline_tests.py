"""Checks a pipeline's tests: their names, their rows against the columns, and whether they can be computed at all."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, assert_never

from pydantic import JsonValue

from trc.compiler.checks.datasets import Datasets
from trc.compiler.checks.graph import Graph
from trc.compiler.checks.reach import Dataset, Lack, Reach, reach_of, without_rows
from trc.compiler.checks.spots import key_span, text_span
from trc.compiler.context import Context
from trc.compiler.diagnostics.collector import Collector
from trc.compiler.diagnostics.diagnostic import Diagnostic, Fix, Label
from trc.compiler.diagnostics.nearest import did_you_mean, nearest
from trc.compiler.ir.dataset import Column
from trc.compiler.ir.pipeline import Pipeline, PipelineTest
from trc.compiler.ir.places import Path, Places
from trc.compiler.ir.task import Task
from trc.compiler.ir.types import Known, Schema, Unknown
from trc.compiler.sql.written_values import misfit
from trc.compiler.templates.names import Settled
from trc.compiler.templates.settle import missing_value, no_target

Rows = Sequence[Mapping[str, JsonValue]]

_MOST_NAMES: Final = 12


def check_pipeline_tests(  # noqa: PLR0917 - one step of the chain, called once
    pipeline: Pipeline,
    graph: Graph,
    schemas: Mapping[Dataset, Schema],
    places: Places,
    context: Context,
    collect: Collector,
    known_names: frozenset[str],
    settled: Settled | None,
) -> None:
    """Reports what is wrong with the tests.

    `known_names` are tasks and sources that the author wrote; one that is missing here has a mistake of its own. A test
    that could not be read as it is written explains all that is amiss with the tests. Where the context is that of one
    test, whoever runs it asks for `check_one_test`.
    """
    if not pipeline.tests or context.test is not None or _are_misread(places, collect):
        return
    datasets = Datasets(pipeline, str(context.project))
    known = frozenset(name.casefold() for name in known_names)
    _report_twice(pipeline, places, collect)
    for index, test in enumerate(pipeline.tests):
        reach = reach_of(test, pipeline, graph, datasets, settled.unrendered if settled else ())
        _Check(index, test, reach, datasets, schemas, places, collect, known).all()


def check_one_test(  # noqa: PLR0917 - the same step, for one test
    index: int,
    pipeline: Pipeline,
    graph: Graph,
    schemas: Mapping[Dataset, Schema],
    places: Places,
    context: Context,
    collect: Collector,
    settled: Settled | None,
) -> None:
    """Reports what keeps a test from being run, in a pipeline that was compiled with the test's parameters."""
    datasets = Datasets(pipeline, str(context.project))
    test = pipeline.tests[index]
    reach = reach_of(test, pipeline, graph, datasets, settled.unrendered if settled else ())
    _Check(index, test, reach, datasets, schemas, places, collect, frozenset(), settled).all()


def row_problems(name: str, rows: Rows, columns: Sequence[Column], path: Path, places: Places) -> Iterator[Diagnostic]:
    """What keeps rows from being rows of the dataset `name` with these columns; `path` is that of the rows."""
    known = {column.name.casefold(): column for column in columns}
    for index, row in enumerate(rows):
        seen: dict[str, str] = {}
        for key, value in row.items():
            here: Path = (*path, index, key)
            column = known.get(key.casefold())
            if column is None:
                yield _no_column(name, key, columns, here, places)
                continue
            first = seen.setdefault(key.casefold(), key)
            if first != key:
                message = f'column "{column.name}" has two values in one row'
                other = key_span(places, *path, index, first)
                related = (Label(other, "first here"),) if other else ()
                yield Diagnostic(
                    "TRC206", message, key_span(places, *here), related=related, help=("remove one of them",)
                )
            why = misfit(value, column.type)
            if why:
                message = f'column "{column.name}" is {column.type}, and this {why}'
                yield Diagnostic("TRC442", message, places.span(*here), help=(_remedy(value, column.type),))


def _no_column(name: str, key: str, columns: Sequence[Column], path: Path, places: Places) -> Diagnostic:
    names = [column.name for column in columns]
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    span, meant = key_span(places, *path), nearest(key, names)
    is_bare = span is not None and span.end - span.start == len(key)
    return Diagnostic(
        "TRC441",
        f'"{name}" has no column "{key}"',
        span,
        f"it has: {', '.join(names[:_MOST_NAMES])}{more}",
        help=did_you_mean(key, names) or ("write a row with columns that it has; those left out are NULL",),
        fix=Fix(span, meant, f'write "{meant}"') if span and meant and is_bare else None,
    )


def _remedy(value: JsonValue, kind: str) -> str:
    if kind == "VARCHAR" and isinstance(value, bool | int | float):
        return f"write the text: {json.dumps(json.dumps(value))}"
    example = _EXAMPLES.get(kind)
    return f"write a value of the type {kind}{f', such as {json.dumps(example)}' if example else ''}, or null"


_EXAMPLES: Final[Mapping[str, JsonValue]] = {
    "BOOLEAN": True,
    "DATE": "2026-01-31",
    "TIME": "09:00:00",
    "TIMESTAMP": "2026-01-31 09:00:00",
    "TIMESTAMP WITH TIME ZONE": "2026-01-31 09:00:00+01:00",
    "INTERVAL": "1 day",
}


def _are_misread(places: Places, collect: Collector) -> bool:
    """Whether an earlier error stands in the tests: what was read of them need not be what is written."""
    spans = [places.span(*path) for path in places.table if path[:1] == ("tests",) and len(path) == _ONE_TEST]
    return any(
        span is not None and error.span.file == span.file and span.start <= error.span.start <= span.end
        for error in collect.reported
        if error.severity == "error" and error.span is not None and error.code not in _BESIDE
        for span in spans
    )


_ONE_TEST: Final = 2
_BESIDE: Final = frozenset({"TRC209", "TRC213"})
"""What is wrong with the values that tests give to parameters says nothing about their rows."""


def _report_twice(pipeline: Pipeline, places: Places, collect: Collector) -> None:
    first: dict[str, int] = {}
    for index, test in enumerate(pipeline.tests):
        earlier = first.setdefault(test.name, index)
        if earlier != index:
            span, other = places.span("tests", index, "name"), places.span("tests", earlier, "name")
            related = (Label(other, "first here"),) if other else ()
            message = f'two tests are called "{test.name}"'
            collect.add(Diagnostic("TRC206", message, span, related=related, help=("give one of them another name",)))


@dataclass(frozen=True, slots=True)
class _Check:
    """One test. With `settled`, it is going to be run with those values: what is not known is then a mistake."""

    index: int
    test: PipelineTest
    reach: Reach
    datasets: Datasets
    schemas: Mapping[Dataset, Schema]
    places: Places
    collect: Collector
    known_names: frozenset[str]
    settled: Settled | None = None

    def all(self) -> None:
        self.names()
        self.rows()
        self.computing()

    def names(self) -> None:
        if not self.test.expect:
            message = f'the test "{self.test.name}" expects nothing'
            span = self.places.span("tests", self.index, "expect")
            self.collect.add(Diagnostic("TRC205", message, span, help=("say which rows a task must yield",)))
        for part, rows, meant in self.parts():
            seen: dict[Dataset, str] = {}
            for name in rows:
                if name not in meant:
                    if not self.is_explained(name):
                        self.no_dataset(part, name)
                elif (first := seen.setdefault(meant[name], name)) != name:
                    other = key_span(self.places, "tests", self.index, part, first)
                    related = (Label(other, "first here"),) if other else ()
                    message, remedy = f'"{name}" is the same dataset as "{first}"', ("write its rows in one place",)
                    span = key_span(self.places, "tests", self.index, part, name)
                    self.collect.add(Diagnostic("TRC206", message, span, related=related, help=remedy))
        for name in self.test.values:
            if self.datasets.task_exactly(name) is None and not self.is_explained(name):
                span, tasks = key_span(self.places, "tests", self.index, "values", name), self.datasets.task_names()
                known = f"there are: {', '.join(tasks[:_MOST_NAMES])}" if tasks else "no task returns anything"
                advice = did_you_mean(name, tasks) or (known,)
                self.collect.add(Diagnostic("TRC440", f'no task is called "{name}"', span, help=advice))

    def parts(self) -> tuple[tuple[str, Mapping[str, Rows], Mapping[str, Dataset]], ...]:
        return (
            ("given", self.test.given, self.reach.given),
            ("expect", self.test.expect, self.reach.expected),
        )

    def is_explained(self, name: str) -> bool:
        """Whether a dataset is missing for a mistake of its own, which is reported."""
        is_there = self.datasets.task(name) is not None or self.datasets.source(name) is not None
        return name.partition(".")[0].casefold() in self.known_names and not is_there

    def no_dataset(self, part: str, name: str) -> None:
        span = key_span(self.places, "tests", self.index, part, name)
        task = self.datasets.task(name)
        names = self.datasets.names()
        message, remedy = f'no source or task is called "{name}"', did_you_mean(name, names)
        if without_rows(name, self.datasets):
            message, remedy = f'"{name}" is a file without rows', (_OF_ROWS,)
        elif task is not None and task.outputs:
            outputs = ", ".join(f"{task.name}.{output.name}" for output in task.outputs)
            message, remedy = f'"{name}" is not one dataset', (f'"{task.name}" writes: {outputs}',)
        elif task is not None:
            message, remedy = f'"{task.name}" writes no dataset', (_OF_ROWS,)
        elif not remedy:
            remedy = (f"there are: {', '.join(names[:_MOST_NAMES])}",) if names else ("declare a source of that name",)
        meant = None if task or self.datasets.source(name) else nearest(name, names)
        is_bare = span is not None and span.end - span.start == len(name)
        fix = Fix(span, meant, f'write "{meant}"') if span and meant and is_bare else None
        self.collect.add(Diagnostic("TRC440", message, span, help=remedy, fix=fix))

    def rows(self) -> None:
        for part, written, meant in self.parts():
            for name, rows in written.items():
                schema = self.schemas.get(meant[name]) if name in meant else None
                path: Path = ("tests", self.index, part, name)
                if name in meant and self.collect.errors_in_task(meant[name][0]):
                    continue
                if isinstance(schema, Known):
                    self.collect.extend(row_problems(name, rows, schema.columns, path, self.places))
                elif isinstance(schema, Unknown) and part == "given" and self.settled is not None:
                    message = f'the columns of "{name}" are not known, so its rows have no types'
                    span, remedy = key_span(self.places, *path), self.to_know(meant[name], schema)
                    self.collect.add(Diagnostic("TRC446", message, span, help=remedy))

    def to_know(self, dataset: Dataset, schema: Unknown) -> tuple[str, ...]:
        """How the columns of a dataset become known."""
        owner, name = dataset
        task = self.datasets.task_exactly(owner)
        if task is not None and len(task.outputs) > 1:
            return (f'"{owner}" has several outputs: give the rows of a task that reads it, with "columns" of its own',)
        remedy = f'declare "columns" on "{owner or name}"'
        return (remedy,) if remedy in schema.reason else (remedy, f"they are not known because {schema.reason}")

    def computing(self) -> None:
        for name, dataset in self.reach.expected.items():
            if dataset in self.reach.given.values():
                self.report("TRC444", f'"{name}" is given, so there is nothing to expect of it', name, _NOT_BOTH)
            elif not dataset[0]:
                self.report("TRC444", f'"{name}" is a source, and nothing computes its rows', name, _NOT_A_SOURCE)
        # Where a task has a mistake, or is missing for one, nobody knows what is read.
        is_explained = any(map(self.is_explained, (*self.test.given, *self.test.values, *self.test.expect)))
        is_explained = is_explained or any(map(self.collect.errors_in_task, self.reach.tasks))
        if is_explained or not self.reach.expected:
            return
        for task in self.reach.open:
            self.not_settled(task)
        # A name that means nothing was to be another, nobody knows which.
        is_misnamed = any(self.datasets.task_exactly(name) is None for name in self.test.values)
        if not self.reach.is_settled or is_misnamed or len(self.reach.given) < len(self.test.given):
            return
        for lack in self.reach.lacks:
            self.lacking(lack)
        if any(lack.kind not in {"rows", "value"} for lack in self.reach.lacks):
            return  # what stands before what cannot be computed is not known to be read
        for name in self.reach.unread:
            span = key_span(self.places, "tests", self.index, "given", name)
            message = f'nothing that the test computes reads "{name}"'
            remedy = ("remove its rows, or expect something of a task that reads it",)
            self.collect.add(Diagnostic("TRC445", message, span, help=remedy, severity="warning"))
        for name in self.reach.unasked:
            span = key_span(self.places, "tests", self.index, "values", name)
            message = f'nothing that the test computes takes a value of "{name}"'
            remedy = ("remove its values, or expect something of a task that takes one",)
            self.collect.add(Diagnostic("TRC445", message, span, help=remedy, severity="warning"))

    def not_settled(self, task: Task) -> None:
        """Tells which values the task's query would need."""
        if self.settled is None or task.query is None or task.query.param is None:
            return
        text, path = task.query.text, ("tasks", task.name, "params", task.query.param)
        asked = [name for part, name in self.settled.unrendered.items() if name and part in text]
        missing = [name for name in self.settled.missing if re.search(rf"\b{re.escape(name)}\b", text)]
        for name in dict.fromkeys([*(one.removeprefix("params.") for one in asked), *missing]):
            if name in self.settled.missing:
                self.collect.add(missing_value(name, self.settled, is_needed=True, in_test=True))
            else:
                at = max(text.find(name), 0)
                span = self.places.within(path, at, at + len(name))
                self.collect.add(no_target(span, name, self.settled, is_needed=True))

    def lacking(self, lack: Lack) -> None:
        wanted = next((name for name, one in self.reach.expected.items() if one[0] == lack.task), None)
        reader = f'"{lack.reader}" reads it' if lack.reader else ""
        match lack.kind:
            case "rows" if lack.reader is None:
                pass  # the source that is expected is told of
            case "rows":
                message = f'the test needs rows of "{lack.name}", and is given none'
                self.report("TRC443", message, None, 'give them, under "given"; [] stands for no rows', reader)
            case "task" if lack.reader is None:
                self.report("TRC444", f'"{lack.task}" {lack.why}', wanted, "expect rows of a task of SQL instead")
            case "task":
                self.report("TRC444", f'"{lack.task}" {lack.why}', None, f'give the rows of "{lack.name}"', reader)
            case "value":
                message = f'the test needs what "{lack.task}" returns, and is told nothing of it'
                self.report("TRC652", message, None, 'tell it, under "values"', f'"{lack.reader}" takes {lack.name}')
            case "file":
                message = f'"{lack.reader}" reads the file "{lack.name}", and a test reads no files'
                remedy = "declare a source for it, or take the task that writes it, and read that by its name"
                self.report("TRC444", message, None, remedy)
            case _:
                assert_never(lack.kind)

    def report(self, code: str, message: str, name: str | None, remedy: str, label: str = "") -> None:
        """At the expected dataset, or at the test's name."""
        place = ("tests", self.index, "name")
        span = text_span(self.places, place, self.test.name)
        if name is not None:
            span = key_span(self.places, "tests", self.index, "expect", name)
        self.collect.add(Diagnostic(code, message, span, label, help=(remedy,)))


_OF_ROWS: Final = "a test is about rows: name a dataset that has some"
_NOT_BOTH: Final = 'take it out of "given", or expect something of a task that reads it'
_NOT_A_SOURCE: Final = 'give its rows, under "given", and expect those of a task that reads it'
