"""The JSON Schema of the YAML format, for editors: written from the keys and shapes of the readers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, assert_never

from trc.compiler.frontends.lower import ROOT
from trc.compiler.frontends.reading import field_adapter
from trc.compiler.frontends.shapes import (
    Described,
    Either,
    Fields,
    FieldValue,
    Items,
    Named,
    Shape,
    Single,
    TypeName,
    TypeParams,
)
from trc.compiler.tasktype import TaskType

Json = dict[str, Any]

# What editors' YAML servers read best.
_DIALECT: Final = "http://json-schema.org/draft-07/schema#"


def yaml_json_schema(types: Mapping[str, TaskType]) -> Json:
    """The schema of pipelines in YAML whose tasks are of these types."""
    definitions: Json = {}
    schema = schema_of(Fields(ROOT), types, definitions)
    return {
        "$schema": _DIALECT,
        "title": "trc pipeline in YAML",
        "description": "A pipeline: tasks that read and write datasets, and how they are run",
        **schema,
        "definitions": definitions,
    }


def schema_of(shape: Shape, types: Mapping[str, TaskType], definitions: Json) -> Json:
    """The schema of one shape; what it refers to is put into `definitions`."""
    match shape:
        case Single(schema):
            return dict(schema)
        case FieldValue(model, name):
            return _something(_tidy(field_adapter(model, name).json_schema(mode="validation")))
        case Items(item, alone):
            inner = schema_of(item, types, definitions)
            items = {"type": "array", "items": inner}
            return {"anyOf": [items, inner]} if alone else items
        case Named(value):
            return {"type": "object", "additionalProperties": schema_of(value, types, definitions)}
        case Fields():
            return _fields(shape, types, definitions)
        case Either(shapes):
            return {"anyOf": [schema_of(one, types, definitions) for one in shapes]}
        case TypeName():
            # Packages bring further types: only trc, which knows the project, can say that there is none of a name.
            return {"type": "string", "anyOf": [{"enum": sorted(types)}, {"minLength": 1}]}
        case TypeParams():
            return {"type": "object"}
        case _:
            assert_never(shape)


def _fields(shape: Fields, types: Mapping[str, TaskType], definitions: Json) -> Json:
    others = shape.others
    written: Json = {
        "type": "object",
        "properties": {key: _described(one, types, definitions) for key, one in shape.keys.items()},
        "additionalProperties": schema_of(others, types, definitions) if others is not None else False,
    }
    required = [key for key, one in shape.keys.items() if one.required]
    if required:
        written["required"] = required
    if any(isinstance(one.shape, TypeParams) for one in shape.keys.values()):
        written["allOf"] = [_of_type(one, definitions) for _, one in sorted(types.items())]
    return written


def _described(key: Described, types: Mapping[str, TaskType], definitions: Json) -> Json:
    written = schema_of(key.shape, types, definitions)
    if isinstance(key.shape, TypeName):
        lines = (f"- {name}: {one.summary}" for name, one in sorted(types.items()))
        return {"description": "\n".join([key.doc, *lines]), **written}
    return {**written, "description": key.doc}


def _of_type(task_type: TaskType, definitions: Json) -> Json:
    """What the parameters are where the task is of one type."""
    params, inner = params_schema(task_type)
    name = f"params.{task_type.name}"
    definitions |= {**inner, name: params}
    then: Json = {"properties": {"params": {"$ref": f"#/definitions/{name}"}}}
    if params.get("required"):
        then["required"] = ["params"]
    return {"if": {"properties": {"type": {"const": task_type.name}}, "required": ["type"]}, "then": then}


def params_schema(task_type: TaskType) -> tuple[Json, Json]:
    """The schema of a type's parameters as authors write them, and the definitions that it refers to."""
    prefix = f"params.{task_type.name}"
    schema = task_type.params.model_json_schema(mode="validation", ref_template=f"#/definitions/{prefix}.{{model}}")
    definitions = {f"{prefix}.{model}": _tidy(inner) for model, inner in schema.pop("$defs", {}).items()}
    return {**_tidy(schema), "description": task_type.summary}, definitions


def _something(schema: Json) -> Json:
    """Without the null of an optional field: in a file such a key is left out."""
    choices = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
    rest = {key: value for key, value in schema.items() if key != "anyOf"}
    return schema if not choices else {**rest, **choices[0]} if len(choices) == 1 else {**rest, "anyOf": choices}


def _tidy(schema: Json) -> Json:
    """Without what says nothing to a reader: titles made of the names, and defaults that stand for a missing key."""
    return {
        key: _tidy_each(value) if key in ("properties", "$defs") else _tidy_value(value)
        for key, value in schema.items()
        if key != "title" and (key, value) != ("default", None)
    }


def _tidy_each(schemas: Json) -> Json:
    return {name: _tidy_value(one) for name, one in schemas.items()}


def _tidy_value(value: Any) -> Any:
    if isinstance(value, list):
        return [_tidy_value(one) for one in value]
    return _tidy(value) if isinstance(value, dict) else value
