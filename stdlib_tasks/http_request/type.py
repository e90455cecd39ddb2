"""The compile side of `http_request`: what only reads has no effect, and what else may be sent twice is said."""

from __future__ import annotations

import json
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, Field, JsonValue, model_validator

from trc.compiler.ir.dataset import Output
from trc.compiler.ir.formats import Format, format_of
from trc.compiler.ir.task import OUTPUT_NAME
from trc.compiler.ir.values import Duration, Size
from trc.compiler.tasktype import Declaration, Scope, TaskParams
from trc.stdlib_tasks.locations import Location, WebUrl, check_headers

_READING: Final = ("GET", "HEAD")
_REPEATABLE: Final = (*_READING, "PUT", "DELETE")

Header = str | dict[Literal["secret"], str]


def _fit(value: dict[str, Header]) -> dict[str, Header]:
    """Names, and the values that are known by now."""
    check_headers({name: text if isinstance(text, str) else "" for name, text in value.items()})
    return value


class HttpRequestParams(TaskParams):
    """Parameters of a request."""

    url: WebUrl = Field(
        description="the address that is called",
        json_schema_extra={"runtime": True},
        examples=["https://example.com/jobs"],
    )
    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] = Field(
        default="GET", description="GET, HEAD, POST, PUT, PATCH or DELETE", examples=["POST"]
    )
    headers: Annotated[dict[str, Header], AfterValidator(_fit)] = Field(
        default_factory=dict[str, Header],
        description='headers of the request; secrets among them, as {secret: "env:NAME"}',
        json_schema_extra={"secrets": True},
    )
    body: str | None = Field(default=None, description="the text that is sent", json_schema_extra={"runtime": True})
    json_body: JsonValue = Field(
        default=None,
        description="in place of body: what is sent as JSON",
        json_schema_extra={"runtime": True},
        examples=[{"day": "{{ run.date }}"}],
    )
    output_uri: Location | None = Field(default=None, description="where the body of the answer is written")
    output_format: Format | None = Field(
        default=None, description="the format of the answer; by default what the suffix tells"
    )
    expect_status: list[int] | None = Field(
        default=None, description="the statuses that are a success; by default 200 to 299"
    )
    idempotent: bool | None = Field(
        default=None,
        description="whether it may be sent twice; by default so for GET, HEAD, PUT and DELETE",
    )
    max_size: Size = Field(default=Size(64 << 20), description="how large the answer may be, such as 10Mi")
    idle_timeout: Duration = Field(
        default=Duration(60_000), description="how long the server may be silent, such as 30s"
    )

    @model_validator(mode="after")
    def _one_body(self) -> Self:
        if self.body is not None and self.json_body is not None:
            raise ValueError("json_body takes the place of body: write one or the other")
        if self.method in _READING and (self.body is not None or self.json_body is not None):
            raise ValueError(f"a {self.method} sends no body; write another method")
        if self.idle_timeout.milliseconds == 0:
            raise ValueError("a server that may not be silent at all never answers; write it like 30s")
        json.dumps(self.json_body)
        return self


class HttpRequest:
    """A request. Nobody can tell before it what the answer will be, so it always runs; others than GET and HEAD have effects."""

    name = "http_request"
    version = 1
    summary = "Sends a request to a web server, and keeps the answer."
    params = HttpRequestParams
    runs: str | None = "trc.stdlib_tasks.http_request.run:run"
    requires: tuple[str, ...] = ()

    def declare(self, params: Any, scope: Scope) -> Declaration:  # noqa: ARG002 - the interface of all types
        """What is written, and whether it changes anything else."""
        assert isinstance(params, HttpRequestParams)
        outputs: tuple[Output, ...] = ()
        if params.output_uri is not None or params.output_format is not None:
            form = params.output_format or format_of(params.output_uri or "")
            outputs = (Output(name=OUTPUT_NAME, uri=params.output_uri, format=form),)
        return Declaration(
            outputs=outputs,
            visibility="opaque",
            effect="none" if params.method in _READING else "external",
            idempotent=params.method in _REPEATABLE if params.idempotent is None else params.idempotent,
        )
