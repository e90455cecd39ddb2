"""Writes a drawing as a self-contained SVG picture, legible on light and on dark."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from html import escape
from typing import Final

from trc.compiler.diagnostics.render.cells import cells, visible
from trc.compiler.picture.drawing import Arrow, Drawing, Node
from trc.compiler.picture.layout import Box, Layout, Point, layout

_MARGIN: Final = 28.0
_TITLE: Final = 44.0
_HEIGHT: Final = 46.0
_PADDING: Final = 16.0
_LABEL_EM: Final = 7.6
_DETAIL_EM: Final = 6.0
_LID: Final = 5.0
_NARROWEST: Final = 96.0
_LONGEST_LABEL: Final = 30
_LONGEST_DETAIL: Final = 38

_STYLE: Final = """
.page { fill: #ffffff }
.title { font: 600 17px system-ui, "Segoe UI", "Helvetica Neue", Arial, sans-serif; fill: #1c2333 }
.label { font: 600 13px system-ui, "Segoe UI", "Helvetica Neue", Arial, sans-serif; fill: #1c2333 }
.detail { font: 11px system-ui, "Segoe UI", "Helvetica Neue", Arial, sans-serif; fill: #667085 }
.box { stroke-width: 1.25 }
.source .box, .source .lid { fill: #e7f5f2; stroke: #2a9d8f }
.task .box { fill: #f1f4ff; stroke: #5570f1 }
.sink .box { fill: #fff6e6; stroke: #d9931e }
.sink .fold { fill: #f7dfb3; stroke: #d9931e }
.lid, .fold { stroke-width: 1.25 }
.edge { fill: none; stroke: #9aa4b5; stroke-width: 1.4 }
.order { stroke-dasharray: 5 4 }
.tip { fill: #9aa4b5 }
.success .dot { fill: #12a150 } .failure .dot { fill: #e5484d } .running .dot { fill: #3b82f6 }
.skipped .dot { fill: #98a2b3 } .waiting .dot { fill: #d0d5dd }
.upstream_failed .dot, .canceled .dot { fill: #f79009 }
.dot { fill: #98a2b3; stroke: none }
@media (prefers-color-scheme: dark) {
  .page { fill: #12151c }
  .title, .label { fill: #e8ebf2 }
  .detail { fill: #97a1b3 }
  .source .box, .source .lid { fill: #12302c; stroke: #37b3a3 }
  .task .box { fill: #1c2340; stroke: #6f87f7 }
  .sink .box { fill: #35270f; stroke: #e0a43c }
  .sink .fold { fill: #5a4319; stroke: #e0a43c }
  .edge { stroke: #5c677a }
  .tip { fill: #5c677a }
}
"""


def svg(drawing: Drawing) -> str:
    """The drawing as SVG text; broken lines are order without data, and pointing at a box tells all of it."""
    sizes = {node.id: (_width(node), _HEIGHT) for node in drawing.nodes}
    plan = layout(sizes, [(edge.start, edge.end) for edge in drawing.edges])
    title = _shorten(drawing.title, 60)
    width = max(plan.width, _text_width(title, 9.6)) + 2 * _MARGIN
    height = plan.height + 2 * _MARGIN + _TITLE
    return "\n".join([
        (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="{_safe(drawing.title)}">'),
        f"<style>{_STYLE}</style>",
        ('<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        'orient="auto"><path class="tip" d="M0 0.8 L7.5 4 L0 7.2 Z"/></marker></defs>'),
        '<rect class="page" width="100%" height="100%"/>',
        f'<text class="title" x="{_MARGIN:.0f}" y="{_MARGIN + 10:.0f}">{_safe(title)}</text>',
        f'<g transform="translate({_MARGIN:.0f} {_MARGIN + _TITLE:.0f})">',
        *_edges(drawing.edges, plan),
        *(_node(node, plan.boxes[node.id]) for node in drawing.nodes),
        "</g>",
        "</svg>",
        "",
    ])  # fmt: skip


def _edges(edges: Sequence[Arrow], plan: Layout) -> list[str]:
    return [
        f'<path class="edge{"" if edge.data else " order"}{" marked" if edge.marked else ""}" data-from="{_safe(edge.start)}" '
        f'data-to="{_safe(edge.end)}" d="{_curve(route)}" marker-end="url(#tip)"/>'
        for edge, route in zip(edges, plan.routes)
    ]


def _curve(points: Sequence[Point]) -> str:
    """A smooth line through all points that leaves and enters them level."""
    path = [f"M{points[0][0]:.1f} {points[0][1]:.1f}"]
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        if abs(y1 - y0) < 0.05:
            path.append(f"L{x1:.1f} {y1:.1f}")
        else:
            bend = (x1 - x0) / 2
            path.append(f"C{x0 + bend:.1f} {y0:.1f} {x1 - bend:.1f} {y1:.1f} {x1:.1f} {y1:.1f}")
    return " ".join(path)


def _node(node: Node, box: Box) -> str:
    label, detail = _shorten(node.label, _LONGEST_LABEL), _detail(node)
    middle, centre = box.width / 2, _HEIGHT / 2 + (_LID / 2 if node.kind == "source" else 0)
    classes = node.kind if node.state is None else f"{node.kind} {_safe(node.state)}"
    classes += " marked" if node.marked else ""
    parts = [
        f'<g class="node {classes}" data-id="{_safe(node.id)}" transform="translate({box.x:.1f} {box.y:.1f})">',
        f"<title>{_safe(_tooltip(node))}</title>",
        _outline(node, box),
        (
            f'<text class="label" x="{middle:.1f}" y="{centre - 2 if detail else centre + 4.5:.1f}" '
            f'text-anchor="middle">{_safe(label)}</text>'
        ),
    ]
    if detail:
        parts.append(
            f'<text class="detail" x="{middle:.1f}" y="{centre + 13:.1f}" text-anchor="middle">{_safe(detail)}</text>'
        )
    if node.state is not None:
        parts.append(f'<circle class="dot" cx="{box.width - 10:.1f}" cy="10" r="4"/>')
    return "".join([*parts, "</g>"])


def _outline(node: Node, box: Box) -> str:
    width, height = box.width, box.height
    if node.kind == "task":
        return f'<rect class="box" width="{width:.1f}" height="{height:.1f}" rx="9"/>'
    if node.kind == "sink":
        fold = 11
        return (
            f'<path class="box" d="M4 0 H{width - fold:.1f} L{width:.1f} {fold} V{height - 4:.1f} '
            f"Q{width:.1f} {height:.1f} {width - 4:.1f} {height:.1f} H4 Q0 {height:.1f} 0 {height - 4:.1f} "
            f'V4 Q0 0 4 0 Z"/><path class="fold" d="M{width - fold:.1f} 0 V{fold} H{width:.1f} Z"/>'
        )
    # A store, as a cylinder: the body, and its lid as an ellipse.
    half, lid = width / 2, _LID
    return (
        f'<path class="box" d="M0 {lid} V{height - lid} A{half:.1f} {lid} 0 0 0 {width:.1f} {height - lid} V{lid}"/>'
        f'<ellipse class="lid" cx="{half:.1f}" cy="{lid}" rx="{half:.1f}" ry="{lid}"/>'
    )


def _detail(node: Node) -> str:
    """A location is told by its end, anything else by its beginning."""
    if node.detail == node.label:
        return ""
    text = visible(node.detail)
    if node.kind != "task" and len(text) > _LONGEST_DETAIL:
        return "…" + text[-(_LONGEST_DETAIL - 1) :]
    return _shorten(text, _LONGEST_DETAIL)


def _tooltip(node: Node) -> str:
    facts = [node.label, node.detail, node.state or ""]
    return "\n".join(visible(fact) for fact in facts if fact)


def _width(node: Node) -> float:
    label = _text_width(_shorten(node.label, _LONGEST_LABEL), _LABEL_EM)
    detail = _text_width(_detail(node), _DETAIL_EM)
    return max(_NARROWEST, label + 2 * _PADDING, detail + 2 * _PADDING)


def _text_width(text: str, em: float) -> float:
    return sum(cell.width for cell in cells(text)) * em


def _shorten(text: str, longest: int) -> str:
    shown = visible(text)
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"


_NOT_XML: Final = re.compile("[\ufffe\uffff]")


def _safe(text: str) -> str:
    return escape(_NOT_XML.sub("\ufffd", "\n".join(visible(line) for line in text.split("\n"))))
