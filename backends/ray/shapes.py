"""What an attempt takes of a node, and what nodes have."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from trc.runtime.taskside.order import TaskOrder
from trc.runtime.taskside.records import record

_GIB = 1 << 30


@record(frozen=True, slots=True)
class Shape:
    """Processors, bytes of memory and GPUs. Without `memory`, none is reserved."""

    cpus: float = 1.0
    memory: int = 0
    gpus: int = 0

    def fits(self, node: Shape) -> bool:
        """Whether a node that has nothing else to do can hold it."""
        return self.cpus <= node.cpus and self.memory <= node.memory and self.gpus <= node.gpus

    def __str__(self) -> str:
        parts = [f"{self.cpus:,g} CPU{'s' * (self.cpus != 1)}"]
        if self.gpus:
            parts.append(f"{self.gpus} GPU{'s' * (self.gpus != 1)}")
        if self.memory:
            parts.append(f"{self.memory / _GIB:,.1f} GiB")
        return ", ".join(parts)


def shape_of(order: TaskOrder) -> Shape:
    """What an order asks for: one processor where its author says nothing; Ray counts those above one in whole."""
    cpus = 1.0 if order.cpus is None else order.cpus
    return Shape(float(math.ceil(cpus)) if cpus > 1 else cpus, order.memory or 0, order.gpus or 0)


def nodes_of(told: Iterable[Mapping[str, Any]]) -> tuple[Shape, ...]:
    """The nodes that live, as `ray.nodes()` tells them, with all that they have."""
    found = [one["Resources"] for one in told if one["Alive"]]
    return tuple(Shape(float(one.get("CPU", 0.0)), int(one.get("memory", 0)), int(one.get("GPU", 0))) for one in found)
