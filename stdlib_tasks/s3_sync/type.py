"""The compile side of `s3_sync`: what lies below one place is read, and whatever lies below the other may be written."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from trc.compiler.ir.dataset import DatasetRead, Output, Read, UriRead
from trc.compiler.ir.task import OUTPUT_NAME
from trc.compiler.ir.uris import is_glob
from trc.compiler.tasktype import Declaration, Scope, TaskParams
from trc.runtime.taskside.order import SYNC
from trc.stdlib_tasks.locations import Location, Patterns, Place, check_place


def _check_source(value: str) -> str:
    return check_place(value) if _is_place(value) else value


def _is_place(value: str) -> bool:
    return "/" in value or value in (".", "..") or is_glob(value)


class S3SyncParams(TaskParams):
    """Parameters of a synchronisation."""

    source: Annotated[str, Field(min_length=1), AfterValidator(_check_source)] = Field(
        description="what is copied: a folder such as data/public, a prefix such as s3://lake/raw/, or a dataset's name",
        examples=["data/public/"],
    )
    destination: Place = Field(
        description="where it goes: a prefix, or a folder; one of the two lies on S3", examples=["s3://lake/public/"]
    )
    delete: bool = Field(
        default=False, description="whether what the source has not is removed from the destination, after all else"
    )
    include: Patterns = Field(
        default_factory=list[str],
        description="patterns of names below the source: only those take part",
        examples=[["**/*.csv"]],
    )
    exclude: Patterns = Field(
        default_factory=list[str], description="patterns of names that take no part: they are not removed, either"
    )
    compare: Literal["content", "time"] = Field(
        default="content",
        description="what tells things of one size apart: their bytes, by ETag, or when they were modified",
    )
    dry_run: bool = Field(default=False, description="whether it is only told what would be done")
    output_uri: Location | None = Field(
        default=None,
        description="where it is written, as CSV, what was copied and removed",
        examples=["out/synced.csv"],
    )
    output_format: Literal["csv", "file"] | None = Field(
        default=None, description="the format of that; csv if nothing is said"
    )

    @model_validator(mode="after")
    def _two_places(self) -> Self:
        is_remote = [one.startswith("s3://") for one in (self.source, self.destination)]
        if not any(is_remote) and _is_place(self.source):
            raise ValueError("neither lies on S3; copy files of this machine with a shell task")
        first, second = (one.rstrip("/") + "/" for one in (self.source, self.destination))
        if is_remote[0] and is_remote[1] and (first.startswith(second) or second.startswith(first)):
            raise ValueError("source and destination lie within each other: what is copied would be copied again")
        return self


class S3Sync:
    """A synchronisation. The destination is looked at each time, so it always runs, and moves only what differs."""

    name = "s3_sync"
    version = 1
    summary = "Makes a prefix on S3, or a folder, hold what another one holds: only what differs is moved."
    params = S3SyncParams
    runs: str | None = SYNC
    requires: tuple[str, ...] = ()

    def declare(self, params: Any, scope: Scope) -> Declaration:  # noqa: ARG002 - the interface of all types
        """All below the source is read, and what lies below the destination is what others may read after it."""
        assert isinstance(params, S3SyncParams)
        outputs: tuple[Output, ...] = ()
        if params.output_uri is not None or params.output_format is not None:
            outputs = (Output(name=OUTPUT_NAME, uri=params.output_uri, format=params.output_format or "csv"),)
        return Declaration(
            reads=(_read(params.source),),
            outputs=outputs,
            fills=(params.destination.rstrip("/") + "/",),
            visibility="complete",
            effect="external",
            idempotent=True,
        )


def _read(source: str) -> Read:
    if _is_place(source):
        return UriRead(name="source", uri=source.rstrip("/") + "/**", format="file")
    return DatasetRead(name="dataset", dataset=source)
