"""The compile side of `sql_extract`: what a database holds is not known before, so it always runs, and changes nothing there."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from trc.compiler.ir.dataset import Output
from trc.compiler.ir.formats import format_of
from trc.compiler.ir.task import OUTPUT_NAME
from trc.compiler.tasktype import Declaration, Scope
from trc.stdlib_tasks.database_params import SCANNERS, DatabaseParams, check_table
from trc.stdlib_tasks.locations import Location


class SqlExtractParams(DatabaseParams):
    """Parameters of an extract."""

    table: Annotated[str, AfterValidator(check_table)] | None = Field(
        default=None, description="the table or view that is read, such as orders or shop.orders", examples=["orders"]
    )
    query: str | None = Field(
        default=None,
        min_length=1,
        description="in place of table: a query in the database's own SQL; for SQLite, in DuckDB's",
        json_schema_extra={"template": "sql"},
    )
    output_uri: Location | None = Field(
        default=None, description="where the rows are written; left out, only this pipeline reads them"
    )
    output_format: Literal["parquet", "csv", "json"] | None = Field(
        default=None, description="the format of the output; by default what the suffix tells, else parquet"
    )

    @model_validator(mode="after")
    def _one_thing_to_read(self) -> Self:
        if (self.table is None) == (self.query is None):
            raise ValueError("say what to read: either table or query")
        return self


class SqlExtract:
    """An extract: read in one transaction that may not write. It always runs, for nobody can tell what has changed there."""

    name = "sql_extract"
    version = 1
    summary = "Reads a table or a query of PostgreSQL, MySQL or SQLite, and writes its rows as Parquet, CSV or JSON."
    params = SqlExtractParams
    runs: str | None = "trc.stdlib_tasks.sql_extract.run:run"
    requires: tuple[str, ...] = SCANNERS

    def declare(self, params: Any, scope: Scope) -> Declaration:  # noqa: ARG002 - the interface of all types
        """The dataset that is written."""
        assert isinstance(params, SqlExtractParams)
        form = params.output_format or (format_of(params.output_uri) if params.output_uri else "parquet")
        return Declaration(
            outputs=(Output(name=OUTPUT_NAME, uri=params.output_uri, format=form),),
            engines=("duckdb",),
            visibility="opaque",
            effect="none",
            idempotent=True,
        )
