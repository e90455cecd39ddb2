"""Lineage as drawings: of a column, and of datasets."""

from __future__ import annotations

from collections.abc import Iterable

from trc.compiler.lineage.column import ColumnLineage, Kind, Made, kind_of
from trc.compiler.lineage.steps import Derived, Steps
from trc.compiler.picture.drawing import Arrow, Drawing, Node
from trc.compiler.picture.drawing import Kind as Shape
from trc.compiler.sql.flow import VALUES


def draw_column(lineage: ColumnLineage, steps: Steps) -> Drawing:
    """A column with all that it is made of; broken arrows are influences, those on its rows from the ends."""
    root = lineage.tree
    nodes: dict[str, Node] = {}
    arrows: dict[tuple[str, str], Arrow] = {}
    for made in root.all():
        nodes.setdefault(_id(made.dataset, made.column), _node(made))
        for cause in made.causes:
            has_value = any(how in VALUES for how in cause.how)
            arrow = Arrow(
                _id(cause.dataset, cause.column), _id(made.dataset, made.column), has_value, ", ".join(cause.how)
            )
            arrows[arrow.start, arrow.end] = arrow
    for one, what in [*((one, "rows: ") for one in lineage.rows), *((one, "") for one in lineage.unseen)]:
        if one.column is None:
            continue
        key = _id(one.dataset, one.column)
        nodes.setdefault(key, Node(key, key, _shape(kind_of(steps[one.dataset]))))
        arrow = Arrow(key, _id(root.dataset, root.column), data=False, label=what + ", ".join(one.how))
        arrows.setdefault((arrow.start, arrow.end), arrow)
    return Drawing(f"{root.dataset}.{root.column}", tuple(nodes.values()), tuple(arrows.values()))


def _id(dataset: str, column: str | None) -> str:
    return f"{dataset}.{column}" if column is not None else f"rows of {dataset}"


def _node(made: Made) -> Node:
    detail = made.type if made.unknown is None else "unknown"
    return Node(_id(made.dataset, made.column), _id(made.dataset, made.column), _shape(made.kind), detail)


def _shape(kind: Kind) -> Shape:
    return "task" if kind == "task" else "source"


def draw_datasets(steps: Steps, title: str, wanted: Iterable[str]) -> Drawing:
    """Datasets, and which of them are made of which."""
    chosen = frozenset(wanted)
    nodes: list[Node] = []
    arrows: list[Arrow] = []
    for name, step in steps.items():
        if name not in chosen:
            continue
        if isinstance(step, Derived):
            nodes.append(Node(name, name, "task", step.type))
            arrows += [Arrow(read, name) for read in step.reads if read in chosen]
        else:
            nodes.append(Node(name, name, "source", step.kind))
    return Drawing(title, tuple(nodes), tuple(arrows))


def upstream_of(steps: Steps, dataset: str) -> tuple[str, ...]:
    """A dataset and all that it is made of, in the order of `steps`."""
    found = {dataset}
    for name in reversed(list(steps)):
        step = steps[name]
        if name in found and isinstance(step, Derived):
            found.update(step.reads)
    return tuple(name for name in steps if name in found)
