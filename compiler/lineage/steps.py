"""A pipeline's datasets, each with its columns and with what these depend on in the datasets that it is made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from trc.compiler.checks.graph import Resolved
from trc.compiler.checks.stand_ins import columns_of_row, stand_ins, types_of_row
from trc.compiler.compile import Compiled
from trc.compiler.context import SourceReader
from trc.compiler.ir.dataset import Column, DatasetRead
from trc.compiler.ir.task import Task
from trc.compiler.ir.types import Known, Schema, Unknown
from trc.compiler.ir.uris import normalise
from trc.compiler.sql.bind import Binder
from trc.compiler.sql.columns import BoundPlan, QueryLineage, trace
from trc.compiler.sql.expressions import PARAMETER
from trc.compiler.sql.flow import Flow, How, Input, merged, through
from trc.compiler.sql.parse import Parsed, parse
from trc.compiler.sql.problem import SqlProblem
from trc.compiler.templates.asked import fields_in_condition


@dataclass(frozen=True, slots=True)
class Origin:
    """A dataset that no task of the pipeline writes: a declared source, or a file that a task names itself."""

    dataset: str
    kind: Literal["source", "file"]
    schema: Schema
    is_declared: bool
    """Whether the pipeline says which columns it has; else the file tells."""


@dataclass(frozen=True, slots=True)
class Derived:
    """A dataset that a task writes. The flows of `lineage` name the datasets in `reads`."""

    dataset: str
    task: str
    type: str
    reads: tuple[str, ...]
    schema: Schema
    is_inferred: bool
    """Whether the columns are those of its query; else they are declared, or unknown."""
    lineage: QueryLineage | Unknown


Step = Origin | Derived
Steps = Mapping[str, Step]
"""By the dataset's name, each after those that it is made of.

