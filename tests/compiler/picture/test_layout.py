"""Layouts of random graphs: nothing overlaps, everything flows to the right, the same input looks the same."""

from __future__ import annotations

import random
from itertools import combinations, pairwise

from hypothesis import given
from hypothesis import strategies as st

from trc.compiler.picture.layout import Box, layout


@st.composite
def graphs(draw: st.DrawFn) -> tuple[dict[str, tuple[float, float]], list[tuple[str, str]]]:
    count = draw(st.integers(1, 14))
    names = [f"n{i}" for i in range(count)]
    sizes = {name: (draw(st.sampled_from([60.0, 120.0, 250.0])), 40.0) for name in names}
    pairs = [pair for pair in combinations(names, 2) if draw(st.booleans())] if count > 1 else []
    return sizes, pairs


def overlap(one: Box, two: Box) -> bool:
    return (
        one.x < two.x + two.width
        and two.x < one.x + one.width
        and one.y < two.y + two.height - 0.01
        and two.y < one.y + one.height - 0.01
    )


@given(graphs())
def test_boxes_do_not_overlap_and_lie_within(
    graph: tuple[dict[str, tuple[float, float]], list[tuple[str, str]]],
) -> None:
    sizes, edges = graph
    plan = layout(sizes, edges)
    assert not any(overlap(one, two) for one, two in combinations(plan.boxes.values(), 2))
    for box in plan.boxes.values():
        assert box.x >= -0.01
        assert box.y >= -0.01
        assert box.x + box.width <= plan.width + 0.01
        assert box.y + box.height <= plan.height + 0.01


@given(graphs())
def test_edges_run_from_box_to_box_to_the_right(
    graph: tuple[dict[str, tuple[float, float]], list[tuple[str, str]]],
) -> None:
    sizes, edges = graph
    plan = layout(sizes, edges)
    for (start, end), route in zip(edges, plan.routes):
        one, two = plan.boxes[start], plan.boxes[end]
        assert route[0] == (one.x + one.width, one.y + one.height / 2)
        assert route[-1] == (two.x, two.y + two.height / 2)
        assert all(before[0] <= after[0] for before, after in pairwise(route))


@given(graphs())
def test_edges_pass_no_box(graph: tuple[dict[str, tuple[float, float]], list[tuple[str, str]]]) -> None:
    """Where an edge crosses a layer, it does so between the boxes."""
    sizes, edges = graph
    plan = layout(sizes, edges)
    for route in plan.routes:
        for x, y in route[1:-1]:
            assert not any(
                box.x < x < box.x + box.width and box.y < y < box.y + box.height for box in plan.boxes.values()
            )


def test_lines_that_need_not_cross_do_not() -> None:
    names = [f"{side}{i}" for side in "ab" for i in range(6)]
    edges = [(f"a{i}", f"b{5 - i}") for i in range(6)]
    plan = layout(dict.fromkeys(names, (80.0, 40.0)), edges)
    assert all(route[0][1] == route[-1][1] for route in plan.routes)


def test_chain_is_a_straight_line() -> None:
    names = [f"n{i}" for i in range(50)]
    plan = layout(dict.fromkeys(names, (80.0, 40.0)), list(pairwise(names)))
    assert len({box.y for box in plan.boxes.values()}) == 1


def test_source_stands_before_its_first_reader() -> None:
    names = ["a", "b", "c", "late"]
    plan = layout(dict.fromkeys(names, (80.0, 40.0)), [("a", "b"), ("b", "c"), ("late", "c")])
    assert plan.boxes["late"].x == plan.boxes["b"].x


def test_same_graph_has_the_same_layout() -> None:
    chance = random.Random(7)
    names = [f"n{i}" for i in range(60)]
    edges = [(names[chance.randrange(i)], names[i]) for i in range(1, 60) for _ in range(2)]
    sizes = dict.fromkeys(names, (80.0, 40.0))
    assert layout(sizes, edges) == layout(sizes, edges)


def test_large_graph_with_long_edges_is_placed() -> None:
    names = [f"n{i}" for i in range(1000)]
    edges = list(pairwise(names)) + [(names[0], names[i]) for i in range(2, 1000)]
    plan = layout(dict.fromkeys(names, (80.0, 40.0)), edges)
    assert len(plan.boxes) == len(names)
