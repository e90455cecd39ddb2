"""The compile side of `s3_json_to_parquet_duckdb`."""

from __future__ import annotations

from typing import Any, Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.ir.dataset import Column, Output, UriRead
from trc.compiler.ir.formats import format_of
from trc.compiler.ir.task import OUTPUT_NAME
from trc.compiler.tasktype import Declaration, Scope, TaskParams
from trc.stdlib_tasks.locations import Location

REJECTED = "rejected"
"""The output of rows that cannot be read."""

_REJECTED_COLUMNS: Final = tuple(
    Column(name=name, type=kind)
    for name, kind in (("file", "VARCHAR"), ("line", "BIGINT"), ("error", "VARCHAR"), ("text", "VARCHAR"))
)


class S3JsonToParquetDuckdbParams(TaskParams):
    """Parameters of a conversion."""

    src_glob: Location = Field(
        description="the JSON or CSV to read, a pattern or one file: s3://bucket/raw/*.json, or a path",
        examples=["s3://lake/raw/*.json"],
    )
    dst_uri: Location = Field(
        description="the Parquet to write: s3://bucket/key.parquet, or a path", examples=["s3://lake/orders.parquet"]
    )
    src_format: Literal["json", "csv"] | None = Field(
        default=None, description="json or csv; by default what the suffix tells, else json"
    )
    types: dict[str, str] | None = Field(
        default=None, description="columns that must be there, with their DuckDB types; others are as they are found"
    )
    delimiter: str | None = Field(
        default=None, description="what parts the values of CSV; by default a comma, and a tab in .tsv"
    )
    rejects_uri: Location | None = Field(
        default=None,
        description="where rows are kept that cannot be read, as Parquet; without it, the first fails the task",
    )
    max_rejects: int | None = Field(
        default=None, ge=0, description="how many rows may be kept aside before the task fails"
    )
    compression: Literal["zstd", "snappy", "gzip", "uncompressed"] = Field(
        default="zstd", description="how the Parquet is compressed"
    )

    @field_validator("types")
    @classmethod
    def _names_and_types(cls, value: dict[str, str] | None) -> dict[str, str] | None:
        names = [name.casefold() for name in value or {}]
        if len(set(names)) < len(names):
            raise ValueError("two columns have one name: names ignore case")
        if not all(text.strip() for pair in (value or {}).items() for text in pair):
            raise ValueError("a column has a name and a type: {id: bigint}")
        return value

    @field_validator("delimiter")
    @classmethod
    def _one_character(cls, value: str | None) -> str | None:
        if value is not None and (len(value) != 1 or value in '"\r\n'):
            raise ValueError("a delimiter is one character, and neither a quote nor the end of a line")
        return value

    @model_validator(mode="after")
    def _rejects_have_a_place(self) -> Self:
        if self.max_rejects is not None and self.rejects_uri is None:
            raise ValueError("max_rejects is about rows that rejects_uri keeps aside: say where")
        return self

    @property
    def form(self) -> Literal["json", "csv"]:
        """The format of what is read."""
        if self.src_format is not None:
            return self.src_format
        return "csv" if format_of(self.src_glob) == "csv" else "json"


class S3JsonToParquetDuckdb:
    """JSON or CSV, put together into one Parquet by DuckDB: columns are matched by name, types are widened."""

    name = "s3_json_to_parquet_duckdb"
    version = 1
    summary = "Reads JSON or CSV, on S3 or here, with DuckDB and writes it as one Parquet file."
    params = S3JsonToParquetDuckdbParams
    runs: str | None = "trc.stdlib_tasks.s3_json_to_parquet_duckdb.run:run"
    requires: tuple[str, ...] = ("duckdb",)

    def declare(self, params: Any, scope: Scope) -> Declaration:
        """What is read, and the one or two files that are written."""
        assert isinstance(params, S3JsonToParquetDuckdbParams)
        outputs = [Output(name=OUTPUT_NAME, uri=params.dst_uri, format="parquet")]
        if params.rejects_uri is not None:
            outputs.append(Output(name=REJECTED, uri=params.rejects_uri, format="parquet", columns=_REJECTED_COLUMNS))
        return Declaration(
            reads=(UriRead(name="source", uri=params.src_glob, format=params.form),),
            outputs=tuple(outputs),
            engines=("duckdb",),
            visibility="complete",
            effect="none",
            idempotent=True,
            diagnostics=tuple(_odd_delimiter(params, scope)),
        )


def _odd_delimiter(params: S3JsonToParquetDuckdbParams, scope: Scope) -> list[Diagnostic]:
    if params.delimiter is None or params.form == "csv":
        return []
    return [
        Diagnostic(
            "TRC205",
            "JSON has no delimiter",
            scope.places.span(*scope.path, "params", "delimiter"),
            help=("leave it out, or write src_format: csv",),
            task=scope.task,
        )
    ]