A dataset is called what the pipeline calls it: a source, a task with a single output, `task.output`; a file
that nobody declared is its location in single quotes, as in SQL.
"""


def steps_of(compiled: Compiled, sources: SourceReader) -> Steps:
    """The datasets of a pipeline without mistakes. `sources` answers for the files, as it did when they were checked."""
    assert compiled.pipeline is not None
    assert compiled.graph is not None
    with Binder() as binder:
        stepping = Stepping(compiled, sources, binder)
        found: dict[str, Step] = {}
        for step in stepping.all():
            found.setdefault(step.dataset, step)
    return found


@dataclass(frozen=True, slots=True)
class Asked:
    """A query over tables and files of these schemas; `bound` are its columns as a check found them, if it has."""

    parsed: Parsed
    tables: Mapping[str, Schema]
    files: Mapping[str, Schema]
    bound: tuple[Column, ...] | None

    def planned(
        self,
        binder: Binder,
        *,
        pushed: bool = False,
        values: Mapping[str, str] | None = None,
        kept: Mapping[str, str] | None = None,
    ) -> BoundPlan | Unknown:
        """Its plan, which names datasets as the query does; see `Binder.plan`."""
        tables, files = self.tables, self.files
        return binder.plan(self.parsed, tables, files, pushed=pushed, bound=self.bound, values=values, kept=kept)


class Stepping:
    """A walk over a pipeline's tasks, each after those that it reads; what is known of the columns grows on the way."""

    def __init__(self, compiled: Compiled, sources: SourceReader, binder: Binder) -> None:
        assert compiled.pipeline is not None
        assert compiled.graph is not None
        self.pipeline, self.graph = compiled.pipeline, compiled.graph
        self.known = dict(compiled.schemas)
        self.project = str(compiled.project)
        self.engines = compiled.environments.engines
        self.sources, self.binder = sources, binder
        self.tasks = {task.name: task for task in self.pipeline.tasks}
        self.by_location = {normalise(one.uri, self.project): one.name for one in self.pipeline.sources}

    def all(self) -> Iterator[Step]:
        for source in self.pipeline.sources:
            schema = self.known.get(("", source.name), _NOT_KNOWN)
            yield Origin(source.name, "source", schema, source.columns is not None)
        for name in self.graph.order:
            inputs = self.graph.inputs.get(name, ())
            yield from self.files(inputs)
            yield from self.outputs(self.tasks[name], inputs)

    def files(self, inputs: Iterable[Resolved]) -> Iterator[Origin]:
        for one in inputs:
            if one.read.kind == "uri" and not one.producer and not one.feeders:
                (name,) = self.meant(one)
                if name.startswith("'"):
                    yield Origin(name, "file", self.sources.schema(one.read.uri, one.read.format), False)

    def outputs(self, task: Task, inputs: tuple[Resolved, ...]) -> Iterator[Derived]:
        repeated = self.graph.items.get(task.name)
        handed = inputs if repeated is None else (*inputs, repeated)
        reads = tuple(dict.fromkeys(name for one in handed for name in self.meant(one)))
        lineage = self.lineage(task, inputs)
        for output in task.outputs:
            schema = self.known.get((task.name, output.name), _NOT_KNOWN)
            if isinstance(lineage, Unknown) and self.doubts(task, output.name, lineage, inputs):
                schema = lineage
            is_inferred = task.query is not None and (task.columns is None or isinstance(lineage, QueryLineage))
            yield Derived(self.called(task, output.name), task.name, task.type, reads, schema, is_inferred, lineage)

    def doubts(self, task: Task, output: str, why: Unknown, inputs: Iterable[Resolved]) -> bool:
        """Whether what the check found of an output's columns may be wrong; readers are then told why."""
        schema = self.known.get((task.name, output), _NOT_KNOWN)
        if task.query is None or self.is_proved(task, schema, inputs):
            return False
        self.known[task.name, output] = why
        return True

    def is_proved(self, task: Task, schema: Schema, inputs: Iterable[Resolved]) -> bool:
        """Whether a task's columns are surely these: its own word, or inferred by the DuckDB that will run it."""
        if isinstance(schema, Unknown) or task.columns is not None:
            return isinstance(schema, Known)
        return task.name not in self.engines and all(isinstance(self.schema(one), Known) for one in inputs)

    def called(self, task: Task, output: str) -> str:
        return task.name if len(task.outputs) == 1 else f"{task.name}.{output}"

    def meant(self, one: Resolved) -> tuple[str, ...]:
        """The datasets that a read means: several, where tasks write files that its pattern covers."""
        if one.source is not None:
            return (one.source.name,)
        if one.producer is not None:
            return (self.called(self.tasks[one.producer[0]], one.producer[1]),)
        if one.feeders:
            return tuple(
                self.called(self.tasks[name], out.name) for name in one.feeders for out in self.tasks[name].outputs
            )
        if isinstance(one.read, DatasetRead):
            return ()
        return (self.by_location.get(normalise(one.read.uri, self.project), f"'{one.read.uri}'"),)

    def lineage(self, task: Task, inputs: tuple[Resolved, ...]) -> QueryLineage | Unknown:
        """What a task's query says of its columns, in the pipeline's names of datasets."""
        planned = self.planned(task, inputs)
        lineage = planned if isinstance(planned, Unknown) else trace(planned)
        lineage = lineage if isinstance(lineage, Unknown) else self.renamed(lineage, inputs)
        return lineage if isinstance(lineage, Unknown) or task.for_each is None else self.repeated(task, lineage)

    def planned(self, task: Task, inputs: tuple[Resolved, ...]) -> BoundPlan | Unknown:
        """The plan of a task's query; of one with parameters, that which it has with what stands for these."""
        asked = self.asked(task, inputs, is_repeated=True)
        if isinstance(asked, Unknown) or not asked.parsed.parameters:
            return asked if isinstance(asked, Unknown) else asked.planned(self.binder)
        if any(one.parameter for one in self.graph.results.get(task.name, ())):
            # What it is handed has its own part in the rows, of which a plan tells nothing.
            return Unknown("it takes values that other tasks make")
        found, kept = stand_ins(task, asked.parsed, self.graph, self.known), self.kept(task, asked)
        if isinstance(kept, Unknown):
            return kept
        if isinstance(found, Unknown):
            return self.planned_as_declared(task, asked, kept, found)
        return asked.planned(self.binder, values=found[0][0], kept=kept)

    def planned_as_declared(
        self, task: Task, asked: Asked, kept: Mapping[str, str], why: Unknown
    ) -> BoundPlan | Unknown:
        """The plan of a query that is repeated for rows, and that calls its columns as its author declares them; else `why` it is not known."""
        if task.columns is None or not kept:
            return why
        nulls = {name: f"CAST(NULL AS {kind})" for name, kind in kept.items()}
        planned = asked.planned(self.binder, values=nulls, kept=kept)
        if isinstance(planned, BoundPlan):
            names = [one.casefold() for one in planned.columns]
            return planned if names == [one.name.casefold() for one in task.columns] else why
        return planned

    def kept(self, task: Task, asked: Asked) -> Mapping[str, str] | Unknown:
        """Of a query that is repeated for the rows of a dataset, the types of its parameters: columns of that dataset."""
        rows = self.graph.items.get(task.name)
        if rows is None:
            return {}
        return types_of_row({use.name[1:].casefold() for use in asked.parsed.parameters}, self.found(rows))

    def repeated(self, task: Task, lineage: QueryLineage) -> QueryLineage | Unknown:
        """The lineage of what all items make together, from that of one of them."""
        if any(one.of_condition for one in self.graph.results.get(task.name, ())):
            return Unknown("values that other tasks make decide which of its items run")
        rows = self.graph.items.get(task.name)
        if rows is None:
            return lineage
        (dataset,) = self.meant(rows)
        schema = self.found(rows)
        columns = tuple((name, _of_row(flow, dataset, schema)) for name, flow in lineage.columns)
        fields = fields_in_condition(task.when or "")
        deciding = _chosen(fields, schema)
        if fields and not deciding:
            return Unknown("the columns of what it is repeated for are not known")
        chosen = {Input(dataset, one.name): frozenset[How](("filter",)) for one in deciding}
        bring: Flow = {Input(dataset, None): frozenset[How](("rows",))}
        return QueryLineage(columns, merged((_of_row(lineage.rows, dataset, schema), bring, chosen)))

    def found(self, one: Resolved) -> Schema:
        """The columns of a dataset that is read by its name, as far as they are known by now."""
        return self.known.get(one.producer or ("", one.source.name if one.source else ""), _NOT_KNOWN)

    def asked(self, task: Task, inputs: tuple[Resolved, ...], *, is_repeated: bool = False) -> Asked | Unknown:
        """A task's query with all that its plan depends on; of a repeated one, where it is asked for."""
        if task.query is None:
            return Unknown(f"a {task.type} task does not tell what its columns are made of")
        if task.for_each is not None and not is_repeated:
            return Unknown("it runs once for each of its items")
        other = self.engines.get(task.name)
        if other is not None:
            return Unknown(other)
        if task.query.is_untranslated:
            return Unknown("its query is not translated")
        parsed = parse(task.query.text)
        if isinstance(parsed, SqlProblem) or "{{" in task.query.text or "{%" in task.query.text:
            return Unknown("its SQL has a template whose values are not all given")
        tables = {one.read.name: self.schema(one) for one in inputs if one.read.kind == "dataset"}
        files = {one.read.uri: self.schema(one) for one in inputs if one.read.kind == "uri"}
        # What a check inferred was found over the same schemas; declared columns need not be the query's own.
        inferred = self.known.get((task.name, task.outputs[0].name)) if task.columns is None and task.outputs else None
        columns = inferred.columns if isinstance(inferred, Known) else None
        return Asked(parsed, tables, files, columns)

    def schema(self, one: Resolved) -> Schema:
        """The columns that a query finds in what it reads."""
        if one.source is not None:
            return self.known.get(("", one.source.name), _NOT_KNOWN)
        read = one.read
        if one.feeders:
            return Unknown(f'tasks write files that "{read.name}" matches')
        if one.producer is None:
            if read.kind == "uri":
                return self.sources.schema(read.uri, read.format)
            return Unknown(f'there is no "{read.name}"')
        output = next(out for out in self.tasks[one.producer[0]].outputs if out.name == one.producer[1])
        if output.format == "file" or (read.kind == "uri" and output.format in ("csv", "json")):
            return Unknown(f'"{one.producer[0]}" is stored as {output.format}, which keeps no types')
        schema = self.known.get(one.producer, _NOT_KNOWN)
        return Unknown(f'the columns of "{one.producer[0]}" are not known') if isinstance(schema, Unknown) else schema

    def renamed(self, lineage: QueryLineage, inputs: Iterable[Resolved]) -> QueryLineage | Unknown:
        names: dict[str, str] = {}
        for one in inputs:
            key = one.read.name.casefold() if one.read.kind == "dataset" else one.read.name
            datasets = self.meant(one)
            if len(datasets) != 1:
                return Unknown(f'"{one.read.name}" is not one dataset')
            names[key] = datasets[0]
        names[PARAMETER] = PARAMETER
        if not {key.dataset for key in lineage.read} <= names.keys():
            return Unknown("its query reads what the pipeline does not know of")
        columns = tuple((name, _called_so(flow, names)) for name, flow in lineage.columns)
        return QueryLineage(columns, _called_so(lineage.rows, names))


