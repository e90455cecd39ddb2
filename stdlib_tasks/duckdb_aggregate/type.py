"""The compile side of `duckdb_aggregate`: measures by dimensions become one query, which is checked and optimised like any other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, Literal, Self

from pydantic import Field, JsonValue, model_validator

from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.ir.dataset import DatasetRead, Output, Read, UriRead
from trc.compiler.ir.formats import Format, format_of
from trc.compiler.ir.task import OUTPUT_NAME, Query
from trc.compiler.sql.parse import Parsed, parse
from trc.compiler.sql.problem import SqlProblem
from trc.compiler.tasktype import Declaration, Scope, TaskParams
from trc.stdlib_tasks.data_params import is_location
from trc.stdlib_tasks.duckdb_aggregate.sql import column, query_of
from trc.stdlib_tasks.locations import Location

Grain = Literal["second", "minute", "hour", "day", "week", "month", "quarter", "year"]
_ROWS: Final = ("parquet", "csv", "json")
_SQL: Final[dict[str, JsonValue]] = {"template": "sql"}
"""Values of templates are literals in it."""


class DuckdbAggregateParams(TaskParams):
    """Parameters of an aggregation."""

    source: str = Field(
        min_length=1,
        description="the dataset that is aggregated: a source, a task, or a location",
        examples=["orders"],
    )
    measures: dict[str, str] = Field(
        min_length=1,
        description="what is computed: names with aggregates, such as {revenue: sum(amount)}",
        examples=[{"revenue": "sum(amount)", "orders": "count(*)"}],
        json_schema_extra=_SQL,
    )
    dimensions: list[str] | dict[str, str] = Field(
        default_factory=list[str],
        description="what it is computed for: columns, or names with expressions; without any, there is one row",
        examples=[["customer", "ordered_on"]],
        json_schema_extra=_SQL,
    )
    grain: dict[str, Grain] = Field(
        default_factory=dict[str, Grain],
        description="dimensions that are times, each with the length that it is cut to: {ordered_on: month}",
        examples=[{"ordered_on": "month"}],
    )
    filters: list[str] = Field(
        default_factory=list[str], description="conditions on the rows that count", json_schema_extra=_SQL
    )
    having: list[str] = Field(
        default_factory=list[str], description="conditions on the rows that come out", json_schema_extra=_SQL
    )
    output_uri: Location | None = Field(
        default=None,
        description="where the rows are written; left out, only this pipeline reads them",
        json_schema_extra={"runtime": True},
    )
    output_format: Literal["parquet", "csv", "json"] | None = Field(
        default=None, description="the format of the output; by default what the suffix tells, else parquet"
    )

    @model_validator(mode="after")
    def _names_are_clear(self) -> Self:
        names = [name.casefold() for name in (*self.by, *self.measures)]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f'two columns of the result are called "{twice}"')
        unknown = next((name for name in self.grain if name not in self.by), None)
        if unknown is not None:
            raise ValueError(f'"{unknown}" has a grain, and is none of the dimensions')
        if not all(text.strip() for text in (*self.by, *self.measures, *self.texts)):
            raise ValueError("an empty text computes nothing")
        return self

    @property
    def texts(self) -> tuple[str, ...]:
        """All that is SQL."""
        return (*self.by.values(), *self.measures.values(), *self.filters, *self.having)

    @property
    def by(self) -> dict[str, str]:
        """The dimensions: names with the expressions of SQL."""
        if isinstance(self.dimensions, dict):
            return self.dimensions
        return {name: column(name) for name in self.dimensions}


class DuckdbAggregate:
    """Measures by dimensions. It is one query: its columns are checked, and passes see it as they see an author's."""

    name = "duckdb_aggregate"
    version = 1
    summary = "Computes measures by dimensions with DuckDB, and writes them as Parquet, CSV or JSON."
    params = DuckdbAggregateParams
    runs: str | None = "trc.stdlib_tasks.duckdb_sql.run:run"
    requires: tuple[str, ...] = ("duckdb",)

    def declare(self, params: Any, scope: Scope) -> Declaration:
        """The query, what it reads, and what it writes. Which columns there are, the check of SQL tells."""
        assert isinstance(params, DuckdbAggregateParams)
        is_open = any("{{" in text or "{%" in text for text in params.texts)
        # What is not rendered for a mistake of its own is no further mistake.
        problems = () if is_open else tuple(_problems(params, scope))
        text = _query(params)
        is_clear = not problems and not is_open
        parsed = parse(text) if is_clear else None
        form = _format(params)
        return Declaration(
            reads=_reads(params),
            outputs=(Output(name=OUTPUT_NAME, uri=params.output_uri, format="parquet" if form == "file" else form),),
            query=Query(text=text) if is_clear else None,
            engines=("duckdb",),
            visibility="complete",
            effect="none",
            idempotent=True,
            volatile=parsed.volatile.reason if isinstance(parsed, Parsed) and parsed.volatile else None,
            diagnostics=(*problems, *((_unclear(params, scope),) if form == "file" else ())),
        )


def _query(params: DuckdbAggregateParams) -> str:
    by = {name: _cut(params.grain[name], text) if name in params.grain else text for name, text in params.by.items()}
    located = is_location(params.source)
    return query_of(params.source, by, params.measures, params.filters, params.having, is_location=located)


def _cut(grain: Grain, text: str) -> str:
    """A time cut to its grain; what is cut to days and more is a date."""
    cut = f"date_trunc('{grain}', {text})"
    return cut if grain in ("second", "minute", "hour") else f"CAST({cut} AS DATE)"


def _reads(params: DuckdbAggregateParams) -> tuple[Read, ...]:
    if is_location(params.source):
        return (UriRead(name=params.source, uri=params.source, format=format_of(params.source)),)
    return (DatasetRead(name=params.source, dataset=params.source),)


def _format(params: DuckdbAggregateParams) -> Format:
    if params.output_format is not None:
        return params.output_format
    return "parquet" if params.output_uri is None else format_of(params.output_uri)


def _problems(params: DuckdbAggregateParams, scope: Scope) -> Iterator[Diagnostic]:
    """Texts that are not one expression each: they would be read as something else where they stand."""
    if isinstance(params.dimensions, dict):
        yield from _unread(("dimensions",), params.dimensions, scope)
    yield from _unread(("measures",), params.measures, scope)
    yield from _unread(("filters",), dict(enumerate(params.filters)), scope)
    yield from _unread(("having",), dict(enumerate(params.having)), scope)


def _unread(path: tuple[str, ...], texts: dict[Any, str], scope: Scope) -> Iterator[Diagnostic]:
    for key, text in texts.items():
        # As an argument, with a comment that hides the end seen as what it is.
        found = parse(f"SELECT [({text}\n)]")
        if isinstance(found, SqlProblem) or (isinstance(found, Parsed) and found.tables):
            span = scope.places.span(*scope.path, "params", *path, key)
            what = f'"{text}" is no expression of SQL' if isinstance(found, SqlProblem) else f'"{text}" reads a table'
            remedy = "write one expression, such as sum(amount)" if path == ("measures",) else "write one expression"
            yield Diagnostic("TRC401", what, span, help=(remedy,), task=scope.task)


def _unclear(params: DuckdbAggregateParams, scope: Scope) -> Diagnostic:
    return Diagnostic(
        "TRC205",
        f'the suffix of "{params.output_uri}" tells no format for rows',
        scope.places.span(*scope.path, "params", "output_uri"),
        help=(f"end it in .parquet, .csv or .json, or say which format they have: {', '.join(_ROWS)}",),
        task=scope.task,
    )
