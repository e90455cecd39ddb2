"""The root of the IR: a named DAG of tasks with what belongs to it."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field, JsonValue

from trc.compiler.ir.dataset import Source
from trc.compiler.ir.node import NESTED, Node, NotInKey
from trc.compiler.ir.policy import Hook, Schedule
from trc.compiler.ir.task import Task
from trc.compiler.ir.values import Duration

IR_VERSION: Final = 1

_OUTSIDE = NotInKey("belongs to the pipeline, not to a task's result")

ParamType = Literal["string", "integer", "number", "boolean", "date", "timestamp", "duration", "size", "list", "map"]


class Param(Node):
    """A parameter of the pipeline; keys hold the values that tasks use, not the parameter."""

    name: Annotated[str, _OUTSIDE]
    type: Annotated[ParamType, _OUTSIDE] = "string"
    default: Annotated[JsonValue, _OUTSIDE] = None
    has_default: Annotated[bool, _OUTSIDE] = False
    description: Annotated[str, _OUTSIDE] = ""


class Target(Node):
    """A named deployment environment: a backend and its settings."""

    name: Annotated[str, _OUTSIDE]
    backend: Annotated[str, _OUTSIDE]
    state: Annotated[str | None, _OUTSIDE] = None
    params: Annotated[dict[str, JsonValue], _OUTSIDE] = Field(default_factory=dict[str, JsonValue])
    settings: Annotated[dict[str, JsonValue], _OUTSIDE] = Field(default_factory=dict[str, JsonValue])
    optimise: Annotated[bool | None, _OUTSIDE] = None


class PipelineTest(Node):
    """Given rows and the rows that are then expected."""

    name: Annotated[str, _OUTSIDE]
    params: Annotated[dict[str, JsonValue], _OUTSIDE] = Field(default_factory=dict[str, JsonValue])
    given: Annotated[dict[str, list[dict[str, JsonValue]]], _OUTSIDE] = Field(
        default_factory=dict[str, list[dict[str, JsonValue]]]
    )
    values: Annotated[dict[str, dict[str, JsonValue]], _OUTSIDE] = Field(
        default_factory=dict[str, dict[str, JsonValue]]
    )
    """By task, what it is taken to return."""
    expect: Annotated[dict[str, list[dict[str, JsonValue]]], _OUTSIDE] = Field(
        default_factory=dict[str, list[dict[str, JsonValue]]]
    )


class Pipeline(Node):
    """A pipeline as every front end lowers it. Equal pipelines serialise to equal bytes: no places, sorted names."""

    ir_version: Annotated[Literal[1], _OUTSIDE] = IR_VERSION
    name: Annotated[str, _OUTSIDE]
    description: Annotated[str, _OUTSIDE] = ""
    schedule: Annotated[Schedule | None, _OUTSIDE] = None
    params: Annotated[tuple[Param, ...], _OUTSIDE] = ()
    sources: Annotated[tuple[Source, ...], NESTED] = ()
    tasks: Annotated[tuple[Task, ...], NESTED] = ()
    targets: Annotated[tuple[Target, ...], _OUTSIDE] = ()
    tests: Annotated[tuple[PipelineTest, ...], _OUTSIDE] = ()
    hooks: Annotated[tuple[Hook, ...], _OUTSIDE] = ()
    deadline: Annotated[Duration | None, _OUTSIDE] = None
    """How long a run may take in all."""
    retry_budget: Annotated[int | None, _OUTSIDE, Field(ge=0, le=100_000)] = None
    """How many retries the tasks of a run may make together."""

    def task(self, name: str) -> Task | None:
        """The task of that name, ignoring case."""
        return next((task for task in self.tasks if task.name.casefold() == name.casefold()), None)

    def source(self, name: str) -> Source | None:
        """The source of that name, ignoring case."""
        return next((source for source in self.sources if source.name.casefold() == name.casefold()), None)

    def dump(self) -> bytes:
        """Canonical JSON: UTF-8, two-space indents, a final line break."""
        return self.model_dump_json(indent=2).encode() + b"\n"
