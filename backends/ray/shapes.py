"""What an attempt takes of a node, and what nodes have."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from trc.runtime.taskside.order import TaskOrder
from trc.runtime.taskside.records import record

_GIB = 1 << 30
_OWN = frozenset({"CPU", "GPU", "memory", "object_store_memory"})
"""What nodes have without anybody having given it a name; others of Ray's own have a colon in theirs."""
_UNTOLD = frozenset({"ray.io/node-id"})
"""Labels that are another on each node."""


@record(frozen=True, slots=True)
class Shape:
    """Processors, bytes of memory, GPUs, and what nodes have names for. Without `memory`, none is reserved."""

    cpus: float = 1.0
    memory: int = 0
    gpus: int = 0
    resources: tuple[tuple[str, float], ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    """Of a node, those that somebody gave it; of what is asked for, those that a node has to have."""

    def fits(self, node: Shape) -> bool:
        """Whether a node that has nothing else to do can hold it."""
        if self.cpus > node.cpus or self.memory > node.memory or self.gpus > node.gpus:
            return False
        there = dict(node.resources)
        has_all = all(count <= there.get(name, 0.0) for name, count in self.resources)
        return has_all and set(self.labels) <= set(node.labels)

    def __str__(self) -> str:
        parts = [f"{self.cpus:,g} CPU{'s' * (self.cpus != 1)}"]
        if self.gpus:
            parts.append(f"{self.gpus} GPU{'s' * (self.gpus != 1)}")
        if self.memory:
            parts.append(f"{self.memory / _GIB:,.1f} GiB")
        parts += [f"{count:,g} {name}" for name, count in self.resources]
        parts += [f'{name} = "{value}"' for name, value in self.labels]
        return ", ".join(parts)


def shape_of(order: TaskOrder) -> Shape:
    """What an order asks for: one processor where its author says nothing; Ray counts those above one in whole."""
    cpus = 1.0 if order.cpus is None else order.cpus
    return Shape(
        float(math.ceil(cpus)) if cpus > 1 else cpus,
        order.memory or 0,
        order.gpus or 0,
        tuple((name, float(count)) for name, count in order.resources),
        order.node_labels,
    )


def nodes_of(told: Iterable[Mapping[str, Any]]) -> tuple[Shape, ...]:
    """The nodes that live, as `ray.nodes()` tells them, with all that they have."""
    return tuple(_node(one["Resources"], one.get("Labels") or {}) for one in told if one["Alive"])


def _node(has: Mapping[str, float], labels: Mapping[str, str]) -> Shape:
    named = {name: count for name, count in has.items() if name not in _OWN and ":" not in name}
    return Shape(
        float(has.get("CPU", 0.0)),
        int(has.get("memory", 0)),
        int(has.get("GPU", 0)),
        tuple(sorted(named.items())),
        tuple(sorted((name, value) for name, value in labels.items() if name not in _UNTOLD)),
    )
