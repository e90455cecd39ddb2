"""An order of tasks along their dependencies, and the circles that have none: linear, and without recursion."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Sequence
from heapq import heapify, heappop, heappush

Pair = tuple[str, str]
"""`(task, on)`: `task` waits for `on`."""


def run_order(names: Sequence[str], edges: Collection[Pair]) -> tuple[str, ...]:
    """Each name after those that it waits for; the given order where that is free, edges within a circle left out."""
    circle_of = {name: i for i, members in enumerate(circles(names, edges)) for name in members}
    rank = {name: i for i, name in enumerate(names)}
    waits = dict.fromkeys(names, 0)
    followers: dict[str, list[str]] = {name: [] for name in names}
    for task, on in edges:
        if task != on and (task not in circle_of or circle_of[task] != circle_of.get(on)):
            waits[task] += 1
            followers[on].append(task)
    ready = [rank[name] for name, count in waits.items() if not count]
    heapify(ready)
    order: list[str] = []
    while ready:
        name = names[heappop(ready)]
        order.append(name)
        for follower in followers[name]:
            waits[follower] -= 1
            if not waits[follower]:
                heappush(ready, rank[follower])
    return tuple(order)


def circles(names: Sequence[str], edges: Collection[Pair]) -> list[list[str]]:
    """The groups of names that all wait for each other, directly or not; each, and all of them, in the given order.

    Tarjan's strongly connected components, with a stack of its own: chains may be long.
    """
    following = _following(names, edges)
    rank = {name: i for i, name in enumerate(names)}
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    open_names: list[str] = []
    is_open: set[str] = set()
    groups: list[list[str]] = []
    for root in names:
        if root in number:
            continue
        work = [(root, iter(following[root]))]
        number[root] = low[root] = len(number)
        open_names.append(root)
        is_open.add(root)
        while work:
            name, rest = work[-1]
            step = next(rest, None)
            if step is not None and step not in number:
                number[step] = low[step] = len(number)
                open_names.append(step)
                is_open.add(step)
                work.append((step, iter(following[step])))
            elif step is not None:
                if step in is_open:
                    low[name] = min(low[name], number[step])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[name])
                if low[name] == number[name]:
                    start = _last_index(open_names, name)
                    group = open_names[start:]
                    del open_names[start:]
                    is_open.difference_update(group)
                    if len(group) > 1 or name in following[name]:
                        groups.append(sorted(group, key=rank.__getitem__))
    return sorted(groups, key=lambda group: rank[group[0]])


_STARTS = 32


def find_circle(members: Sequence[str], edges: Collection[Pair]) -> list[str]:
    """A short circle in one of the groups of `circles`: the shortest through any of its first members."""
    inside = set(members)
    following = _following(members, ((task, on) for task, on in edges if task in inside and on in inside))
    best: list[str] | None = None
    for start in members[:_STARTS]:
        found = _back_to(start, following)
        if best is None or len(found) < len(best):
            best = found
    return best or []


def _back_to(start: str, following: dict[str, list[str]]) -> list[str]:
    """The shortest way from `start` back to it, breadth first."""
    came_from: dict[str, str] = {}
    queue = deque([start])
    while queue:
        name = queue.popleft()
        for step in following[name]:
            if step == start:
                way = [name]
                while way[-1] != start:
                    way.append(came_from[way[-1]])
                return way[::-1]
            if step not in came_from:
                came_from[step] = name
                queue.append(step)
    return []


def _following(names: Iterable[str], edges: Iterable[Pair]) -> dict[str, list[str]]:
    following: dict[str, list[str]] = {name: [] for name in names}
    for task, on in edges:
        following[task].append(on)
    return following


def _last_index(names: list[str], name: str) -> int:
    """Components close from the end, so the search is as long as the component."""
    index = len(names) - 1
    while names[index] != name:
        index -= 1
    return index
