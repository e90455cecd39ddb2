"""Places the boxes of a graph from left to right: layers, few crossings, straight lines."""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from trc.compiler.checks.order import run_order

_LAYER_GAP: Final = 64.0
_BOX_GAP: Final = 18.0
_LINE_GAP: Final = 10.0
_SWEEPS: Final = 12
_MOST_BENDS: Final = 40_000
"""Long edges bend around boxes; in graphs with more bends than this they run straight."""

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Box:
    """A placed node: its left upper corner and its size."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Layout:
    """`routes` holds for each edge, in the order given, the points that it passes, from box to box."""

    boxes: Mapping[str, Box]
    routes: tuple[tuple[Point, ...], ...]
    width: float
    height: float


def layout(sizes: Mapping[str, tuple[float, float]], edges: Sequence[tuple[str, str]]) -> Layout:
    """Places nodes of the given widths and heights; each edge goes from an earlier layer to a later one.

    The result depends on nothing but the arguments. Edges of a circle, which no order of layers can
    hold, may run backwards.
    """
    layers_of = _assign_layers(list(sizes), edges)
    graph = _Layered.of(sizes, edges, layers_of)
    _order(graph)
    ys = _align(graph)
    return _placed(graph, ys, sizes, edges)


def _assign_layers(names: list[str], edges: Sequence[tuple[str, str]]) -> dict[str, int]:
    """The longest way to each node; what nothing leads to moves up to what it leads to."""
    order = run_order(names, [(end, start) for start, end in edges])
    rank = {name: index for index, name in enumerate(order)}
    before: dict[str, list[str]] = {name: [] for name in names}
    after: dict[str, list[str]] = {name: [] for name in names}
    for start, end in edges:
        if rank[start] < rank[end]:
            before[end].append(start)
            after[start].append(end)
    layer: dict[str, int] = {}
    for name in order:
        layer[name] = max((layer[one] + 1 for one in before[name]), default=0)
    for name in order:
        if not before[name] and after[name]:
            layer[name] = min(layer[one] for one in after[name]) - 1
    return layer


@dataclass(slots=True)
class _Layered:
    """Nodes by layer, as numbers: the named ones first, then the bends of long edges.

    Layers are reordered in place while crossings are reduced.
    """

    names: list[str]
    heights: list[float]
    layer: list[int]
    layers: list[list[int]]
    left: list[list[int]]
    right: list[list[int]]
    chains: list[list[int]]
    """For each edge the nodes that it passes, both ends included."""

    @classmethod
    def of(
        cls, sizes: Mapping[str, tuple[float, float]], edges: Sequence[tuple[str, str]], layers_of: dict[str, int]
    ) -> _Layered:
        names = list(sizes)
        number = {name: index for index, name in enumerate(names)}
        layer = [layers_of[name] for name in names]
        heights = [sizes[name][1] for name in names]
        bends = sum(max(layers_of[end] - layers_of[start] - 1, 0) for start, end in edges)
        chains: list[list[int]] = []
        for start, end in edges:
            chain = [number[start]]
            if bends <= _MOST_BENDS:
                for between in range(layers_of[start] + 1, layers_of[end]):
                    chain.append(len(layer))
                    layer.append(between)
                    heights.append(0.0)
            chains.append([*chain, number[end]])
        graph = cls(names, heights, layer, [], [[] for _ in layer], [[] for _ in layer], chains)
        graph.layers = [[] for _ in range(max(layer, default=-1) + 1)]
        for node, at in enumerate(layer):
            graph.layers[at].append(node)
        for chain in chains:
            for one, two in itertools.pairwise(chain):
                if layer[one] < layer[two]:
                    graph.right[one].append(two)
                    graph.left[two].append(one)
        return graph


def _order(graph: _Layered) -> None:
    """Sorts layers by the middle of their neighbours, to and fro, and keeps the order that crosses least."""
    best, fewest = [list(layer) for layer in graph.layers], _crossings(graph)
    for sweep in range(_SWEEPS):
        if not fewest:
            break
        forward = sweep % 2 == 0
        neighbours = graph.left if forward else graph.right
        for layer in graph.layers if forward else reversed(graph.layers):
            _sort_by_middle(layer, neighbours, graph)
        crossings = _crossings(graph)
        if crossings < fewest:
            best, fewest = [list(layer) for layer in graph.layers], crossings
    graph.layers = best


def _sort_by_middle(layer: list[int], neighbours: list[list[int]], graph: _Layered) -> None:
    """Nodes without neighbours on that side keep their places; the others are sorted into the rest."""
    place = _places_in(graph, layer, neighbours)
    free = [index for index, node in enumerate(layer) if neighbours[node]]
    moved = sorted((layer[index] for index in free), key=lambda node: _mean([place[one] for one in neighbours[node]]))
    for index, node in zip(free, moved):
        layer[index] = node


def _places_in(graph: _Layered, layer: list[int], neighbours: list[list[int]]) -> dict[int, float]:
    """Where the neighbours of a layer's nodes stand in their own layers, from 0 to 1."""
    wanted = {graph.layer[one] for node in layer for one in neighbours[node]}
    return {node: index / len(graph.layers[at]) for at in wanted for index, node in enumerate(graph.layers[at])}


