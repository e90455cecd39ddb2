"""What a tree says, without places and the ways in which texts are written: equal where two files say the same."""

from __future__ import annotations

from trc.compiler.frontends.syntax import Mapping, Node, Scalar, Sequence
from trc.compiler.frontends.typed import typed


def says(node: Node) -> object:
    """The tree as lists, dicts and pairs: a scalar's value, and whether every reader takes it for a text."""
    match node:
        case Scalar():
            reading = typed(node)
            is_text = node.style == "alias" or (reading.kind == "text" and reading.otherwise is None)
            return (node.value, node.style == "alias", is_text)
        case Sequence():
            return [says(item) for item in node.items]
        case Mapping():
            return {entry.key.value: says(entry.value) for entry in node.entries}
