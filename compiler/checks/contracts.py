"""Checks expectations against the columns of their tasks: what cannot hold, or cannot be asked, is told before a run."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from trc.compiler.checks.graph import Graph, Resolved
from trc.compiler.checks.spots import key_span, text_span
from trc.compiler.context import Context
from trc.compiler.diagnostics.collector import Collector
from trc.compiler.diagnostics.diagnostic import Diagnostic, Fix, Label
from trc.compiler.diagnostics.nearest import did_you_mean, nearest
from trc.compiler.ir.dataset import Column
from trc.compiler.ir.expectations import label
from trc.compiler.ir.pipeline import Pipeline
from trc.compiler.ir.places import Path, Places
from trc.compiler.ir.task import Expectation, Task
from trc.compiler.ir.types import Known, Schema, Unknown
from trc.compiler.source import Span
from trc.compiler.sql.bind import Binder
from trc.compiler.sql.engine import literal, query
from trc.compiler.sql.parse import Parsed, parse
from trc.compiler.sql.problem import SqlProblem
from trc.compiler.sql.tokens import tokenize

Schemas = Mapping[tuple[str, str], Schema]

_NUMBERS: Final = re.compile(r"U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)|(DECIMAL|FLOAT|DOUBLE|BIGNUM)")
_TIMES: Final = ("DATE", "TIMESTAMP")
_MOST_COLUMNS: Final = 12
_BESIDE: Final = frozenset({"TRC302", "TRC306", "TRC411"})
"""Mistakes of a task that explain none of its expectations."""


def check_contracts(  # noqa: PLR0917 - one step of the chain, called once
    pipeline: Pipeline, graph: Graph, schemas: Schemas, places: Places, context: Context, collect: Collector
) -> None:
    """Reports what is wrong with the expectations of tasks whose own text and query are right."""
    wrong = {one.task for one in collect.reported if one.severity == "error" and one.code not in _BESIDE}
    with Binder() as binder:
        for task in pipeline.tasks:
            if task.expect and task.name not in wrong:
                _Contract(task, pipeline.tasks, graph, schemas, places, context, collect, binder).check()


@dataclass(frozen=True, slots=True)
class _Contract:
    """The expectations of one task."""

    task: Task
    tasks: tuple[Task, ...]
    graph: Graph
    schemas: Schemas
    places: Places
    context: Context
    collect: Collector
    binder: Binder

    def check(self) -> None:
        why_not = _without_rows(self.task)
        if why_not:
            span = key_span(self.places, "tasks", self.task.name, "expect")
            self.error("TRC419", f'"{self.task.name}" {why_not}, and expectations are about rows', span)
            return
        schema = self.schemas.get((self.task.name, self.task.outputs[0].name), Unknown("it is not known"))
        for index, one in enumerate(self.task.expect):
            path: Path = ("tasks", self.task.name, "expect", index, one.check)
            if not self.is_repeated(index, one, path):
                _CHECKS[one.check](self, one.arguments, path, schema)

    def is_repeated(self, index: int, one: Expectation, path: Path) -> bool:
        for earlier, other in enumerate(self.task.expect[:index]):
            if (other.check, other.arguments) == (one.check, one.arguments):
                first = key_span(self.places, *path[:3], earlier, other.check)
                related = (Label(first, "first here"),) if first else ()
                span = key_span(self.places, *path)
                self.error(
                    "TRC206", f'"{label(one)}" is expected twice', span, ("remove one of them",), related=related
                )
                return True
        return False

    # One function a check

    def columns(self, arguments: Mapping[str, Any], path: Path, schema: Schema) -> None:
        for index, name in enumerate(arguments["columns"]):
            inner: Path = (*path, index)
            self.column(name, inner if self.places.exact(*inner) else path, schema)

    def accepted(self, arguments: Mapping[str, Any], path: Path, schema: Schema) -> None:
        column = self.column(arguments["column"], (*path, "column"), schema)
        for index, value in enumerate(arguments["values"]):
            why_not = _never_equal(value, column.type if column else None)
            if why_not:
                span = self.span((*path, "values", index))
                shown = json.dumps(value, ensure_ascii=False)
                called = f'column "{column.name}" is {column.type}' if column else "values are compared with a column"
                self.error(
                    "TRC417", f"{called}, and {shown} {why_not}", span, ("take it out, or write it as such a value",)
                )

    def related(self, arguments: Mapping[str, Any], path: Path, schema: Schema) -> None:
        column = self.column(arguments["column"], (*path, "column"), schema)
        to, target = arguments["to"], self.dataset(arguments["to"], self.span((*path, "to")))
        if target is None:
            return
        field = (*path, "field") if self.places.exact(*path, "field") else (*path, "to")
        found = self.column(arguments["field"], field, target, f'"{to}" has')
        if column is None or found is None or _kind(column.type) == _kind(found.type):
            return
        message = f'column "{column.name}" is {column.type}, and "{arguments["field"]}" of "{to}" is {found.type}'
        self.error("TRC417", message, self.span((*path, "column")), ("cast one of them, so that they can be compared",))

    def counted(self, arguments: Mapping[str, Any], path: Path, schema: Schema) -> None:
        """Its bounds were looked at where they were read."""

    def fresh(self, arguments: Mapping[str, Any], path: Path, schema: Schema) -> None:
        column = self.column(arguments["column"], (*path, "column"), schema)
        if column is not None and not column.type.startswith(_TIMES):
            message = f'column "{column.name}" is {column.type}, and freshness looks at a date or a timestamp'
            self.error(
                "TRC417", message, self.span((*path, "column")), ("cast it in the query, or name another column",)
            )

    def condition(self, arguments: Mapping[str, Any], path: Path, schema: Schema) -> None:
        text = str(arguments["condition"])
        is_open = not self.context.must_settle or self.collect.has_errors
        if is_open and ("{{" in text or "{%" in text):
            return
        for problem in _condition_problems(self.task.name, text, schema, self.binder):
            self.report(problem, text, path)

    # What they share

    def column(self, name: str, path: Path, schema: Schema, has: str = "it has") -> Column | None:
        """The column of that name, if it is there; what is not known is not missing."""
        if not isinstance(schema, Known):
            return None
        found = next((one for one in schema.columns if one.name.casefold() == name.casefold()), None)
        if found is None:
            names = [one.name for one in schema.columns]
            more = f" and {len(names) - _MOST_COLUMNS} more" if len(names) > _MOST_COLUMNS else ""
            owner = f'"{self.task.name}" yields' if has == "it has" else has
            span = text_span(self.places, path, name)
            self.error(
                "TRC415",
                f'{owner} no column "{name}"',
                span,
                did_you_mean(name, names),
                told=f"{has}: {', '.join(names[:_MOST_COLUMNS])}{more}",
                fix=_rename(span, name, nearest(name, names)),
            )
        return found

    def dataset(self, name: str, span: Span | None) -> Schema | None:
        """The columns of a dataset that values are looked up in; None where nobody knows what is meant."""
        for resolved in self.graph.checks.get(self.task.name, ()):
            if resolved.read.name.casefold() == name.casefold():
                if self.is_file(resolved):
                    self.error("TRC419", f'"{name}" is a file that is no table: nothing is found in it', span)
                    return None
                key = ("", resolved.source.name) if resolved.source else resolved.producer
                return self.schemas.get(key) if key else None
        return None

    def is_file(self, resolved: Resolved) -> bool:
        if resolved.source is not None:
            return resolved.source.format == "file"
        writer = next((one for one in self.tasks if resolved.producer and one.name == resolved.producer[0]), None)
        outputs = writer.outputs if writer else ()
        return any(one.format == "file" for one in outputs if resolved.producer and one.name == resolved.producer[1])

    def report(self, problem: SqlProblem, text: str, path: Path) -> None:
        start = min(max(problem.start, 0), len(text))
        end = min(max(problem.end, start), len(text))
        span = self.places.within(path, start, end)
        is_copied = span is not None and span.end - span.start == end - start
        fix = None
        if span and problem.replacement and is_copied and not self.places.is_computed(path, start, end):
            fix = Fix(span, problem.replacement, f"write {problem.replacement}")
        self.error(problem.code, problem.message, span, problem.help, told=problem.label, fix=fix)

    def span(self, path: Path) -> Span | None:
        return self.places.span(*path)

    def error(
        self,
        code: str,
        message: str,
        span: Span | None,
        remedy: tuple[str, ...] = (),
        *,
        told: str = "",
        fix: Fix | None = None,
        related: tuple[Label, ...] = (),
    ) -> None:
        self.collect.add(Diagnostic(code, message, span, told, related, remedy, fix=fix, task=self.task.name))


_CHECKS: Final[Mapping[str, Callable[[_Contract, Mapping[str, Any], Path, Schema], None]]] = {
    "not_null": _Contract.columns,
    "unique": _Contract.columns,
    "accepted_values": _Contract.accepted,
    "relationships": _Contract.related,
    "row_count": _Contract.counted,
    "freshness": _Contract.fresh,
    "check": _Contract.condition,
}


def _without_rows(task: Task) -> str:
    """Why there are no rows to look at, or not one set of them."""
    form = next((one.format for one in task.outputs), None)
    if form is None:
        return "writes no dataset"
    if len(task.outputs) > 1:
        return f"writes {len(task.outputs)} datasets"
    return "writes a file that is no table" if form == "file" else ""


def _never_equal(value: object, kind: str | None) -> str:
    """Why no value of a type equals one that the author wrote; empty if one may."""
    if value is None:
        return "is no value: rows without one pass in any case"
    if not isinstance(value, str | int | float):
        return "is not a single value"
    if kind is None:
        return ""
    wanted = {"number": "number", "truth value": "truth value"}.get(_kind(kind), "text")
    given = "truth value" if isinstance(value, bool) else "text" if isinstance(value, str) else "number"
    if given != wanted:
        return f"is a {given}"
    if given == "text" and kind not in ("VARCHAR", "JSON") and not _can_be(str(value), kind):
        return "cannot be one"
    return ""


def _kind(told: str) -> str:
    """What values of a type can be compared with."""
    if told.endswith("]"):
        return told
    if told == "BOOLEAN":
        return "truth value"
    if told == "VARCHAR" or told.startswith("ENUM("):
        return "text"
    return "number" if _NUMBERS.match(told) else "time" if told.startswith(_TIMES) else told


def _can_be(value: str, kind: str) -> bool:
    import duckdb

    try:
        ((found,),) = query(f"SELECT TRY_CAST({literal(value)} AS {kind}) IS NOT NULL")
    except duckdb.Error:
        return False
    return bool(found)


def _condition_problems(task: str, text: str, schema: Schema, binder: Binder) -> Iterator[SqlProblem]:
    """What is wrong with a condition on the rows of a task; places are those in the condition."""
    unclosed = _not_closed(text)
    if unclosed is not None:
        yield unclosed
        return
    quoted = '"' + task.replace('"', '""') + '"'
    before = f"SELECT 1 AS one FROM {quoted} WHERE (\n"  # noqa: S608 - bound, and never run
    parsed = parse(f"{before}{text}\n)")
    if isinstance(parsed, SqlProblem):
        problem = _moved(parsed, -len(before))
        if problem.start >= len(text):
            problem = SqlProblem("TRC401", "the condition ends too early", *_written(text))
        yield problem
        return
    reads = [(use.start, use.end) for use in parsed.tables]
    reads += [(use.start, use.end) for use in parsed.files]
    reads += [(use.start, use.end) for use in parsed.computed]
    looked_up = [(start - len(before), end - len(before)) for start, end in reads if start >= len(before)]
    for place in looked_up[:1]:
        message = "a check looks at one row at a time, and this reads a table"
        remedy = '"relationships" looks values up in another dataset; for all else, join it in the query'
        yield SqlProblem("TRC416", message, *place, help=(remedy,))
        return
    for use in parsed.parameters[:1]:
        message = f'"{use.name}" has no value'
        remedy = "write the value itself, or a template: {{ name }}"
        yield SqlProblem("TRC416", message, use.start - len(before), use.end - len(before), help=(remedy,))
        return
    bound = binder.bind(parsed, {task: schema}, {})
    yield from (_as_of_rows(_moved(problem, -len(before))) for problem in bound.problems)
    if bound.problems or not isinstance(schema, Known):
        return
    asked = parse(f"SELECT (\n{text}\n) AS verdict FROM {quoted}")  # noqa: S608 - bound, and never run
    told = binder.bind(asked, {task: schema}, {}).schema if isinstance(asked, Parsed) else None
    if isinstance(told, Known) and len(told.columns) != 1:
        message = f"a condition is one, and these are {len(told.columns)}"
        yield SqlProblem("TRC416", message, *_written(text), help=("write out what is meant of each column",))
    elif isinstance(told, Known) and told.columns[0].type != "BOOLEAN":
        message = f"a condition is true or false, and this is {told.columns[0].type}"
        yield SqlProblem("TRC416", message, *_written(text), help=("compare it with something",))


def _not_closed(text: str) -> SqlProblem | None:
    """A bracket too many, or a semicolon, would end the condition before its end."""
    depth = 0
    for token in tokenize(text):
        depth += (token.text in "([{") - (token.text in ")]}")
        if depth < 0 or token.text == ";":
            message = f'"{token.text}" ends the condition too early'
            return SqlProblem("TRC401", message, token.start, token.end, help=("remove it",))
    return None


def _as_of_rows(problem: SqlProblem) -> SqlProblem:
    if "WHERE clause cannot contain" not in problem.message:
        return problem
    message = "a check looks at one row at a time, and this looks at several"
    remedy = ("write a task that sums up, with a check of its own",)
    return replace(problem, code="TRC416", message=message, help=remedy)


def _moved(problem: SqlProblem, by: int) -> SqlProblem:
    return replace(problem, start=problem.start + by, end=problem.end + by)


def _written(text: str) -> tuple[int, int]:
    tokens = tokenize(text)
    return (tokens[0].start, tokens[-1].end) if tokens else (0, len(text))


def _rename(span: Span | None, name: str, meant: str | None) -> Fix | None:
    if span is None or meant is None or span.end - span.start != len(name):
        return None
    return Fix(span, meant, f'write "{meant}"')
