"""What may stand at a place of a pipeline's text: each reader tells it, for the published schema and for editors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from trc.compiler.ir.node import Node


@dataclass(frozen=True, slots=True)
class Single:
    """A single value, or any value, as JSON Schema says it."""

    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FieldValue:
    """What the field `name` of an IR node takes."""

    model: type[Node]
    name: str


@dataclass(frozen=True, slots=True)
class Items:
    """A list; `alone` says that its only item may stand without the list."""

    item: Shape
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Named:
    """A mapping with keys of the author's choice."""

    value: Shape


@dataclass(frozen=True, slots=True)
class Fields:
    """A mapping with these keys, and, where `others` says so, with further ones."""

    keys: Mapping[str, Described]
    others: Shape | None = None


@dataclass(frozen=True, slots=True)
class Either:
    """One of several shapes."""

    shapes: tuple[Shape, ...]


@dataclass(frozen=True, slots=True)
class TypeName:
    """The name of a task type."""


@dataclass(frozen=True, slots=True)
class TypeParams:
    """The parameters of the task type that stands beside them."""


Shape = Single | FieldValue | Items | Named | Fields | Either | TypeName | TypeParams


class Described(Protocol):
    """A key that a mapping may have."""

    @property
    def doc(self) -> str:
        """What it is for, in a sentence without a full stop."""
        ...

    @property
    def required(self) -> bool: ...

    @property
    def shape(self) -> Shape: ...


TEXT: Final = Single({"type": "string"})
FILLED_TEXT: Final = Single({"type": "string", "minLength": 1})
BOOLEAN: Final = Single({"type": "boolean"})
SECONDS: Final = Single({"type": "number", "minimum": 0})
ANY: Final = Single({})
NAME: Final = Single({"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_-]*$", "maxLength": 128})
