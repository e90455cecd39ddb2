"""Parameters that task types share which call AWS: which region, whose credentials, which endpoint."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from trc.compiler.tasktype import TaskParams
from trc.stdlib_tasks.locations import WebUrl

_REGION: Final = re.compile(r"[a-z]{2,4}(-[a-z]+)+-\d")


def _check_region(value: str) -> str:
    if not _REGION.fullmatch(value):
        raise ValueError(f'"{value}" is no region of AWS; write it like eu-west-1')
    return value


class AwsParams(TaskParams):
    """What is not said is looked for where AWS's own tools look: profiles, roles, and variables that the task declares."""

    region: Annotated[str, AfterValidator(_check_region)] | None = Field(
        default=None, description="the region; by default that of the profile", examples=["eu-west-1"]
    )
    profile: str | None = Field(default=None, min_length=1, description="the profile whose credentials are used")
    endpoint_url: WebUrl | None = Field(default=None, description="another endpoint than the region's own")
