"""Equal tasks: one computes, and what it has stored is the output of the others, too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from trc.runtime.keeping import AS_WRITTEN, Keeping, lacks, tag
from trc.runtime.listing import Dataset, Missing
from trc.runtime.orders import Places
from trc.runtime.planner import Planner
from trc.runtime.spec import NeedSpec, TaskSpec
from trc.runtime.store.results import StoredOutput


def in_order(tasks: Sequence[TaskSpec], keepings: Mapping[str, Keeping]) -> tuple[TaskSpec, ...]:
    """The tasks, where those that take another one's output wait for it."""
    return tuple(_after(task, keepings.get(task.name, AS_WRITTEN).same_as) for task in tasks)


def _after(task: TaskSpec, first: str) -> TaskSpec:
    if not first or any(need.task == first and need.data for need in task.needs):
        return task
    others = tuple(need for need in task.needs if need.task != first)
    return replace(task, needs=(*others, NeedSpec(first, data=True)))


def shared(
    task: TaskSpec, planner: Planner, places: Places, settled: Mapping[Dataset, StoredOutput]
) -> StoredOutput | None:
    """What an equal task has stored, if that is what this one would make now; None where it has to compute that itself.

    Asked after the inputs of the task itself were listed: what moves since then is seen when they are looked at again.
    """
    keeping = planner.keeping(task.name)
    first = planner.spec.task(keeping.same_as) if keeping.same_as else None
    if first is None:
        return None
    (output,) = first.outputs
    stored = settled.get((first.name, output.name))
    if stored is None or stored.is_view or lacks(stored, keeping):
        return None
    listed = planner.inputs(first, settled)
    if isinstance(listed, Missing):
        return None
    # Its place tells the key that it was made under: its inputs are still those that it was made of.
    place = places.final(planner.spec.name, first.name, listed.key, output, tag(stored.columns, stored.where))
    if stored.path != place:
        return None
    return replace(stored, name=task.outputs[0].name, home=first.name, also=())
