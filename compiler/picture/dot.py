"""Writes a drawing in DOT, the language of Graphviz."""

from __future__ import annotations

from typing import Final

from trc.compiler.diagnostics.render.cells import visible
from trc.compiler.picture.drawing import Arrow, Drawing, Kind, Node

_LOOKS: Final[dict[Kind, str]] = {
    "source": 'shape=cylinder, style=filled, fillcolor="#e6f4f1", color="#2a9d8f"',
    "task": 'shape=box, style="rounded,filled", fillcolor="#eef2ff", color="#4f6bed"',
    "sink": 'shape=note, style=filled, fillcolor="#fff4e0", color="#d98e04"',
}


def dot(drawing: Drawing) -> str:
    """The drawing as DOT text; dashed arrows are order without data."""
    ids = {node.id: f"n{index}" for index, node in enumerate(drawing.nodes)}
    lines = [
        f"digraph {_quoted(drawing.title)} {{",
        "  rankdir=LR;",
        '  node [fontname="Helvetica", fontsize=12];',
        '  edge [color="#8a94a6", arrowsize=0.7];',
    ]
    lines += [f"  {ids[node.id]} [{_attributes(node)}];" for node in drawing.nodes]
    lines += [f"  {ids[one.start]} -> {ids[one.end]}{_look(one)};" for one in drawing.edges]
    return "\n".join([*lines, "}"]) + "\n"


def _look(arrow: Arrow) -> str:
    label = [f"label={_quoted(arrow.label)}"] if arrow.label else []
    told = [*label, *(() if arrow.data else ("style=dashed",))]
    return f" [{', '.join(told)}]" if told else ""


def _attributes(node: Node) -> str:
    label = _escape(node.label)
    if node.detail and node.detail != node.label:
        label += f"\\n{_escape(node.detail)}"
    return f'label="{label}", tooltip={_quoted(node.detail or node.label)}, {_LOOKS[node.kind]}'


def _quoted(text: str) -> str:
    return f'"{_escape(text)}"'


def _escape(text: str) -> str:
    """A backslash begins an escape in labels, so it is doubled; Graphviz reads entities too."""
    return visible(text).replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;")
