"""Finds in a template's tree what it asks of a run."""

from __future__ import annotations

from jinja2 import nodes

from trc.compiler.templates.words import RUN_TIME_NAMES


def run_time_path(node: nodes.Node) -> tuple[str, ...] | None:
    """`item`, `item.field`, `tasks.x.y` or `tasks["x"].y` where a node is just that."""
    path: list[str] = []
    has_brackets = False
    while (step := _step(node)) is not None:
        has_brackets = has_brackets or isinstance(node, nodes.Getitem)
        path.append(step[0])
        node = step[1]
    if isinstance(node, nodes.Name) and node.name in RUN_TIME_NAMES and not (has_brackets and node.name == "item"):
        return (node.name, *reversed(path))
    return None


def root(node: nodes.Node) -> nodes.Node:
    """What the innermost name is asked of."""
    while (step := _step(node)) is not None:
        node = step[1]
    return node


def _step(node: nodes.Node) -> tuple[str, nodes.Node] | None:
    """The name that a node asks for, and of what."""
    match node:
        case nodes.Getattr():
            return node.attr, node.node
        case nodes.Getitem(arg=nodes.Const(value=str() as name)):
            return name, node.node
        case _:
            return None
