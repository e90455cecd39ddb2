"""Compares two nodes of the IR field by field, whatever fields they have."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from pydantic import JsonValue

from trc.compiler.compare.change import ABSENT, FieldChange, Side
from trc.compiler.ir.dataset import Column, DatasetRead, Output, UriRead
from trc.compiler.ir.node import Node
from trc.compiler.ir.policy import Need
from trc.compiler.ir.task import CodeFile

_BARE: Final = re.compile(r"[^\W\d][\w-]*")
_CALLED: Final[Mapping[type[Node], str]] = {
    Column: "name",
    CodeFile: "path",
    DatasetRead: "name",
    Need: "task",
    Output: "name",
    UriRead: "name",
}
"""What tells apart the nodes that stand in one list."""
_ORDERED: Final = (Column,)
"""Nodes whose order is a part of what they say."""


def changed_fields(old: Node, new: Node, *, but: frozenset[str] = frozenset()) -> tuple[FieldChange, ...]:
    """The fields in which two nodes differ, those named in `but` left out; paths lead into what they hold."""
    return tuple(_nodes(old, new, "", but))


def joined(path: str, name: str) -> str:
    """The path of what is called `name` within `path`: `retries.max_attempts`, `env["A B"]`."""
    if not _BARE.fullmatch(name):
        return f"{path}[{json.dumps(name, ensure_ascii=False)}]"
    return f"{path}.{name}" if path else name


def _nodes(old: Node, new: Node, path: str, but: frozenset[str] = frozenset()) -> Iterator[FieldChange]:
    names = dict.fromkeys([*type(old).model_fields, *type(new).model_fields])
    for name in names:
        if name not in but:
            yield from _values(getattr(old, name, ABSENT), getattr(new, name, ABSENT), joined(path, name))


def _values(old: Any, new: Any, path: str) -> Iterator[FieldChange]:
    if old == new and type(old) is type(new):
        return
    if isinstance(old, Node) and type(old) is type(new):
        yield from _nodes(old, new, path)
    elif isinstance(old, Mapping) and isinstance(new, Mapping):
        yield from _mappings(old, new, path)
    elif isinstance(old, tuple) and isinstance(new, tuple) and _are_nodes((*old, *new)):
        yield from _lists(old, new, path)
    else:
        yield FieldChange(path, _side(old), _side(new))


def _mappings(old: Mapping[str, Any], new: Mapping[str, Any], path: str) -> Iterator[FieldChange]:
    for key in dict.fromkeys([*old, *new]):
        yield from _values(old.get(key, ABSENT), new.get(key, ABSENT), joined(path, key))


def _are_nodes(items: Sequence[Any]) -> bool:
    return bool(items) and all(isinstance(item, Node) for item in items)


def _lists(old: Sequence[Node], new: Sequence[Node], path: str) -> Iterator[FieldChange]:
    """Nodes that have names are compared by name, others are there or not; their order says nothing."""
    before, after = _by_name(old), _by_name(new)
    if before is None or after is None:
        yield from _members(old, new, path)
        return
    is_reordered = [*before] != [*after] and before.keys() == after.keys()
    if is_reordered and isinstance(old[0], _ORDERED):
        yield FieldChange(path, _plain(old), _plain(new))
    else:
        yield from _mappings(before, after, path)


def _by_name(nodes: Sequence[Node]) -> dict[str, Node] | None:
    """The nodes by name; None where they have none, or share one."""
    if not all(type(node) in _CALLED for node in nodes):
        return None
    named = {getattr(node, _CALLED[type(node)]): node for node in nodes}
    return named if len(named) == len(nodes) else None


def _members(old: Sequence[Node], new: Sequence[Node], path: str) -> Iterator[FieldChange]:
    left = list(new)
    for node in old:
        if node in left:
            left.remove(node)
        else:
            yield FieldChange(path, _plain(node), ABSENT)
    yield from (FieldChange(path, ABSENT, _plain(node)) for node in left)


def unnamed(node: Node) -> dict[str, JsonValue]:
    """What a node says beside its name, without what is left at its default."""
    dumped: dict[str, JsonValue] = node.model_dump(mode="json", exclude_defaults=True, exclude={"name"})
    return dumped


def _side(value: Any) -> Side:
    return ABSENT if value is ABSENT else _plain(value)


def _plain(value: Any) -> JsonValue:
    """A value of the IR as JSON has it; nodes without what is left at its default."""
    if isinstance(value, Node):
        dumped: JsonValue = value.model_dump(mode="json", exclude_defaults=True)
        return dumped
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)
