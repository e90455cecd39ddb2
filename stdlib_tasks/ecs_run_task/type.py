"""The compile side of `ecs_run_task`: what its containers read and change is their own, so it always runs."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from trc.compiler.ir.values import Duration
from trc.compiler.tasktype import Declaration, Scope
from trc.stdlib_tasks.aws_params import AwsParams


class EcsRunTaskParams(AwsParams):
    """Parameters of a task of ECS."""

    task_definition: str = Field(
        min_length=1, description="the task definition: family, family:revision, or its ARN", examples=["nightly:3"]
    )
    cluster: str = Field(default="default", min_length=1, description="the cluster's name or ARN", examples=["etl"])
    launch_type: Literal["FARGATE", "EC2", "EXTERNAL"] | None = Field(
        default=None, description="FARGATE, EC2 or EXTERNAL; by default as the cluster's capacity providers say"
    )
    container: str | None = Field(
        default=None,
        min_length=1,
        description="the container that command and variables are for, and whose exit code counts; by default the only essential one",
    )
    command: list[str] | None = Field(
        default=None, description="in place of the container's own command", json_schema_extra={"runtime": "list"}
    )
    variables: dict[str, str] = Field(
        default_factory=dict[str, str],
        description="variables of the container's environment; never a secret, which ECS shows: the task definition names those",
        json_schema_extra={"runtime": True},
    )
    subnets: list[str] | None = Field(default=None, description="of awsvpc networks, the subnets")
    security_groups: list[str] | None = Field(default=None, description="of awsvpc networks, the security groups")
    assign_public_ip: bool = Field(default=False, description="of awsvpc networks, whether it has a public address")
    poll: Duration = Field(
        default=Duration(2_000),
        description="how soon it is asked for the first time; then more and more rarely, up to 30s",
    )
    idempotent: bool = Field(default=False, description="whether its containers may run twice")

    @model_validator(mode="after")
    def _whole_network(self) -> Self:
        if not self.subnets and (self.security_groups or self.assign_public_ip):
            raise ValueError("security_groups and assign_public_ip are of an awsvpc network: say its subnets, too")
        if self.launch_type == "FARGATE" and not self.subnets:
            raise ValueError("a task on Fargate has a network of its own: say its subnets")
        if self.poll.milliseconds == 0:
            raise ValueError("without any time between them, requests would be refused; write it like 2s")
        if self.command is not None and not self.command:
            raise ValueError("an empty command runs nothing; leave it out for the container's own")
        return self


class EcsRunTask:
    """A task of ECS, which is waited for."""

    name = "ecs_run_task"
    version = 1
    summary = "Runs a task of AWS ECS, and waits for its end."
    params = EcsRunTaskParams
    runs: str | None = "trc.stdlib_tasks.ecs_run_task.run:run"
    requires: tuple[str, ...] = ("boto3",)

    def declare(self, params: Any, scope: Scope) -> Declaration:  # noqa: ARG002 - the interface of all types
        """Nothing that trc could see."""
        assert isinstance(params, EcsRunTaskParams)
        return Declaration(visibility="opaque", effect="external", idempotent=params.idempotent)
