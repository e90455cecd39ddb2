"""The compile side of `download_to_s3`."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from trc.compiler.ir.dataset import Output
from trc.compiler.ir.formats import format_of
from trc.compiler.ir.task import OUTPUT_NAME
from trc.compiler.tasktype import Declaration, Scope, TaskParams
from trc.stdlib_tasks.locations import S3Uri, WebUrl


class DownloadToS3Params(TaskParams):
    """Parameters of a download."""

    url: WebUrl = Field(description="the address to download from")
    s3_uri: S3Uri = Field(description="the object to write: s3://bucket/key")
    headers: dict[str, str] = Field(
        default_factory=dict[str, str], description="headers of the request; never a secret, which plans would show"
    )


class DownloadToS3:
    """A download. Nobody can tell before it what the address will answer, so it always runs."""

    name = "download_to_s3"
    version = 1
    summary = "Downloads a web address to an object on S3."
    params = DownloadToS3Params
    runs: str | None = None
    requires: tuple[str, ...] = ("boto3",)

    def declare(self, params: Any, scope: Scope) -> Declaration:  # noqa: ARG002 - the interface of all types
        """The object that is written."""
        assert isinstance(params, DownloadToS3Params)
        return Declaration(
            outputs=(Output(name=OUTPUT_NAME, uri=params.s3_uri, format=format_of(params.s3_uri)),),
            visibility="opaque",
            effect="none",
            idempotent=True,
        )
