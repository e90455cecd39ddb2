"""Orders and circles of random graphs, against the plain definitions."""

from __future__ import annotations

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from trc.compiler.checks.order import circles, find_circle, run_order

Edges = set[tuple[str, str]]

NAMES = [f"t{i}" for i in range(9)]
EDGES = st.sets(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), max_size=22)


def reachable(edges: Edges) -> Edges:
    reach = set(edges)
    for middle, start, end in product(NAMES, NAMES, NAMES):
        if (start, middle) in reach and (middle, end) in reach:
            reach.add((start, end))
    return reach


@given(EDGES)
def test_circles_are_the_groups_that_reach_each_other(edges: Edges) -> None:
    reach = reachable(edges)
    expected = {frozenset(b for b in NAMES if (a, b) in reach and (b, a) in reach) for a in NAMES if (a, a) in reach}
    found = circles(NAMES, sorted(edges))
    assert {frozenset(group) for group in found} == expected
    assert all(group == sorted(group) for group in found)


@given(EDGES)
def test_run_order_holds_each_name_once_and_after_what_it_waits_for(edges: Edges) -> None:
    order = run_order(NAMES, sorted(edges))
    assert sorted(order) == NAMES
    reach = reachable(edges)
    for task, on in edges:
        if (on, task) not in reach:
            assert order.index(on) < order.index(task)


@given(EDGES)
def test_run_order_is_the_first_in_the_authors_order(edges: Edges) -> None:
    """At each step the earliest name that can come comes."""
    edges = {(max(pair), min(pair)) for pair in edges if pair[0] != pair[1]}
    order = run_order(NAMES, sorted(edges))
    assert order == tuple(NAMES)
    backwards = [(on, task) for task, on in edges]
    done: list[str] = []
    for name in run_order(NAMES, backwards):
        ready = [one for one in NAMES if one not in done and all(on in done for task, on in backwards if task == one)]
        assert name == ready[0]
        done.append(name)


@given(EDGES)
def test_find_circle_is_a_shortest_circle(edges: Edges) -> None:
    for members in circles(NAMES, sorted(edges)):
        found = find_circle(members, sorted(edges))
        steps = list(zip(found, [*found[1:], found[0]]))
        assert set(steps) <= edges
        assert len(set(found)) == len(found)
        assert not any(
            is_circle(edges, length) for length in range(1, len(found)) if has_within(edges, members, length)
        )


def has_within(edges: Edges, members: list[str], length: int) -> bool:
    inside = {(a, b) for a, b in edges if a in members and b in members}
    return is_circle(inside, length)


def is_circle(edges: Edges, length: int) -> bool:
    """Whether some walk of that length returns to where it began."""
    walks = set(edges)
    for _ in range(length - 1):
        walks = {(a, d) for a, b in walks for c, d in edges if b == c}
    return any(a == b for a, b in walks)