def _crossings(graph: _Layered) -> int:
    """How many pairs of lines cross between neighbouring layers."""
    total = 0
    for one, two in zip(graph.layers, graph.layers[1:]):
        place = {node: index for index, node in enumerate(two)}
        seen: list[int] = []
        for node in one:
            ends = sorted(place[end] for end in graph.right[node] if end in place)
            total += sum(len(seen) - bisect_right(seen, end) for end in ends)
            for end in ends:
                seen.insert(bisect_right(seen, end), end)
    return total


def _align(graph: _Layered) -> list[float]:
    """The middle of each node from top to bottom: as near to its neighbours' as its layer's order lets it."""
    ys = [0.0] * len(graph.layer)
    for layer in graph.layers:
        y = 0.0
        for index, node in enumerate(layer):
            y += _separation(graph, layer[index - 1], node) if index else 0.0
            ys[node] = y
        for node in layer:
            ys[node] -= y / 2
    for sweep in range(_SWEEPS):
        forward = sweep % 2 == 0
        last = sweep >= _SWEEPS - 2
        for layer in graph.layers if forward else reversed(graph.layers):
            wished = [_wish(graph, node, ys, both=last, forward=forward) for node in layer]
            for node, y in zip(layer, _spread(graph, layer, wished)):
                ys[node] = y
    return ys


def _wish(graph: _Layered, node: int, ys: list[float], *, both: bool, forward: bool) -> float:
    near = graph.left[node] if forward else graph.right[node]
    if both or not near:
        near = [*graph.left[node], *graph.right[node]]
    return _mean([ys[one] for one in near]) if near else ys[node]


def _spread(graph: _Layered, layer: Sequence[int], wished: Sequence[float]) -> list[float]:
    """The places nearest to the wished ones (least squares) that keep order and distance.

    Neighbours that would overlap are pooled into a block, whose place is the mean of its wishes.
    """
    offsets = [0.0]
    for one, two in itertools.pairwise(layer):
        offsets.append(offsets[-1] + _separation(graph, one, two))
    blocks: list[tuple[float, int]] = []
    for wish, offset in zip(wished, offsets):
        total, count = wish - offset, 1
        while blocks and blocks[-1][0] / blocks[-1][1] > total / count:
            before = blocks.pop()
            total, count = total + before[0], count + before[1]
        blocks.append((total, count))
    starts = [total / count for total, count in blocks for _ in range(count)]
    return [start + offset for start, offset in zip(starts, offsets)]


def _separation(graph: _Layered, one: int, two: int) -> float:
    heights = graph.heights[one], graph.heights[two]
    return sum(heights) / 2 + (_BOX_GAP if all(heights) else _LINE_GAP)


def _placed(
    graph: _Layered, ys: list[float], sizes: Mapping[str, tuple[float, float]], edges: Sequence[tuple[str, str]]
) -> Layout:
    named = len(graph.names)
    widths = [
        max((sizes[graph.names[node]][0] for node in layer if node < named), default=0.0) for layer in graph.layers
    ]
    lefts = _lefts(widths)
    top = min((y - height / 2 for y, height in zip(ys, graph.heights)), default=0.0)
    bottom = max((y + height / 2 for y, height in zip(ys, graph.heights)), default=0.0)
    boxes: dict[str, Box] = {}
    for node, name in enumerate(graph.names):
        width, height = sizes[name]
        at = graph.layer[node]
        boxes[name] = Box(lefts[at] + (widths[at] - width) / 2, ys[node] - height / 2 - top, width, height)
    routes: list[tuple[Point, ...]] = []
    for (start, end), chain in zip(edges, graph.chains):
        points: list[Point] = [_right(boxes[start])]
        for bend in chain[1:-1]:
            left = lefts[graph.layer[bend]]
            points += [(left, ys[bend] - top), (left + widths[graph.layer[bend]], ys[bend] - top)]
        routes.append((*points, _left(boxes[end])))
    return Layout(boxes, tuple(routes), max(map(sum, zip(lefts, widths)), default=0.0), bottom - top)


def _lefts(widths: Sequence[float]) -> list[float]:
    lefts = [0.0]
    for width in widths[:-1]:
        lefts.append(lefts[-1] + width + _LAYER_GAP)
    return lefts


def _right(box: Box) -> Point:
    return box.x + box.width, box.y + box.height / 2


def _left(box: Box) -> Point:
    return box.x, box.y + box.height / 2


def _mean(numbers: Sequence[float]) -> float:
    return sum(numbers) / len(numbers)
