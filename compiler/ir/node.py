"""The base of every IR node: frozen, closed, and each field says whether it counts in a task's key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict

KeyGroup = Literal["code", "parameters", "environment", "outputs", "inputs"]


@dataclass(frozen=True, slots=True)
class InKey:
    """The field can change a task's result, so it is part of the task's fingerprint.

    `group` is what incremental strategies narrow by: only inputs and parameters can be narrowed.
    """

    group: KeyGroup


@dataclass(frozen=True, slots=True)
class NotInKey:
    """The field cannot change a task's result, for the reason given."""

    reason: str


@dataclass(frozen=True, slots=True)
class Nested:
    """The field holds nodes of its own, whose fields say for themselves whether they count."""


CODE: Final = InKey("code")
PARAMETERS: Final = InKey("parameters")
ENVIRONMENT: Final = InKey("environment")
OUTPUTS: Final = InKey("outputs")
INPUTS: Final = InKey("inputs")
NESTED: Final = Nested()

Role = InKey | NotInKey | Nested


class Node(BaseModel):
    """A value of the IR. A subclass with a field that carries no role is refused when it is defined."""

    # A process that looks at one pipeline makes few kinds of them, and building all takes longer than that.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        for name in cls.model_fields:
            cls.role(name)

    @classmethod
    def role(cls, field: str) -> Role:
        """How `field` counts in a task's fingerprint."""
        for marking in cls.model_fields[field].metadata:
            if isinstance(marking, InKey | NotInKey | Nested):
                return marking
        message = f"{cls.__name__}.{field} does not say whether it counts in a task's key"
        raise TypeError(message)