def _called_so(flow: Flow, names: Mapping[str, str]) -> Flow:
    """The flow with each dataset under the pipeline's name for it: a query may read one under two names."""
    return merged({Input(names[key.dataset], key.column): hows} for key, hows in flow.items())


def _of_row(flow: Flow, dataset: str, schema: Schema) -> Flow:
    """The flow with the columns of a row in the places of the parameters that hold their values."""
    found: list[Flow] = []
    for key, hows in flow.items():
        if key.dataset != PARAMETER or key.column is None:
            found.append({key: hows})
            continue
        columns = columns_of_row(key.column.casefold(), schema) if isinstance(schema, Known) else ()
        kept: Flow = {Input(dataset, one.name): hows for one in columns}
        found.append(kept if len(columns) == 1 else through("transformed", kept))
    return merged(found)


def _chosen(fields: frozenset[str], schema: Schema) -> tuple[Column, ...]:
    """The columns of a row that are these fields: all of them, where one of the fields is not found."""
    columns = schema.columns if isinstance(schema, Known) else ()
    found = tuple(one for one in columns if one.name in fields)
    return found if len(found) == len(fields) else columns


_NOT_KNOWN: Final = Unknown("its columns are not known")


def columns_read(steps: Steps, task: str, upstream: str) -> frozenset[str] | Unknown:
    """The columns of the dataset `upstream` that the results of `task` depend on, or why that cannot be told.

    Proved: with other values in any other column, and the same rows, every output of the task holds the same rows.
    An empty set means that only the rows count, as in `count(*)`, or that the task does not read the dataset.
    That a value may make the task fail, such as in a cast whose result nobody uses, is not counted. Nor is
    the order of the rows: whoever may see it has to compare the dataset as a whole.
    """
    found: set[str] = set()
    for step in steps.values():
        if not isinstance(step, Derived) or step.task != task or upstream not in step.reads:
            continue
        if isinstance(step.lineage, Unknown):
            return step.lineage
        found |= {key.column for key in step.lineage.read if key.dataset == upstream and key.column is not None}
    return frozenset(found)


def columns_of(step: Step) -> tuple[str, ...] | None:
    """The names of a dataset's columns, if they are known."""
    return tuple(column.name for column in step.schema.columns) if isinstance(step.schema, Known) else None
