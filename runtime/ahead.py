"""What the tasks of a run are going to run in, so that it can be made before they begin."""

from __future__ import annotations

from collections.abc import Collection

from trc.runtime.executor import Needed
from trc.runtime.plan import Plan
from trc.runtime.spec import PipelineSpec


def needed(spec: PipelineSpec, plan: Plan) -> tuple[Needed, ...]:
    """Of the tasks that are sure to run, in the order in which they can: those that run in the same are together.

    What may turn out to be up to date is left out: nothing is built that nobody may need.
    """
    return of_tasks(spec, {planned.task for planned in plan.tasks if planned.action == "run"})


def of_tasks(spec: PipelineSpec, runs: Collection[str]) -> tuple[Needed, ...]:
    """What these tasks run in: those that run in the same are together."""
    found: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for task in spec.tasks:
        if task.name in runs:
            found.setdefault((task.environment, task.image, task.system_packages), []).append(task.name)
    return tuple(Needed(tuple(tasks), spec.project, *asked) for asked, tasks in found.items())
