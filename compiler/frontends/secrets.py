"""Tells a secret in the syntax tree: the mapping `{secret: "provider:reference"}`, which `secret("…")` stands for."""

from __future__ import annotations

from typing import Final

from trc.compiler.frontends.syntax import Entry, Mapping, Node, Scalar, Sequence
from trc.compiler.ir.secrets import KEY, is_reference

ALLOWED: Final = (
    "a secret is the value of a variable in environment.env, or a value in the args of a python task;"
    " it reaches the task by reference"
)


def is_secret(node: Node) -> bool:
    """Whether a node that is a value, and not a mapping of names, is a secret."""
    return isinstance(node, Mapping) and [entry.key.value for entry in node.entries] == [KEY]


def is_meant_as_secret(node: Node) -> bool:
    """Whether a secret stands where names of the author's choice are keys: one may well be called `secret`."""
    if not isinstance(node, Mapping) or not is_secret(node):
        return False
    value = node.entries[0].value
    return isinstance(value, Scalar) and is_reference(value.value)


def secret_beside(node: Mapping) -> Entry | None:
    """The entry of a mapping of several keys that reads like a secret of its own."""
    entry = node.entry(KEY)
    is_one = entry is not None and isinstance(entry.value, Scalar) and is_reference(entry.value.value)
    return entry if is_one and len(node.entries) > 1 else None


def first_secret(node: Node) -> Mapping | None:
    """The first secret in a node, itself included."""
    if isinstance(node, Mapping):
        if is_secret(node):
            return node
        inner: tuple[Node, ...] = tuple(entry.value for entry in node.entries)
    else:
        inner = node.items if isinstance(node, Sequence) else ()
    return next((found for one in inner if (found := first_secret(one)) is not None), None)
