"""Writes a drawing as a Mermaid flowchart."""

from __future__ import annotations

from typing import Final

from trc.compiler.diagnostics.render.cells import visible
from trc.compiler.picture.drawing import Arrow, Drawing, Kind, Node

_SHAPES: Final[dict[Kind, tuple[str, str]]] = {"source": ("[(", ")]"), "task": ("[", "]"), "sink": ("([", "])")}
_STYLES: Final[dict[Kind, str]] = {
    "source": "fill:#e6f4f1,stroke:#2a9d8f,color:#12312d",
    "task": "fill:#eef2ff,stroke:#4f6bed,color:#1b2559",
    "sink": "fill:#fff4e0,stroke:#d98e04,color:#4a3000",
}


def mermaid(drawing: Drawing) -> str:
    """The drawing as Mermaid text; broken arrows are order without data."""
    ids = {node.id: f"n{index}" for index, node in enumerate(drawing.nodes)}
    lines = ["flowchart LR"]
    lines += [f"    {ids[node.id]}{_box(node)}:::{node.kind}" for node in drawing.nodes]
    lines += [f"    {ids[one.start]} {_line(one)} {ids[one.end]}" for one in drawing.edges]
    used: list[Kind] = [kind for kind in _STYLES if any(node.kind == kind for node in drawing.nodes)]
    lines += [f"    classDef {kind} {_STYLES[kind]}" for kind in used]
    return "\n".join(lines) + "\n"


def _line(arrow: Arrow) -> str:
    label = f'|"{_escape(arrow.label)}"|' if arrow.label else ""
    return ("-->" if arrow.data else "-.->") + label


def _box(node: Node) -> str:
    start, end = _SHAPES[node.kind]
    text = _escape(node.label)
    if node.detail and node.detail != node.label:
        text += f"<br/><small>{_escape(node.detail)}</small>"
    return f'{start}"{text}"{end}'


_PLAIN: Final = frozenset(" -_./:,@*()")


def _escape(text: str) -> str:
    """Everything that Mermaid, Markdown or HTML could read as more than text, as its code point."""
    return "".join(char if char.isalnum() or char in _PLAIN else f"#{ord(char)};" for char in visible(text))
