"""The task types of a project, with their parameters, as the models tell them that validate pipelines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from trc.compiler.diagnostics.nearest import did_you_mean
from trc.compiler.ir.values import Duration, Size
from trc.compiler.tasktype import TaskType
from trc.contexts import types_of
from trc.runtime.errors import stopped
from trc.settings import settings_for


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter: `kind` says in words what it takes, `default` what it is if nothing is said, as JSON."""

    name: str
    kind: str
    description: str
    is_required: bool
    default: Any = None


@dataclass(frozen=True, slots=True)
class TaskKind:
    """A task type. `example` are parameters that it takes."""

    name: str
    summary: str
    parameters: tuple[Parameter, ...]
    example: Mapping[str, Any]
    requires: tuple[str, ...]
    is_run: bool


def task_kinds(folder: Path, name: str | None = None) -> tuple[TaskKind, ...]:
    """The task types of a folder's project by name, those of packages that it lists among them; one of them, if it is named."""
    taken = types_of(settings_for(folder / "pipeline.trc")).taken
    if name is not None and name not in taken:
        remedy = did_you_mean(name, taken) or (f"the task types are: {', '.join(sorted(taken))}",)
        raise stopped("TRC208", f'there is no task type "{name}"', *remedy)
    return tuple(_kind(one) for key, one in sorted(taken.items()) if name in (None, key))


def _kind(one: TaskType) -> TaskKind:
    schema = one.params.model_json_schema(mode="validation")
    required, told = frozenset(schema.get("required", ())), schema.get("$defs", {})
    parameters = tuple(
        Parameter(
            name,
            shown(said, told),
            said.get("description", ""),
            name in required,
            _printed(one.params.model_fields[name].default, said.get("default")),
        )
        for name, said in schema.get("properties", {}).items()
    )
    example = {name: said["examples"][0] for name, said in schema["properties"].items() if said.get("examples")}
    return TaskKind(one.name, one.summary, parameters, example, one.requires, one.runs is not None)


def _printed(default: Any, said: Any) -> Any:
    """A default as authors would write it."""
    return str(default) if isinstance(default, Size | Duration) else said


_KNOWN: Final = (("a size", Size.written_schema), ("a duration", Duration.written_schema))
_WORDS: Final = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}


def shown(said: Mapping[str, Any], told: Mapping[str, Any]) -> str:
    """What a value of this JSON Schema is, in words.

    >>> shown({"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}]}, {})
    'list of text'
    """
    if "$ref" in said:
        return shown(told[said["$ref"].rpartition("/")[2]], told)
    if "anyOf" in said:
        several = [one for one in said["anyOf"] if one.get("type") != "null"]
        for word, known in _KNOWN:
            if several == known["anyOf"]:
                return word
        return " or ".join(dict.fromkeys(shown(one, told) for one in several))
    if "enum" in said:
        return " | ".join(str(one) for one in said["enum"] if one is not None)
    match said.get("type"):
        case "array":
            return f"list of {shown(said.get('items', {}), told)}"
        case "object" if "properties" in said:
            return "{" + ", ".join(said["properties"]) + "}"
        case "object":
            only = said.get("propertyNames", {}).get("const")
            if only is not None:
                return f"{{{only}}}"
            inner = said.get("additionalProperties")
            return f"mapping of {shown(inner, told)}" if isinstance(inner, dict) else "mapping"
        case kind:
            return _WORDS.get(str(kind), "any value")
