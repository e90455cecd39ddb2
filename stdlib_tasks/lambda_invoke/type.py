"""The compile side of `lambda_invoke`: a call has effects that nobody sees, so it always runs, and is not made twice by itself."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, Field, JsonValue, model_validator

from trc.compiler.ir.dataset import Output
from trc.compiler.ir.formats import Format, format_of
from trc.compiler.ir.task import OUTPUT_NAME
from trc.compiler.ir.values import Duration
from trc.compiler.tasktype import Declaration, Scope
from trc.stdlib_tasks.aws_params import AwsParams
from trc.stdlib_tasks.locations import Location

_FUNCTION: Final = re.compile(
    r"(arn:aws[\w-]*:lambda:[\w-]+:\d{12}:function:|\d{12}:function:)?[A-Za-z0-9_-]{1,140}(:(\$LATEST|[A-Za-z0-9_-]{1,128}))?"
)


def _check_function(value: str) -> str:
    if not _FUNCTION.fullmatch(value):
        raise ValueError(f'"{value}" is no Lambda function; write its name, name:alias, or its ARN')
    return value


class LambdaInvokeParams(AwsParams):
    """Parameters of an invocation."""

    function: Annotated[str, AfterValidator(_check_function)] = Field(
        description="the function: its name, name:alias, or its ARN", examples=["score-orders"]
    )
    payload: JsonValue = Field(
        default=None,
        description="the event that it is given, as JSON; nothing is an empty object",
        json_schema_extra={"runtime": True, "secrets": True},
        examples=[{"day": "{{ run.date }}"}],
    )
    mode: Literal["sync", "async"] = Field(
        default="sync", description="sync waits for what it returns; async has it queued, and knows no more"
    )
    output_uri: Location | None = Field(default=None, description="where what it returns is written")
    output_format: Format | None = Field(
        default=None, description="the format of what it returns; by default what the suffix tells"
    )
    idempotent: bool = Field(default=False, description="whether it may be called twice with the same event")
    patience: Duration = Field(
        default=Duration(930_000), description="how long the answer may take; a function ends after 15m"
    )

    @model_validator(mode="after")
    def _answers_that_there_are(self) -> Self:
        if self.mode == "async" and (self.output_uri is not None or self.output_format is not None):
            raise ValueError("an async call answers nothing that an output could take; write mode: sync")
        if self.patience.milliseconds == 0:
            raise ValueError("an answer that may take no time never comes; write it like 30s")
        return self


class LambdaInvoke:
    """A call of a Lambda function. What it reads and changes is its own, so it always runs."""

    name = "lambda_invoke"
    version = 1
    summary = "Calls a function of AWS Lambda, and keeps what it returns."
    params = LambdaInvokeParams
    runs: str | None = "trc.stdlib_tasks.lambda_invoke.run:run"
    requires: tuple[str, ...] = ("boto3",)

    def declare(self, params: Any, scope: Scope) -> Declaration:  # noqa: ARG002 - the interface of all types
        """What is written; all else happens elsewhere."""
        assert isinstance(params, LambdaInvokeParams)
        outputs: tuple[Output, ...] = ()
        if params.output_uri is not None or params.output_format is not None:
            form = params.output_format or format_of(params.output_uri or "")
            outputs = (Output(name=OUTPUT_NAME, uri=params.output_uri, format=form),)
        return Declaration(outputs=outputs, visibility="opaque", effect="external", idempotent=params.idempotent)
