"""Runs one test: gives its rows to an empty database, computes what it expects, compares."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from trc.compiler.checks.datasets import Datasets
from trc.compiler.checks.pipeline_tests import row_problems
from trc.compiler.checks.reach import Dataset, dataset_of, reach_of, results_of
from trc.compiler.checks.results import ResultUse
from trc.compiler.checks.spots import key_span, query_path
from trc.compiler.compile import Compiled
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.ir.pipeline import Pipeline, PipelineTest
from trc.compiler.ir.task import Task
from trc.compiler.ir.types import Known
from trc.compiler.source import Span
from trc.compiler.sql.ordering import is_ordered
from trc.runtime.handed import Lacking, value_of
from trc.runtime.spec import ResultSpec
from trc.runtime.store.results import StoredOutput
from trc.runtime.taskside.items import OrderItem
from trc.testing.compare import compare_rows
from trc.testing.database import Database, QueryFailed, opened
from trc.testing.report import Compared

MOST_ROWS = 10_000
"""How many rows of a dataset a test compares: a person wrote those that it is compared with."""


@dataclass(slots=True)
class Run:
    """What a run of a test has found so far."""

    compared: list[Compared] = field(default_factory=list[Compared])
    diagnostics: list[Diagnostic] = field(default_factory=list[Diagnostic])


def run_test(index: int, compiled: Compiled) -> Run:
    """Runs the test at `index`, in which the checks found no mistake."""
    pipeline = compiled.pipeline
    assert pipeline is not None
    with opened() as database:
        running = _Running(index, pipeline.tests[index], pipeline, compiled, database)
        for dataset in running.made():
            running.compare(dataset)
        return running.run


@dataclass(slots=True)
class _Running:
    index: int
    test: PipelineTest
    pipeline: Pipeline
    compiled: Compiled
    database: Database
    run: Run = field(default_factory=Run)

    def made(self) -> Iterator[tuple[str, Dataset]]:
        """Makes all datasets, and names those expected that could be made."""
        graph = self.compiled.graph
        assert graph is not None
        datasets, settled = Datasets(self.pipeline, str(self.compiled.project)), self.compiled.settled
        reach = reach_of(self.test, self.pipeline, graph, datasets, settled.unrendered if settled else ())
        missing: set[Dataset] = set()
        for name, dataset in reach.given.items():
            schema = self.compiled.schemas[dataset]
            assert isinstance(schema, Known)
            try:
                self.database.give(_called(dataset), schema.columns, self.test.given[name])
            except QueryFailed as failed:
                self.fails(f'the rows of "{name}" cannot be given', failed, self.span("given", name))
                missing.add(dataset)
        for name in reach.tasks:
            task = self.pipeline.task(name)
            assert task is not None
            assert task.query is not None
            made = (task.name, task.outputs[0].name)
            read = [(one.read.name, dataset_of(one)) for one in graph.inputs.get(task.name, ())]
            reads = [(table, dataset) for table, dataset in read if dataset is not None]
            of_rows = dataset_of(graph.items[name]) if name in graph.items else None
            uses = results_of(name, graph)
            counted = {use.task: (use.task, self.outputs(use.task)[0]) for use in uses if use.path[0] == "rows"}
            if missing.intersection([*(dataset for _, dataset in reads), *counted.values(), of_rows]):
                missing.add(made)
                continue
            handed = self.handed(task, uses, counted)
            if handed is None:
                missing.add(made)
                continue
            try:
                items = self.items(task, of_rows)
                tables = [(table, _called(dataset)) for table, dataset in reads]
                if items:
                    self.database.compute(_called(made), task.query.text, tables, items, handed)
                else:
                    self.give_nothing(task, made)
            except QueryFailed as failed:
                self.fails(f'the query of "{task.name}" fails', failed, self.query_span(task.name, failed), task.name)
                missing.add(made)
        yield from ((name, dataset) for name, dataset in reach.expected.items() if dataset not in missing)

    def outputs(self, task: str) -> tuple[str, ...]:
        found = self.pipeline.task(task)
        assert found is not None
        return tuple(one.name for one in found.outputs)

    def items(self, task: Task, rows: Dataset | None) -> tuple[OrderItem | None, ...]:
        """What a task is computed for: once, or for each of its items in order. A test asks no condition of them."""
        if rows is not None:
            return self.database.items(_called(rows))
        if task.for_each is None or task.for_each.items is None:
            return (None,)
        return tuple(map(OrderItem, task.for_each.items))

    def give_nothing(self, task: Task, made: Dataset) -> None:
        """Makes what a task yields that is repeated for nothing. Raises QueryFailed where nothing tells its columns."""
        schema = self.compiled.schemas.get(made)
        if not isinstance(schema, Known):
            message = f'there are no items, and nothing else tells the columns of "{task.name}"\ndeclare columns'
            raise QueryFailed(message, None)
        self.database.give(_called(made), schema.columns, ())

    def handed(self, task: Task, uses: Iterable[ResultUse], counted: Mapping[str, Dataset]) -> dict[str, Any] | None:
        """The results that a query is handed, by their parameters; None where one is not there, which is told."""
        datasets = Datasets(self.pipeline, str(self.compiled.project))
        named = {found.name: name for name in self.test.values if (found := datasets.task_exactly(name)) is not None}
        returned = {owner: self.test.values[name] for owner, name in named.items()}
        upstream = {
            dataset: StoredOutput(dataset[1], "", "", 0, self.database.count(_called(dataset)))
            for dataset in counted.values()
        }
        values: dict[str, Any] = {}
        for use in uses:
            path = use.path if use.path[0] == "values" else ("rows", counted[use.task][1])
            try:
                values[use.parameter] = value_of(ResultSpec(use.task, path, use.parameter), returned, upstream)[1]
            except Lacking as lacking:
                first, *others = str(lacking).splitlines()
                span = self.span("values", named.get(use.task, use.task))
                remedy = (f'tell it, under "values", for "{task.name}" takes it', *others[1:])
                self.run.diagnostics.append(Diagnostic("TRC652", first, span, help=remedy, task=task.name))
                return None
        return values

    def fails(self, what: str, failed: QueryFailed, span: Span | None, task: str | None = None) -> None:
        first, *others = failed.message.partition("\n\n")[0].splitlines() or ["DuckDB gives no reason"]
        message = f'{what} in the test "{self.test.name}": {first}'
        self.run.diagnostics.append(Diagnostic("TRC640", message, span, help=tuple(others), task=task))

    def query_span(self, name: str, failed: QueryFailed) -> Span | None:
        places, task = self.compiled.places, self.pipeline.task(name)
        path = query_path(task) if task else None
        if failed.offset is not None and path is not None:
            return places.within(path, failed.offset, failed.offset + 1)
        return places.span("tasks", name)

    def span(self, part: str, name: str) -> Span | None:
        return key_span(self.compiled.places, "tests", self.index, part, name)

    def compare(self, expected: tuple[str, Dataset]) -> None:
        name, dataset = expected
        rows, task = self.test.expect[name], self.pipeline.task(dataset[0])
        found = self.database.read(_called(dataset), MOST_ROWS)
        problems = list(
            row_problems(name, rows, found.columns, ("tests", self.index, "expect", name), self.compiled.places)
        )
        self.run.diagnostics.extend(problems)
        if problems:
            return
        ordered = task is not None and task.query is not None and is_ordered(task.query.text)
        is_complete = found.count <= MOST_ROWS
        wanted = self.database.written(found.columns, rows)
        differences = compare_rows(wanted, found.rows, ordered=ordered) if is_complete else ()
        compared = Compared(
            name,
            self.span("expect", name),
            found.columns,
            ordered,
            len(rows),
            found.count,
            differences,
            is_complete,
        )
        self.run.compared.append(compared)
        if not compared.is_as_expected:
            is_moved = ordered and is_complete and not compare_rows(wanted, found.rows, ordered=False)
            told = "its rows come in another order" if is_moved else what_differs(compared)
            message = f'"{name}" is not what the test "{self.test.name}" expects: {told}'
            self.run.diagnostics.append(Diagnostic("TRC641", message, compared.span, task=dataset[0]))


def _called(dataset: Dataset) -> str:
    return ".".join(dataset)


def what_differs(compared: Compared) -> str:
    """How many rows differ, and how, in words."""
    if not compared.is_complete:
        return f"it has {compared.found:,} rows, and a test compares at most {MOST_ROWS:,}"
    words = (
        ("changed", "differs", "differ"),
        ("missing", "is missing", "are missing"),
        ("unexpected", "is not expected", "are not expected"),
    )
    told: list[str] = []
    for kind, one, several in words:
        number = sum(difference.kind == kind for difference in compared.differences)
        if number:
            noun = "" if told else " row" if number == 1 else " rows"
            told.append(f"{number:,}{noun} {one if number == 1 else several}")
    return ", ".join(told)
