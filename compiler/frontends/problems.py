"""Puts what a pydantic model finds wrong into plain words, each at the syntax node that it is about."""

from __future__ import annotations

import typing
from collections.abc import Sequence as SequenceOf
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from trc.compiler.diagnostics.nearest import did_you_mean, nearest
from trc.compiler.frontends.syntax import Entry, Mapping, Node, Sequence

_KINDS: Final = {
    "string_type": "a text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
    "dict_type": "a mapping",
    "mapping_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "none_required": "nothing",
}
_BOUNDS: Final = {
    "greater_than": "must be greater than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "multiple_of": "must be a multiple of {multiple_of}",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "too_short": "must have at least {min_length} items",
    "too_long": "must have at most {max_length} items",
    "string_pattern_mismatch": 'must look like "{pattern}"',
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong at `node`, which stands under `entry`.

    `wanted` is set where the value is of another kind; `missing` and `unknown` name a key.
    `sentence` is a whole sentence, `clause` one that goes on after the value's name.
    """

    path: tuple[str | int, ...]
    node: Node
    entry: Entry | None = None
    missing: str | None = None
    unknown: str | None = None
    wanted: str | None = None
    sentence: str = ""
    clause: str = ""
    help: tuple[str, ...] = ()

    def told(self, called: str) -> str:
        return self.sentence or f"{called} {self.clause}"


def problems(error: ValidationError, root: Node, model: type[BaseModel] | None = None) -> tuple[Problem, ...]:
    """What is wrong, in the order of the file: the alternatives of a union told as one."""
    every = [_problem(details, root, model) for details in error.errors(include_url=False)]
    told: dict[tuple[object, ...], Problem] = {}
    for problem in every:
        if (problem.wanted and _is_refined(problem, every)) or (problem.missing and _is_misspelled(problem, every)):
            continue
        same = (problem.path, problem.missing, problem.unknown, "" if problem.wanted else problem.told(""))
        earlier = told.get(same)
        told[same] = _either(earlier, problem) if earlier else problem
    return tuple(told.values())


def _is_refined(problem: Problem, every: SequenceOf[Problem]) -> bool:
    """Whether another alternative of a union came further into the value: it was the one meant."""
    depth = len(problem.path)
    return any(len(other.path) > depth and other.path[:depth] == problem.path for other in every)


def _is_misspelled(problem: Problem, every: SequenceOf[Problem]) -> bool:
    """Whether an unknown key beside it is what the missing one was meant to be."""
    unknown = [other.unknown for other in every if other.unknown and other.path[: len(problem.path)] == problem.path]
    return bool(nearest(problem.missing or "", unknown))


def _either(first: Problem, second: Problem) -> Problem:
    if not first.wanted or not second.wanted or second.wanted in first.wanted.split(" or "):
        return first
    return Problem(first.path, first.node, first.entry, wanted=f"{first.wanted} or {second.wanted}")


def _problem(details: Any, root: Node, model: type[BaseModel] | None) -> Problem:
    kind: str = details["type"]
    location: tuple[str | int, ...] = details["loc"]
    context: dict[str, Any] = details.get("ctx", {})
    if kind == "missing":
        path, node, entry = _descend(root, location[:-1])
        return Problem(path, node, entry, missing=str(location[-1]))
    path, node, entry = _descend(root, location)
    if kind == "extra_forbidden":
        key = str(location[-1])
        known = _keys(model, location[:-1]) if model else ()
        remedy = did_you_mean(key, known) or ((f"the keys are: {', '.join(known)}",) if known else ())
        return Problem(path, node, entry, unknown=key, help=remedy)
    if kind in _KINDS:
        return Problem(path, node, entry, wanted=_KINDS[kind])
    if kind in _BOUNDS:
        return Problem(path, node, entry, clause=_bound(_BOUNDS[kind].format(**context), details["input"]))
    if kind in ("literal_error", "enum"):
        return _choice(path, node, entry, str(context["expected"]), details["input"])
    if kind in ("value_error", "assertion_error"):
        return Problem(path, node, entry, sentence=str(context["error"]))
    return Problem(path, node, entry, sentence=_lowered(details["msg"]))


def _bound(rule: str, value: object) -> str:
    return f"is {value}, and {rule}" if isinstance(value, int | float) else rule


def _choice(path: tuple[str | int, ...], node: Node, entry: Entry | None, expected: str, value: object) -> Problem:
    choices = [choice.strip("'") for choice in expected.replace(" or ", ", ").split(", ")]
    clause = f'is "{value}", and that is none of {", ".join(choices)}'
    return Problem(path, node, entry, clause=clause, help=did_you_mean(str(value), choices))


def _descend(root: Node, location: SequenceOf[str | int]) -> tuple[tuple[str | int, ...], Node, Entry | None]:
    """The node that a location leads to; parts of it that name a union's alternative lead nowhere."""
    node, entry = root, None
    path: list[str | int] = []
    for part in location:
        if isinstance(node, Mapping) and (inner := node.entry(str(part))):
            node, entry = inner.value, inner
            path.append(str(part))
        elif isinstance(node, Sequence) and isinstance(part, int) and part < len(node.items):
            node = node.items[part]
            path.append(part)
    return tuple(path), node, entry


def _keys(model: type[BaseModel], location: SequenceOf[str | int]) -> tuple[str, ...]:
    """The keys that a model, or the models within it that a location leads to, knows."""
    models = [model]
    for part in location:
        fields = [found.model_fields[str(part)] for found in models if str(part) in found.model_fields]
        if fields:
            models = [inner for field in fields for inner in _models(field.annotation)]
    return tuple(dict.fromkeys(field.alias or name for found in models for name, field in found.model_fields.items()))


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and not typing.get_origin(annotation):
        return [annotation] if issubclass(annotation, BaseModel) else []
    return [inner for part in typing.get_args(annotation) for inner in _models(part)]


def _lowered(message: str) -> str:
    message = message.removeprefix("Value error, ").replace("Input should", "the value should")
    return message[:1].lower() + message[1:]
