"""A drawing before and after the passes: outputs that are not stored dissolve into the tasks that read them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from trc.compiler.passes.draft import Shape
from trc.compiler.picture.drawing import Arrow, Drawing, Node


def before_and_after(
    drawing: Drawing, shapes: Mapping[str, Shape], columns: Mapping[str, int], same_as: Mapping[str, str]
) -> Drawing:
    """Both pictures beside each other.

    `shapes` are by task, as are the numbers of `columns` that queries have, and the equal tasks whose outputs are taken.
    """
    after = _after(drawing, shapes, columns, same_as)
    halves = (_named(drawing, "before"), _named(after, "after"))
    return Drawing(
        f"{drawing.title}: as written, and as it runs",
        tuple(node for half in halves for node in half.nodes),
        tuple(arrow for half in halves for arrow in half.edges),
    )


def _after(
    drawing: Drawing, shapes: Mapping[str, Shape], columns: Mapping[str, int], same_as: Mapping[str, str]
) -> Drawing:
    dissolved = {node.id: node for node in drawing.nodes if node.kind == "task" and _is_view(shapes, node)}
    arrows: dict[tuple[str, str], Arrow] = {}
    within: dict[str, dict[str, None]] = {}
    into: dict[str, list[Arrow]] = {}
    for one in drawing.edges:
        into.setdefault(one.end, []).append(one)

    def reached(end: str, host: str) -> Iterator[Arrow]:
        """The arrows that come to a task once all that dissolves ahead of it has."""
        for one in into.get(end, ()):
            if one.start in dissolved and one.data:
                within.setdefault(host, {})[dissolved[one.start].label] = None
                yield from reached(one.start, host)
            elif one.start not in dissolved:
                yield replace(one, end=host)

    tasks = {node.label: node.id for node in drawing.nodes if node.kind == "task"}
    for node in drawing.nodes:
        first = same_as.get(node.label) if node.kind == "task" else None
        if first is not None:
            arrows[tasks[first], node.id] = Arrow(tasks[first], node.id, data=True)
        elif node.id not in dissolved:
            for arrow in reached(node.id, node.id):
                before = arrows.get((arrow.start, arrow.end))
                arrows[arrow.start, arrow.end] = arrow if before is None or arrow.data else before
    nodes = tuple(
        replace(node, detail=_detail(node, within.get(node.id, {}), shapes, columns, same_as))
        for node in drawing.nodes
        if node.id not in dissolved
    )
    return Drawing(drawing.title, nodes, tuple(arrows.values()))


def _is_view(shapes: Mapping[str, Shape], node: Node) -> bool:
    shape = shapes.get(node.label)
    return shape is not None and shape.is_view


def _detail(
    node: Node,
    within: Mapping[str, None],
    shapes: Mapping[str, Shape],
    columns: Mapping[str, int],
    same_as: Mapping[str, str],
) -> str:
    told = [node.detail]
    if node.kind == "task" and node.label in same_as:
        return f"{node.detail}, the same as {same_as[node.label]}"
    if within:
        told.append(f"computes {', '.join(within)}")
    shape = shapes.get(node.label) if node.kind == "task" else None
    if shape is not None and shape.columns is not None:
        told.append(f"stores {len(shape.columns)} of {columns[node.label]} columns")
    if shape is not None and shape.where is not None:
        told.append("stores rows that are read")
    return ", ".join(told)


def _named(drawing: Drawing, half: str) -> Drawing:
    """The drawing with ids that are its own."""
    return Drawing(
        drawing.title,
        tuple(replace(node, id=f"{half}/{node.id}") for node in drawing.nodes),
        tuple(replace(one, start=f"{half}/{one.start}", end=f"{half}/{one.end}") for one in drawing.edges),
    )
