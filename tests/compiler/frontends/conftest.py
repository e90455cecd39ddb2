"""A small world for the front end's tests: task types with parameters of every shape, and no files."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, field_validator

from trc.compiler.context import Context
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.ir.dataset import DatasetRead, Output, UriRead
from trc.compiler.ir.formats import Format, format_of
from trc.compiler.ir.task import Query
from trc.compiler.ir.types import Schema, Unknown
from trc.compiler.tasktype import Declaration, Scope, TaskParams, TaskType


class SqlParams(TaskParams):
    sql: str
    output_uri: str | None = None
    output_format: Literal["parquet", "csv", "json"] | None = None


class Sql:
    name = "duckdb_sql"
    version = 1
    summary = "Runs one query."
    params: type[Any] = SqlParams
    runs: str | None = "tests:run"
    requires: tuple[str, ...] = ()

    def declare(self, params: SqlParams, scope: Scope) -> Declaration:
        at = params.sql.find("missing")
        found = (
            Diagnostic(
                "TRC403", 'there is no table "missing"', scope.places.within((*scope.path, "params", "sql"), at, at + 7)
            ),
        )
        return Declaration(
            outputs=(Output(uri=params.output_uri, format=format_of(params.output_uri or ".parquet")),),
            query=Query(text=params.sql, param="sql"),
            engines=("duckdb",),
            visibility="complete",
            diagnostics=found if at >= 0 else (),
        )


class DownloadParams(TaskParams):
    url: str
    s3_uri: str


class Download:
    name = "download_to_s3"
    version = 1
    summary = "Downloads."
    params: type[Any] = DownloadParams
    runs: str | None = None
    requires: tuple[str, ...] = ()

    def declare(self, params: DownloadParams, scope: Scope) -> Declaration:  # noqa: ARG002 - the interface's
        return Declaration(outputs=(Output(uri=params.s3_uri, format=format_of(params.s3_uri)),))


class ConvertParams(TaskParams):
    src_glob: str
    dst_uri: str


class Convert:
    name = "s3_json_to_parquet_duckdb"
    version = 1
    summary = "Converts."
    params: type[Any] = ConvertParams
    runs: str | None = None
    requires: tuple[str, ...] = ()

    def declare(self, params: ConvertParams, scope: Scope) -> Declaration:  # noqa: ARG002 - the interface's
        return Declaration(
            reads=(UriRead(name="src_glob", uri=params.src_glob, format="json"),),
            outputs=(Output(uri=params.dst_uri),),
        )


class OutputParams(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    uri: str
    format: Format = "parquet"


class ShapeParams(TaskParams):
    """One parameter of each shape that a model can ask for."""

    command: str | list[str]
    inputs: list[str] | dict[str, str] = Field(default_factory=list)
    outputs: dict[str, OutputParams] = Field(default_factory=dict)
    args: dict[str, Any] = Field(default_factory=dict, json_schema_extra={"secrets": True})
    workers: int = Field(default=1, ge=1, le=16)
    ratio: float = 1.0
    strict: bool = False
    code: str | None = Field(default=None, min_length=2)
    file: str | None = None

    @field_validator("code")
    @classmethod
    def _capital(cls, value: str | None) -> str | None:
        if value is not None and value != value.upper():
            raise ValueError(f'"{value}" is a code in small letters; codes are capitals')
        return value


class Shape:
    name = "shape"
    version = 3
    summary = "Takes everything."
    params: type[Any] = ShapeParams
    runs: str | None = "tests:run"
    requires: tuple[str, ...] = ()

    def declare(self, params: ShapeParams, scope: Scope) -> Declaration:
        if params.file:
            scope.read_file(params.file)
        names = params.inputs if isinstance(params.inputs, list) else list(params.inputs)
        return Declaration(reads=tuple(DatasetRead(name=name, dataset=name) for name in names))


class NoSchemas:
    def schema(self, uri: str, fmt: Format) -> Schema:  # noqa: ARG002 - the interface's
        return Unknown("nobody looks")


def make_context(project: Path) -> Context:
    kinds: tuple[TaskType, ...] = (Sql(), Download(), Convert(), Shape())
    types = {kind.name: kind for kind in kinds}
    return Context(project, types, NoSchemas())


@pytest.fixture(scope="session")
def context(tmp_path_factory: pytest.TempPathFactory) -> Context:
    return make_context(tmp_path_factory.mktemp("project"))
