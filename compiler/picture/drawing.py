"""What a picture of a pipeline shows: sources, tasks and sinks, and what flows between them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from trc.compiler.checks.graph import Graph, Resolved
from trc.compiler.ir.dataset import DatasetRead, Source
from trc.compiler.ir.pipeline import Pipeline
from trc.compiler.ir.uris import is_glob

Kind = Literal["source", "task", "sink"]


@dataclass(frozen=True, slots=True)
class Node:
    """`label` is the name in large, `detail` the small line under it; `state` is that of a task's run, if told.

    A node that is `marked` is of the class of that name in pictures that have classes.
    """

    id: str
    label: str
    kind: Kind
    detail: str = ""
    state: str | None = None
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Arrow:
    """From what comes first to what comes after; `data` flows along it, else it is order alone.

    `label` is what the texts of a picture say about it; `marked` is as that of a node.
    """

    start: str
    end: str
    data: bool = True
    label: str = ""
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Drawing:
    title: str
    nodes: tuple[Node, ...]
    edges: tuple[Arrow, ...]

    def to_json(self) -> dict[str, Any]:
        """As `trc graph --format json` prints it."""
        return {
            "title": self.title,
            "nodes": [
                {"id": one.id, "label": one.label, "kind": one.kind, "detail": one.detail, "state": one.state}
                for one in self.nodes
            ],
            "edges": [{"from": one.start, "to": one.end, "data": one.data} for one in self.edges],
        }


def draw(pipeline: Pipeline, graph: Graph) -> Drawing:
    """The picture of a pipeline: its sources, its tasks in running order, the files that tasks write."""
    sources = {node.id: node for node in (_source(source) for source in pipeline.sources)}
    tasks = {task.name: task for task in pipeline.tasks}
    nodes: list[Node] = []
    arrows: dict[tuple[str, str], Arrow] = {}
    for name in graph.order:
        nodes.append(Node(f"task:{name}", name, "task", tasks[name].type))
        for resolved in graph.inputs[name]:
            node = _file_read(resolved)
            if node is not None:
                sources.setdefault(node.id, node)
                arrows[node.id, f"task:{name}"] = Arrow(node.id, f"task:{name}")
    for edge in graph.edges:
        arrow = Arrow(f"task:{edge.on}", f"task:{edge.task}", edge.data)
        arrows[arrow.start, arrow.end] = arrow
    for sink, arrow in _sinks(pipeline):
        nodes.append(sink)
        arrows[arrow.start, arrow.end] = arrow
    return Drawing(pipeline.name, (*sources.values(), *nodes), tuple(arrows.values()))


def _source(source: Source) -> Node:
    return Node(f"source:{source.name.casefold()}", source.name, "source", source.uri)


def _file_read(resolved: Resolved) -> Node | None:
    """The source that a read means, declared or not; None where a task writes it, or nothing is known of it."""
    read = resolved.read
    if resolved.source is not None:
        return _source(resolved.source)
    if isinstance(read, DatasetRead) or resolved.producer or resolved.feeders:
        return None
    return Node(f"file:{read.uri}", _file_name(read.uri), "source", read.uri)


def _sinks(pipeline: Pipeline) -> Iterator[tuple[Node, Arrow]]:
    for task in pipeline.tasks:
        for output in task.outputs:
            if output.uri is not None:
                sink = Node(f"sink:{task.name}.{output.name}", _file_name(output.uri), "sink", output.uri)
                yield sink, Arrow(f"task:{task.name}", sink.id)


def _file_name(uri: str) -> str:
    """A location's last part; a pattern's says little without its folder."""
    *folders, name = uri.rstrip("/").split("/")
    return f"{folders[-1]}/{name}" if folders and is_glob(name) else name or uri
