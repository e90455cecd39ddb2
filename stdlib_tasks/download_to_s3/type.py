"""The compile side of `download_to_s3`: what an address answers is an input, known by its ETag or its date."""

from __future__ import annotations

import re
from typing import Any, Final, Self

from pydantic import Field, field_validator, model_validator

from trc.compiler.ir.dataset import Output, UriRead
from trc.compiler.ir.formats import Format, format_of
from trc.compiler.ir.task import OUTPUT_NAME
from trc.compiler.ir.values import Duration, Size
from trc.compiler.tasktype import Declaration, Scope, TaskParams
from trc.stdlib_tasks.locations import Location, OpenHeaders, S3Uri, WebUrl

_DIGITS: Final = {"md5": 32, "sha1": 40, "sha256": 64, "sha512": 128}


class DownloadToS3Params(TaskParams):
    """Parameters of a download."""

    url: WebUrl = Field(description="the address to download from", examples=["https://example.com/orders.json"])
    s3_uri: S3Uri | None = Field(
        default=None, description="the object to write: s3://bucket/key", examples=["s3://lake/raw/orders.json"]
    )
    output_uri: Location | None = Field(default=None, description="in place of s3_uri: the file or the object to write")
    output_format: Format | None = Field(
        default=None, description="the format of what is downloaded; by default what the suffix tells"
    )
    headers: OpenHeaders = Field(
        default_factory=dict[str, str], description="headers of the request; never a secret, which plans would show"
    )
    checksum: str | None = Field(
        default=None, description="what the bytes must have: sha256:<hex>; md5, sha1 and sha512 are known, too"
    )
    max_size: Size | None = Field(default=None, description="how much is downloaded at most, such as 2Gi")
    idle_timeout: Duration = Field(
        default=Duration(60_000), description="how long the server may be silent, such as 30s"
    )

    @field_validator("checksum")
    @classmethod
    def _of_a_known_kind(cls, value: str | None) -> str | None:
        if value is None:
            return None
        kind, _, digits = value.lower().partition(":")
        if kind not in _DIGITS:
            raise ValueError(f'"{value}" is no checksum; write it like sha256:<hex>, with {", ".join(_DIGITS)}')
        if not re.fullmatch(r"[0-9a-f]+", digits) or len(digits) != _DIGITS[kind]:
            raise ValueError(f"a checksum of {kind} has {_DIGITS[kind]} hexadecimal digits")
        return f"{kind}:{digits}"

    @field_validator("idle_timeout")
    @classmethod
    def _some_time(cls, value: Duration) -> Duration:
        if value.milliseconds == 0:
            raise ValueError("a server that may not be silent at all never answers; write it like 30s")
        return value

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.s3_uri is None) == (self.output_uri is None):
            raise ValueError("say where to write it: either s3_uri or output_uri")
        return self

    @property
    def place(self) -> str:
        """Where it is written."""
        place = self.s3_uri or self.output_uri
        assert place is not None
        return place


class DownloadToS3:
    """A download. The address is asked for its version when a run is planned, so that an unchanged one is skipped."""

    name = "download_to_s3"
    version = 1
    summary = "Downloads a web address to an object on S3, or to a file."
    params = DownloadToS3Params
    runs: str | None = "trc.stdlib_tasks.download_to_s3.run:run"
    requires: tuple[str, ...] = ()

    def declare(self, params: Any, scope: Scope) -> Declaration:  # noqa: ARG002 - the interface of all types
        """The address that is read, and the object that is written."""
        assert isinstance(params, DownloadToS3Params)
        form = params.output_format or format_of(params.place)
        return Declaration(
            reads=(UriRead(name="source", uri=params.url, format="file"),),
            outputs=(Output(name=OUTPUT_NAME, uri=params.place, format=form),),
            visibility="complete",
            effect="none",
            idempotent=True,
        )
