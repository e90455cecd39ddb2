"""Walks from a shape to the shapes within it, and tells the keys and words that may stand there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from trc.compiler.frontends.shapes import (
    Described,
    Either,
    Fields,
    Items,
    Named,
    Shape,
    Single,
    TypeName,
    TypeParams,
)
from trc.compiler.frontends.syntax import Mapping as MappingNode
from trc.compiler.frontends.syntax import Scalar
from trc.compiler.frontends.yaml_schema import params_schema, schema_of
from trc.compiler.tasktype import TaskType

Types = Mapping[str, TaskType]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a task type, as a key that has a description."""

    doc: str
    required: bool
    shape: Shape


def resolved(shape: Shape, around: MappingNode | None, types: Types) -> Shape:
    """The shape itself; for parameters, that of the task type written beside them."""
    if not isinstance(shape, TypeParams):
        return shape
    written = around.get("type") if around else None
    task_type = types.get(written.value) if isinstance(written, Scalar) else None
    return parameters(task_type) if task_type else Fields({})


def parameters(task_type: TaskType) -> Fields:
    """The parameters of a task type as keys."""
    schema, definitions = params_schema(task_type)
    required = schema.get("required", ())
    return Fields(
        {
            name: Parameter(one.get("description", ""), name in required, _of_schema(one, definitions))
            for name, one in schema["properties"].items()
        }
    )


def _of_schema(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Shape:
    """The shape that a piece of JSON Schema tells, as far as keys and lists go."""
    schema = definitions.get(str(schema.get("$ref", "")).rpartition("/")[2], schema)
    if "anyOf" in schema:
        return Either(tuple(_of_schema(one, definitions) for one in schema["anyOf"]))
    if "properties" in schema:
        required = schema.get("required", ())
        return Fields(
            {
                name: Parameter(one.get("description", ""), name in required, _of_schema(one, definitions))
                for name, one in schema["properties"].items()
            }
        )
    if schema.get("type") == "array":
        return Items(_of_schema(schema.get("items", {}), definitions))
    if isinstance(schema.get("additionalProperties"), dict):
        return Named(_of_schema(schema["additionalProperties"], definitions))
    return Single(schema)


def keys(shape: Shape) -> dict[str, Described]:
    """The keys that a mapping of this shape may have."""
    match shape:
        case Fields(known):
            return dict(known)
        case Either(shapes):
            return {name: key for one in shapes for name, key in keys(one).items()}
        case Items(item, alone) if alone:
            return keys(item)
        case _:
            return {}


def under(shape: Shape, key: str) -> Shape | None:
    """The shape of the value under a key."""
    match shape:
        case Fields(known, others):
            return known[key].shape if key in known else others
        case Named(value):
            return value
        case Either(shapes):
            return next((found for one in shapes if (found := under(one, key))), None)
        case Items(item, alone) if alone:
            return under(item, key)
        case _:
            return None


def item(shape: Shape) -> Shape | None:
    """The shape of a list's items."""
    match shape:
        case Items(inner):
            return inner
        case Either(shapes):
            return next((found for one in shapes if (found := item(one))), None)
        case _:
            return None


def words(shape: Shape, types: Types) -> dict[str, str]:
    """The words that a value may be, each with what it means, where that is known."""
    if isinstance(shape, TypeName):
        return {name: one.summary for name, one in sorted(types.items())}
    return dict.fromkeys(_words(schema_of(shape, types, {})), "")


def _words(schema: Mapping[str, Any]) -> Iterator[str]:
    yield from (str(word) for word in schema.get("enum", ()) if word is not None)
    if schema.get("type") == "boolean":
        yield from ("true", "false")
    for one in schema.get("anyOf", ()):
        yield from _words(one)
