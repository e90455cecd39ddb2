"""The compile side of `duckdb_sql`: what a query reads is found in the query itself."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator

from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.ir.dataset import DatasetRead, Output, Read, UriRead
from trc.compiler.ir.formats import Format, format_of
from trc.compiler.ir.task import OUTPUT_NAME, Query
from trc.compiler.sql.dialect import OWN, Dialect, is_foreign
from trc.compiler.sql.parse import Parsed
from trc.compiler.sql.problem import SqlProblem
from trc.compiler.sql.skim import Plain, skim
from trc.compiler.tasktype import Declaration, Scope, TaskParams


class DuckdbSqlParams(TaskParams):
    """Parameters of a task of SQL."""

    sql: str = Field(
        description="one query; it names sources and other tasks as tables, and files as literals",
        json_schema_extra={"template": "sql", "dialect": "dialect"},
        examples=["select customer, sum(amount) as revenue from orders group by customer"],
    )
    dialect: Dialect | None = Field(
        default=None, description="the dialect that the query is written in; left out, DuckDB's own"
    )
    output_uri: str | None = Field(
        default=None,
        min_length=1,
        description="where its rows are written; left out, only this pipeline reads them",
        json_schema_extra={"runtime": True},
    )
    output_format: Literal["parquet", "csv", "json"] | None = Field(
        default=None, description="the format of the output; by default what the suffix tells, else parquet"
    )

    @field_validator("sql")
    @classmethod
    def _not_blank(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("the SQL is empty; write one query")
        return value

    @field_validator("dialect")
    @classmethod
    def _own(cls, value: Dialect | None) -> Dialect | None:
        return None if value == OWN else value


class DuckdbSql:
    """One query, run by DuckDB; its rows are the task's output."""

    name = "duckdb_sql"
    version = 1
    summary = "Runs one SQL query in DuckDB and writes its rows as Parquet, CSV or JSON."
    params = DuckdbSqlParams
    runs: str | None = "trc.stdlib_tasks.duckdb_sql.run:run"
    requires: tuple[str, ...] = ("duckdb",)

    def declare(self, params: Any, scope: Scope) -> Declaration:
        """What the query reads and writes. Mistakes in the SQL itself are left to the check of SQL."""
        assert isinstance(params, DuckdbSqlParams)
        dialect = params.dialect if is_foreign(params.dialect) else None
        translated = scope.translated.get("sql")
        text = params.sql if translated is None else translated.sql
        query = Query(text=text, param="sql", dialect=dialect, written=translated.written if translated else None)
        known = None if query.is_untranslated else skim(text)
        fmt = _format(params)
        return Declaration(
            reads=_reads(known),
            outputs=(Output(name=OUTPUT_NAME, uri=params.output_uri, format="parquet" if fmt == "file" else fmt),),
            query=query,
            engines=("duckdb",),
            visibility="complete",
            effect="none",
            idempotent=True,
            volatile=known.volatile.reason if isinstance(known, Parsed) and known.volatile else None,
            diagnostics=(_unclear_format(params, scope),) if fmt == "file" else (),
        )


def _reads(query: Plain | Parsed | SqlProblem | None) -> tuple[Read, ...]:
    match query:
        case Plain():
            return tuple(DatasetRead(name=name, dataset=name) for name in query.tables)
        case Parsed():
            datasets = {name: DatasetRead(name=name, dataset=name) for name in query.table_names}
            files = {use.uri: UriRead(name=use.uri, uri=use.uri, format=use.format) for use in query.files}
            return (*datasets.values(), *files.values())
        case SqlProblem() | None:
            return ()


def _format(params: DuckdbSqlParams) -> Format:
    if params.output_format is not None:
        return params.output_format
    return "parquet" if params.output_uri is None else format_of(params.output_uri)


def _unclear_format(params: DuckdbSqlParams, scope: Scope) -> Diagnostic:
    return Diagnostic(
        "TRC205",
        f'the suffix of "{params.output_uri}" tells no format for rows',
        scope.places.span(*scope.path, "params", "output_uri"),
        help=("end it in .parquet, .csv or .json, or say which format they have",),
        task=scope.task,
    )
