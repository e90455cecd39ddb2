"""Checks of the tasks' SQL: each query is bound against what it reads, and gives its readers their columns."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final, assert_never

from trc.compiler.checks.graph import Graph, Resolved
from trc.compiler.checks.results import PARAMETER
from trc.compiler.checks.spots import key_span, query_path
from trc.compiler.checks.stand_ins import stand_ins
from trc.compiler.context import Context
from trc.compiler.diagnostics.collector import Collector
from trc.compiler.diagnostics.diagnostic import Diagnostic, Fix
from trc.compiler.diagnostics.nearest import did_you_mean
from trc.compiler.ir.dataset import Column, Output, is_renamed
from trc.compiler.ir.pipeline import Pipeline
from trc.compiler.ir.places import Path, Places
from trc.compiler.ir.task import Query, Task
from trc.compiler.ir.types import Known, Schema, Unknown
from trc.compiler.sql.bind import Binder, Bound, quoted_if_needed
from trc.compiler.sql.engine import Complaint
from trc.compiler.sql.parse import Parsed, parse
from trc.compiler.sql.problem import SqlProblem
from trc.compiler.sql.skim import Plain, skim

Dataset = tuple[str, str]
"""A task and the name of its output; `("", name)` is a source."""

_NAME_CODES = frozenset({"TRC402", "TRC403", "TRC408"})


def check_sql(
    pipeline: Pipeline,
    graph: Graph,
    places: Places,
    context: Context,
    collect: Collector,
    *,
    engines: Mapping[str, str] = MappingProxyType({}),
) -> Mapping[Dataset, Schema]:
    """Binds every query in the order of the graph; answers with the columns of all datasets.

    `engines` say of tasks why another DuckDB runs them: what this one makes of their queries is no proof.
    """
    with Binder(context.queries) as binder:
        check = _Check(
            pipeline,
            {task.name: task for task in pipeline.tasks},
            graph,
            places,
            context,
            collect,
            binder,
            _kinds(pipeline),
            engines,
        )
        check.sources()
        for name in graph.order:
            check.task(check.tasks[name])
        return check.schemas


@dataclass(slots=True)
class _Check:
    """What is known so far, task by task."""

    pipeline: Pipeline
    tasks: Mapping[str, Task]
    graph: Graph
    places: Places
    context: Context
    collect: Collector
    binder: Binder
    kinds: Mapping[str, str]
    """What a dataset's name stands for, a source or a task."""
    engines: Mapping[str, str]
    schemas: dict[Dataset, Schema] = field(default_factory=dict[Dataset, Schema])
    tables: dict[str, Schema] = field(default_factory=dict[str, Schema])
    """What a query finds under each name that it may use."""
    explained: set[str] = field(default_factory=set[str])
    """Tasks whose columns are unknown for a mistake that is reported."""
    doubtful: dict[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    """By task, column names that were reported as missing: its readers may well use them."""

    def sources(self) -> None:
        for source in self.pipeline.sources:
            path = ("sources", source.name, "columns")
            declared = self.declared(source.columns, path, None) if source.columns else None
            schema = declared or self.context.sources.schema(source.uri, source.format)
            self.schemas["", source.name] = self.tables[source.name] = schema
        for task in self.pipeline.tasks:
            self.name_outputs(task)

    def task(self, task: Task) -> None:
        declared = self.declared(task.columns, ("tasks", task.name, "columns"), task.name) if task.columns else None
        if task.columns and declared is None:
            self.explained.add(task.name)
        schema = self.query_schema(task, task.query) if task.query else None
        if schema is not None and task.columns and isinstance(declared, Known) and isinstance(schema, Known):
            self.compare(task, declared, schema)
        if not isinstance(schema, Known):
            hint = f'declare "columns" on "{task.name}"'
            told = schema or Unknown(f"a {task.type} task does not tell its columns; {hint}")
            schema = declared or told
        for output in task.outputs:
            self.schemas[task.name, output.name] = schema if len(task.outputs) == 1 else self.promised(task, output)
        self.name_outputs(task)

    def promised(self, task: Task, output: Output) -> Schema:
        """The columns of one of several outputs: those that are declared."""
        path = ("tasks", task.name, "columns", output.name)
        declared = self.declared(output.columns, path, task.name) if output.columns else None
        if output.columns and declared is None:
            self.explained.add(task.name)
        hint = f'declare those of "{output.name}" in the "columns" of "{task.name}"'
        return declared or Unknown(f"a {task.type} task does not tell its columns; {hint}")

    def name_outputs(self, task: Task) -> None:
        """Makes a task's outputs, as far as they are known, tables of the queries that follow."""
        for output in task.outputs:
            schema = self.by_name(task, output.name)
            self.tables[f"{task.name}.{output.name}"] = schema
            if len(task.outputs) == 1:
                self.tables[task.name] = schema

    def declared(self, columns: Iterable[Column], path: Path, task: str | None) -> Known | None:
        """Declared columns with their types in DuckDB's own spelling; None if there is no such type."""
        known: list[Column] = []
        wrong = False
        for column in columns:
            kind = self.binder.type_of(column.type)
            if isinstance(kind, Complaint):
                wrong = True
                span = self.places.span(*path, column.name)
                remedy = did_you_mean(column.type, kind.candidates)
                message = f'there is no type "{column.type}"'
                self.collect.add(Diagnostic("TRC205", message, span, help=remedy, task=task))
            else:
                known.append(Column(name=column.name, type=kind))
        return None if wrong else Known(tuple(known))

    def query_schema(self, task: Task, query: Query) -> Schema:
        if query.is_untranslated:
            return self.untranslated(task, query)
        skimmed, other = skim(query.text), self.engines.get(task.name)
        if isinstance(skimmed, Plain) and other is None:
            schema = self.plain_schema(task, skimmed)
            if schema is not None:
                return schema
        parsed = parse(query.text)
        if isinstance(parsed, SqlProblem) and self.is_unsettled(query.text):
            if self.collect.has_errors:
                self.explained.add(task.name)
                return Unknown("its SQL has a template that is not rendered")
            return self.unknown(task, Unknown("its SQL has a template whose values are not all given"), None)
        if isinstance(parsed, SqlProblem):
            self.report(task, query, parsed)
            self.explained.add(task.name)
            return Unknown("its query has mistakes")
        if self.is_unsettled(query.text) and self.collect.errors_in_task(task.name):
            self.explained.add(task.name)
            return Unknown("its SQL has a template that is not rendered")
        if other is not None:
            return self.unknown(task, Unknown(other), None)
        self.report_notes(task, query, parsed)
        inputs = self.graph.inputs.get(task.name, ())
        hidden, files = {**self.renamed(inputs), **self.hidden(inputs)}, self.files(inputs)
        tables = ChainMap(hidden, self.tables) if hidden else self.tables
        bound = self.bound(task, parsed, tables, files)
        problems = self.credible(task, inputs, query, (*bound.problems, *_quoted_datasets(parsed, tables)))
        for problem in problems:
            self.report(task, query, _with_help(problem, parsed, inputs))
        return self.settled(task, parsed, Bound(bound.schema, problems), inputs, ChainMap(files, hidden, self.tables))

    def bound(self, task: Task, parsed: Parsed, tables: Mapping[str, Schema], files: Mapping[str, Schema]) -> Bound:
        """What the binder says of a query, with what stands for its parameters where that is known."""
        if not parsed.parameters or not all(self.has_value(task, use.name) for use in parsed.parameters):
            return self.binder.bind(parsed, tables, files, task.name)
        found = stand_ins(task, parsed, self.graph, self.schemas)
        if isinstance(found, Unknown):
            return Bound(found, self.binder.bind(parsed, tables, files, task.name).problems)
        values, is_each = found
        first: Bound | None = None
        for one in values:
            bound = self.binder.bind(parsed, tables, files, task.name, values=one)
            is_fine = isinstance(bound.schema, Known) and not bound.problems
            if not is_each and is_fine:
                return bound
            if first is None:
                first = bound
            elif is_each and bound != first:
                return self.doubted(task, parsed, tables, files, "they differ from item to item")
        assert first is not None
        is_exact = task.for_each is not None and task.for_each.items is not None
        if first.problems and not is_exact:
            return self.doubted(task, parsed, tables, files, "its parameters have no values yet")
        return first

    def doubted(
        self, task: Task, parsed: Parsed, tables: Mapping[str, Schema], files: Mapping[str, Schema], why: str
    ) -> Bound:
        """What can be said of a query whose columns, or mistakes, are those of some values alone."""
        return Bound(Unknown(why), self.binder.bind(parsed, tables, files, task.name).problems)

    def untranslated(self, task: Task, query: Query) -> Schema:
        """Nothing is known of a query of another dialect that was not translated: a mistake is told, or a value not given."""
        if not self.collect.has_errors and self.is_unsettled(query.text):
            return self.unknown(task, Unknown("its SQL has a template whose values are not all given"), None)
        self.explained.add(task.name)
        return Unknown("its query is not translated")

    def plain_schema(self, task: Task, query: Plain) -> Schema | None:
        """The columns of a query about which there is nothing to tell; None where a closer look is needed."""
        inputs = self.graph.inputs.get(task.name, ())
        is_odd = any(one.explained or is_renamed(one.read) for one in inputs) or any(
            one.producer is not None and one.producer[0] in self.doubtful for one in inputs
        )
        if is_odd or any(name.casefold() in self.kinds for name in query.ctes):
            return None
        return self.binder.bind_plain(query, self.tables)

    def is_unsettled(self, text: str) -> bool:
        """Whether a query still holds a template: its values are not all given, or a mistake in it is reported."""
        is_open = not self.context.must_settle or self.collect.has_errors
        return is_open and ("{{" in text or "{%" in text)

    def settled(
        self,
        task: Task,
        parsed: Parsed,
        bound: Bound,
        inputs: Iterable[Resolved],
        read: Mapping[str, Schema],
    ) -> Schema:
        """What readers may rely on; says why, where that is nothing and no mistake explains it."""
        if isinstance(bound.schema, Known):
            return bound.schema
        producers = {resolved.producer for resolved in inputs if resolved.producer}
        is_explained = (
            bound.problems
            or any(resolved.explained for resolved in inputs)
            or any(producer[0] in self.explained for producer in producers)
            # Only in a circle does a writer come after its reader.
            or not producers <= self.schemas.keys()
            or any(not self.has_value(task, use.name) for use in parsed.parameters)
        )
        if is_explained:
            self.explained.add(task.name)
            return bound.schema
        uses = [(use.name, use.start, use.end) for use in parsed.tables]
        uses += [(use.uri, use.start, use.end) for use in parsed.files]
        unknown = (place for name, *place in uses if isinstance(read.get(name), Unknown))
        return self.unknown(task, bound.schema, next(unknown, None))

    def has_value(self, task: Task, parameter: str) -> bool:
        """Whether a parameter of a task's query stands for what the run will know."""
        name = parameter.casefold()
        if any(one.parameter == name[1:] for one in self.graph.results.get(task.name, ())):
            return True
        return task.for_each is not None and (name == "$item" or name.startswith("$item_"))

    def unknown(self, task: Task, schema: Unknown, place: list[int] | None) -> Unknown:
        """Notes that a task's SQL cannot be checked in full."""
        span, path = self.places.span("tasks", task.name), query_path(task)
        if place is not None and path is not None:
            span = self.places.within(path, place[0], place[1])
        message = f'the columns of "{task.name}" are not known before it runs'
        remedy = f"columns and types are checked when it runs: {schema.reason}"
        self.collect.add(Diagnostic("TRC410", message, span, help=(remedy,), severity="note", task=task.name))
        return Unknown(f'the columns of "{task.name}" are not known')

    def hidden(self, inputs: Iterable[Resolved]) -> dict[str, Schema]:
        """What is read from things that are missing for mistakes of their own."""
        return {one.read.name: Unknown("a mistake elsewhere hides its columns") for one in inputs if one.explained}

    def renamed(self, inputs: Iterable[Resolved]) -> dict[str, Schema]:
        """The columns of datasets that the task knows by names of its own: these hide the pipeline's."""
        return {one.read.name: self.meant(one) for one in inputs if is_renamed(one.read)}

    def meant(self, resolved: Resolved) -> Schema:
        if resolved.source is not None:
            return self.schemas["", resolved.source.name]
        if resolved.producer is None:
            return Unknown("a mistake elsewhere hides its columns")
        return self.by_name(self.tasks[resolved.producer[0]], resolved.producer[1])

    def by_name(self, task: Task, name: str) -> Schema:
        """The columns that readers of an output by its name find: they are told the types that it was written with."""
        if _output(task, name).format == "file":
            return Unknown(f'"{task.name}" writes a file whose suffix tells no format')
        return self.schemas.get((task.name, name), Unknown(f'"{task.name}" comes later'))

    def by_location(self, task: Task, name: str) -> Schema:
        """The columns that readers of an output's file find: CSV and JSON keep no types."""
        form = _output(task, name).format
        if form in ("csv", "json"):
            return Unknown(f'"{task.name}" is stored as {form}, which keeps no types: read it by its name')
        return self.by_name(task, name)

    def files(self, inputs: Iterable[Resolved]) -> dict[str, Schema]:
        files: dict[str, Schema] = {}
        for resolved in inputs:
            read = resolved.read
            match read.kind:
                case "uri":
                    files[read.uri] = self.file(resolved, read.uri)
                case "dataset":
                    pass
                case _:
                    assert_never(read.kind)
        return files

    def file(self, resolved: Resolved, uri: str) -> Schema:
        if resolved.producer is not None:
            return self.by_location(self.tasks[resolved.producer[0]], resolved.producer[1])
        if resolved.feeders:
            return Unknown(f'"{resolved.feeders[0]}" writes files that "{uri}" matches')
        assert resolved.read.kind == "uri"
        return self.context.sources.schema(uri, resolved.read.format)

    def credible(
        self, task: Task, inputs: Iterable[Resolved], query: Query, problems: tuple[SqlProblem, ...]
    ) -> tuple[SqlProblem, ...]:
        """The problems that no mistake of an upstream explains."""
        names = [self.doubtful.get(resolved.producer[0]) for resolved in inputs if resolved.producer]
        doubted = frozenset[str]().union(*(name for name in names if name))
        upstream_wrong = any(name is not None for name in names)
        kept = tuple(
            problem
            for problem in problems
            if not upstream_wrong
            or (
                problem.code in _NAME_CODES
                and query.text[problem.start : problem.end].strip('"').casefold() not in doubted
            )
        )
        missing = {query.text[one.start : one.end].strip('"').casefold() for one in problems if one.code == "TRC402"}
        if problems or upstream_wrong:
            self.doubtful[task.name] = doubted | missing
        return kept

    def compare(self, task: Task, declared: Known, inferred: Known) -> None:
        """The declared columns against those of the query; their order is free."""
        if self.collect.errors_in_task(task.name) or task.name in self.doubtful:
            return
        actual = {column.name.casefold(): column for column in inferred.columns}
        path = ("tasks", task.name, "columns")
        for column in declared.columns:
            found = actual.pop(column.name.casefold(), None)
            span = self.places.span(*path, column.name)
            if found is None:
                names = [one.name for one in inferred.columns]
                message = f'the query of "{task.name}" yields no column "{column.name}"'
                label, remedy = f"it yields: {', '.join(names)}", did_you_mean(column.name, names)
                span = key_span(self.places, *path, column.name)
                self.collect.add(Diagnostic("TRC411", message, span, label, help=remedy, task=task.name))
            elif found.type != column.type:
                message = f'column "{column.name}" is {found.type}, and declared as {column.type}'
                remedy = (f"declare {found.type}, or cast it in the query",)
                self.collect.add(Diagnostic("TRC411", message, span, help=remedy, task=task.name))
        if actual:
            names = [column.name for column in actual.values()]
            message = f'the query of "{task.name}" also yields {", ".join(names)}'
            remedy = ("declare all columns, or none",)
            self.collect.add(Diagnostic("TRC411", message, self.places.span(*path), help=remedy, task=task.name))

    def report_notes(self, task: Task, query: Query, parsed: Parsed) -> None:
        """What is no mistake of names or types: hidden datasets, and queries without a key."""
        for use in parsed.ctes:
            kind = self.kinds.get(use.name.casefold())
            if kind is not None and use.name.casefold() != task.name.casefold():
                message = f'the CTE "{use.name}" hides the {kind} "{use.name}"'
                remedy = ("rename the CTE: within its scope the name means the CTE",)
                self.report(task, query, SqlProblem("TRC409", message, use.start, use.end, "", remedy, "warning"))
        for use in parsed.computed:
            message = f"{use.name}() reads locations that are computed"
            remedy = ("write the location as a literal, so that the task can be skipped and its inputs are known",)
            self.report(task, query, SqlProblem("TRC413", message, use.start, use.end, "", remedy, "warning"))
        volatile = parsed.volatile
        if volatile is not None and volatile.start not in {use.start for use in parsed.computed}:
            message = f'"{task.name}" always runs: {volatile.reason}'
            remedy = ('"incremental" with "max_age" can allow a skip',)
            self.report(task, query, SqlProblem("TRC412", message, volatile.start, volatile.end, "", remedy, "note"))
        for use in parsed.parameters:
            if self.has_value(task, use.name) or use.name.casefold().startswith(PARAMETER):
                continue
            remedy = ("write the value itself, or a template: {{ name }}",)
            if task.for_each:
                remedy = ("the item is $item, or {{ item }}; its fields are {{ item.name }}",)
            self.report(task, query, SqlProblem("TRC407", f'"{use.name}" has no value', use.start, use.end, "", remedy))

    def report(self, task: Task, query: Query, problem: SqlProblem) -> None:
        start, end = problem.start, problem.end
        span, path = self.places.span("tasks", task.name), query_path(task)
        fix = None
        if path is not None:
            span = self.places.within(path, start, end)
            # Where escapes or folds lie between, or a template stands, an edit would not fit.
            is_copied = not self.places.is_computed(path, start, end)
            if span and problem.replacement is not None and span.end - span.start == end - start and is_copied:
                fix = Fix(span, problem.replacement, f"write {problem.replacement}")
        self.collect.add(
            Diagnostic(
                problem.code,
                problem.message,
                span,
                problem.label,
                help=(*problem.help, *_as_given(query, problem)),
                fix=fix,
                severity=problem.severity,
                task=task.name,
            )
        )


_MOST_SHOWN: Final = 120


def _as_given(query: Query, problem: SqlProblem) -> tuple[str, ...]:
    """What DuckDB says something of, where that is not what the author wrote: the part of a translation."""
    given = " ".join(query.text[problem.start : problem.end].split())
    if query.written is None or problem.severity != "error" or f" {given} " in f" {query.written} ":
        return ()
    shown = given if len(given) <= _MOST_SHOWN else f"{given[:_MOST_SHOWN]} …"
    return (f"in DuckDB's SQL this is: {shown}",)


def _kinds(pipeline: Pipeline) -> Mapping[str, str]:
    """The pipeline's datasets by name, in one case."""
    kinds = {source.name.casefold(): "source" for source in pipeline.sources}
    return kinds | {task.name.casefold(): "task" for task in pipeline.tasks if task.outputs}


def _quoted_datasets(parsed: Parsed, tables: Mapping[str, Schema]) -> Iterator[SqlProblem]:
    """Names of datasets in single quotes, which make them files that no suffix tells a format of."""
    known = {name.casefold(): name for name in tables}
    for use in parsed.files:
        meant = known.get(use.uri.casefold())
        if meant is not None and use.function is None and use.format == "file":
            message = f"'{use.uri}' in single quotes is a file, and not what is called \"{meant}\""
            remedy = f"write {quoted_if_needed(meant)}; where a template says it, {{{{ name | ident }}}}"
            yield SqlProblem("TRC403", message, use.start, use.end, help=(remedy,))


def _with_help(problem: SqlProblem, parsed: Parsed, inputs: Iterable[Resolved]) -> SqlProblem:
    """What the graph knows better of a name that is no dataset, such as a task with several outputs."""
    if problem.code != "TRC403":
        return problem
    name = next((use.name for use in parsed.tables if use.start == problem.start), "")
    helps = (resolved.help for resolved in inputs if resolved.read.name.casefold() == name.casefold() and resolved.help)
    return replace(problem, help=next(helps, problem.help))


def _output(task: Task, name: str) -> Output:
    return next(output for output in task.outputs if output.name == name)
