"""Lineage as drawings: of a column, and of datasets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from trc.compiler.lineage.column import ColumnLineage, Made, kind_of
from trc.compiler.lineage.steps import Derived, Steps
from trc.compiler.picture.drawing import Arrow, Drawing, Node
from trc.compiler.sql.flow import VALUES


def draw_column(lineage: ColumnLineage, steps: Steps) -> Drawing:
    """A column with all that it is made of; broken arrows are influences, those on its rows from the ends."""
    root = lineage.tree
    nodes: dict[str, Node] = {}
    arrows: dict[tuple[str, str], Arrow] = {}
    for made, made_of in _walk(root):
        nodes.setdefault(_id(made.dataset, made.column), _node(made))
        for cause in made_of:
            has_value = any(how in VALUES for how in cause.how)
            arrow = Arrow(
                _id(cause.dataset, cause.column), _id(made.dataset, made.column), has_value, ", ".join(cause.how)
            )
            arrows[arrow.start, arrow.end] = arrow
    for one in lineage.rows:
        if one.column is None:
            continue
        key = _id(one.dataset, one.column)
        kind = "source" if kind_of(steps[one.dataset]) != "task" else "task"
        nodes.setdefault(key, Node(key, f"{one.dataset}.{one.column}", kind))
        arrow = Arrow(key, _id(root.dataset, root.column), data=False, label=f"rows: {', '.join(one.how)}")
        if (arrow.start, arrow.end) not in arrows:
            arrows[arrow.start, arrow.end] = arrow
    return Drawing(f"{root.dataset}.{root.column}", tuple(nodes.values()), tuple(arrows.values()))


def _walk(made: Made) -> Iterator[tuple[Made, tuple[Made, ...]]]:
    yield made, made.causes
    for cause in made.causes:
        yield from _walk(cause)


def _id(dataset: str, column: str | None) -> str:
    return f"{dataset}.{column}" if column is not None else f"rows of {dataset}"


def _node(made: Made) -> Node:
    detail = made.type if made.unknown is None else "unknown"
    return Node(_id(made.dataset, made.column), _id(made.dataset, made.column), _shape(made.kind), detail)


def _shape(kind: str) -> str:
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
    for name, step in reversed(steps.items()):
        if name in found and isinstance(step, Derived):
            found.update(step.reads)
    return tuple(name for name in steps if name in found)
