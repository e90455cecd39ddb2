"""The compile side of `s3_extract_archive`: each file that is wanted of an archive is an output with a name."""

from __future__ import annotations

import re
from typing import Any, Final, Literal, Self

from pydantic import Field, model_validator

from trc.compiler.ir.dataset import Output, UriRead
from trc.compiler.ir.formats import Format, format_of
from trc.compiler.ir.task import OUTPUT_NAME
from trc.compiler.ir.uris import is_glob
from trc.compiler.ir.values import Size
from trc.compiler.tasktype import Declaration, Scope, TaskParams
from trc.stdlib_tasks.locations import Location

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


class ExtractedParams(TaskParams):
    """One of several files."""

    member: str = Field(min_length=1, description="the file's name in the archive, or a pattern that one file matches")
    uri: Location | None = Field(default=None, description="where it is written; left out, the engine chooses")
    format: Format | None = Field(
        default=None, description="parquet, csv, json or file; by default what the suffix tells"
    )


class S3ExtractArchiveParams(TaskParams):
    """Parameters of an extraction."""

    src_uri: Location = Field(
        description="the archive or the packed file: s3://bucket/key, or a path", examples=["s3://lake/in/day.zip"]
    )
    kind: Literal["zip", "tar", "tar.gz", "tar.bz2", "tar.xz", "tar.zst", "gz", "bz2", "xz", "zst"] | None = Field(
        default=None, description="what it is; by default what its first bytes tell"
    )
    member: str | None = Field(
        default=None,
        min_length=1,
        description="the one file that is wanted of an archive, or a pattern that it matches",
        examples=["orders.csv"],
    )
    output_uri: Location | None = Field(
        default=None, description="where the only file is written", examples=["s3://lake/raw/orders.csv"]
    )
    output_format: Format | None = Field(
        default=None, description="the format of the only file; by default what the suffix tells"
    )
    outputs: dict[str, ExtractedParams] | None = Field(
        default=None, description="several files of an archive by name, in place of member and output_uri"
    )
    max_size: Size = Field(default=Size(16 * 1024**3), description="how much may be unpacked in all, such as 2Gi")
    max_ratio: int = Field(
        default=1000, ge=1, description="how many times its packed size may be unpacked of it; counted from 64 MiB on"
    )

    @model_validator(mode="after")
    def _one_way_to_say_files(self) -> Self:
        if self.outputs is None:
            return self
        if self.member is not None or self.output_uri is not None or self.output_format is not None:
            raise ValueError("outputs takes the place of member, output_uri and output_format: write one or the other")
        if not self.outputs:
            raise ValueError("outputs names no file of the archive")
        for name in self.outputs:
            if not _NAME.fullmatch(name):
                raise ValueError(f'"{name}" is no name for an output; use letters, digits, _ and -')
        return self

    @model_validator(mode="after")
    def _one_archive(self) -> Self:
        if is_glob(self.src_uri):
            raise ValueError("one archive is unpacked by a task; repeat the task for several, with for_each")
        if self.kind in ("gz", "bz2", "xz", "zst") and (self.member is not None or self.outputs is not None):
            raise ValueError(f'"{self.kind}" packs one file, and no archive of several: leave out its members')
        if (self.kind == "zip" or (self.kind or "").startswith("tar")) and self.member is None and self.outputs is None:
            raise ValueError("say which file of the archive is wanted: member, or outputs for several")
        return self


class S3ExtractArchive:
    """Files of a zip or a tar archive, or what gzip, bzip2, xz or Zstandard have packed: streamed, bounded, checked."""

    name = "s3_extract_archive"
    version = 1
    summary = "Unpacks files of an archive, on S3 or here."
    params = S3ExtractArchiveParams
    runs: str | None = "trc.stdlib_tasks.s3_extract_archive.run:run"
    requires: tuple[str, ...] = ()

    def declare(self, params: Any, scope: Scope) -> Declaration:  # noqa: ARG002 - the interface of all types
        """The archive that is read, and the files that are written."""
        assert isinstance(params, S3ExtractArchiveParams)
        return Declaration(
            reads=(UriRead(name="source", uri=params.src_uri, format="file"),),
            outputs=_outputs(params),
            visibility="complete",
            effect="none",
            idempotent=True,
        )


def _outputs(params: S3ExtractArchiveParams) -> tuple[Output, ...]:
    if params.outputs is not None:
        return tuple(
            Output(name=name, uri=one.uri, format=one.format or format_of(one.uri or one.member))
            for name, one in params.outputs.items()
        )
    packed = re.sub(r"\.(gz|bz2|xz|zst)$", "", params.src_uri)
    form = params.output_format or format_of(params.output_uri or params.member or packed)
    return (Output(name=OUTPUT_NAME, uri=params.output_uri, format=form),)
