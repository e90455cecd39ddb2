"""The compile side of `s3_json_to_parquet_duckdb`."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from trc.compiler.ir.dataset import Output, UriRead
from trc.compiler.ir.task import OUTPUT_NAME
from trc.compiler.tasktype import Declaration, Scope, TaskParams
from trc.stdlib_tasks.locations import S3Uri


class S3JsonToParquetDuckdbParams(TaskParams):
    """Parameters of a conversion."""

    src_glob: S3Uri = Field(description="the JSON objects to read, a pattern or one object: s3://bucket/raw/*.json")
    dst_uri: S3Uri = Field(description="the Parquet object to write: s3://bucket/key.parquet")


class S3JsonToParquetDuckdb:
    """JSON objects, put together into one Parquet object by DuckDB."""

    name = "s3_json_to_parquet_duckdb"
    version = 1
    summary = "Reads JSON objects on S3 with DuckDB and writes them as one Parquet object."
    params = S3JsonToParquetDuckdbParams
    runs: str | None = None
    requires: tuple[str, ...] = ("duckdb",)

    def declare(self, params: Any, scope: Scope) -> Declaration:  # noqa: ARG002 - the interface of all types
        """The objects that are read, and the one that is written."""
        assert isinstance(params, S3JsonToParquetDuckdbParams)
        return Declaration(
            reads=(UriRead(name="source", uri=params.src_glob, format="json"),),
            outputs=(Output(name=OUTPUT_NAME, uri=params.dst_uri, format="parquet"),),
            engines=("duckdb",),
            visibility="complete",
            effect="none",
            idempotent=True,
        )
