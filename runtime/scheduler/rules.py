"""Who waits for room under concurrency rules, or for a service, and whose turn it is to ask for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from typing import Final

from trc.runtime.scheduler.node import Node
from trc.runtime.spec import BreakerSpec, RuleSpec

PATIENCE: Final = 0.5
"""Seconds until a run asks again for room that others take."""

LONGEST: Final = 5.0
"""As well, for a service that is down for longer."""

Line = tuple[str, ...]
"""The groups of a task's rules, and its service: tasks with the same ones stand in one line."""


@dataclass(slots=True)
class Rooms:
    """The lines of one run. Only the first of a line asks; who is behind it could not have what it lacks."""

    waiting: dict[Line, list[tuple[int, Node]]] = field(default_factory=dict[Line, "list[tuple[int, Node]]"])
    """By line, a heap of the tasks that lack room, by rank."""
    held: Counter[str] = field(default_factory=Counter[str])
    """How many places of each group the run's attempts take, those included that are asked for."""
    asking: dict[str, Node] = field(default_factory=dict[str, Node])
    """By token, who has asked and not been answered."""
    lined_up: set[Line] = field(default_factory=set[Line])
    """Lines that keep others from the room that they wait for, across runs."""
    fresh: list[Node] = field(default_factory=list[Node])
    """Who has come into a line, and was not told yet what is lacking."""
    full: dict[Line, RuleSpec | BreakerSpec] = field(default_factory=dict[Line, "RuleSpec | BreakerSpec"])
    """Lines that were told that others take the room, or that the service is down, each with what it lacks."""
    down: set[Line] = field(default_factory=set[Line])
    """Lines whose tasks are told to wait for a service."""

    def enter(self, node: Node) -> None:
        """The task lacks room alone."""
        heappush(self.waiting.setdefault(line_of(node), []), (node.rank, node))
        if node.waits is None:
            self.fresh.append(node)

    def first(self) -> Node | None:
        """Who may ask: of all lines that have room in this run, the one of the best rank."""
        heads = [(heap[0][0], line) for line, heap in self.waiting.items() if line not in self.full]
        free = [(rank, line) for rank, line in heads if self._lacking(self.waiting[line][0][1]) is None]
        return self.waiting[min(free)[1]][0][1] if free else None

    def ask(self, node: Node, token: str) -> None:
        """The first of a line asks; its places count from now on."""
        heap = self.waiting[line_of(node)]
        heappop(heap)
        if not heap:
            del self.waiting[line_of(node)]
        self.asking[token] = node
        self.held.update(rule.group for rule in node.spec.rules)

    def withdraw(self, node: Node) -> None:
        """The task waits for room no more, if it did."""
        line = line_of(node)
        heap = [(rank, one) for rank, one in self.waiting.pop(line, ()) if one is not node]
        heapify(heap)
        if heap:
            self.waiting[line] = heap

    def give_back(self, node: Node) -> None:
        """The places of a task are free again, and those who wait for them ask at once."""
        self.held.subtract(rule.group for rule in node.spec.rules)
        groups = set(line_of(node))
        for line in [line for line in self.full if not groups.isdisjoint(line)]:
            del self.full[line]

    def told_full(self, node: Node, group: str) -> None:
        """The task stands in its line again, until there may be room in that group."""
        self.held.subtract(rule.group for rule in node.spec.rules)
        self.enter(node)
        self.full[line_of(node)] = next(one for one in node.spec.rules if one.group == group)

    def told_down(self, node: Node) -> None:
        """As well, until somebody may try its service again."""
        assert node.spec.breaker is not None
        line = line_of(node)
        self.held.subtract(rule.group for rule in node.spec.rules)
        self.enter(node)
        self.full[line] = node.spec.breaker
        if line not in self.down:
            self.down.add(line)
            self.fresh += [one for _, one in self.waiting[line]]

    def told_up(self, node: Node) -> list[Node]:
        """The service of a task that has asked is up: whom of its line that has kept waiting."""
        line = line_of(node)
        if line not in self.down:
            return []
        self.down.remove(line)
        kept = [one for _, one in self.waiting.get(line, ())]
        self.fresh += kept
        return [*kept, node] if node.state == "pending" else kept

    def lacking(self) -> Iterator[tuple[Node, RuleSpec | BreakerSpec]]:
        """Who has just come to wait, each with the rule that lacks room or the service that is down."""
        asking = set(self.asking.values())
        for node in self.fresh:
            rule = self.full.get(line_of(node)) or self._lacking(node)
            if rule is not None and node.state == "pending" and node not in asking:
                yield node, rule
        self.fresh.clear()

    def clear(self) -> None:
        """Nobody waits any more."""
        self.waiting.clear()
        self.full.clear()
        self.fresh.clear()

    def _lacking(self, node: Node) -> RuleSpec | None:
        return next((rule for rule in node.spec.rules if self.held[rule.group] >= rule.max), None)


def line_of(node: Node) -> Line:
    """The line that a task stands in."""
    rules = tuple(rule.group for rule in node.spec.rules)
    return rules if node.spec.breaker is None else (*rules, _SERVICE + node.spec.breaker.group)


def groups_of(line: Line) -> tuple[str, ...]:
    """What of a line the store knows as groups with room."""
    return tuple(one for one in line if not one.startswith(_SERVICE))


_SERVICE: Final = "!"
"""Before what stands for a service in a line."""


def claims_of(node: Node) -> Mapping[str, int]:
    """How many may take a place of each group, as the task's own rules have it."""
    return {rule.group: rule.max for rule in node.spec.rules}
