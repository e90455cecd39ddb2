"""Takes a part of a pipeline: the tasks that are asked for, and all that these need."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace

from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.diagnostics.nearest import did_you_mean
from trc.runtime.errors import Stopped
from trc.runtime.selectors import Selector, States, edges_of, no_states, reached
from trc.runtime.spec import NeedSpec, PipelineSpec, TaskSpec
from trc.runtime.taskside.records import record

_MOST_TOLD = 8


@record(frozen=True, slots=True)
class Part:
    """`spec` is what is run of the pipeline `whole`: the `chosen` tasks, and those that they need, but for `dead` ones."""

    spec: PipelineSpec
    whole: PipelineSpec
    chosen: frozenset[str]
    dead: frozenset[str] = frozenset()

    @property
    def needed(self) -> frozenset[str]:
        """The chosen tasks, and all that they need."""
        return self.dead.union(task.name for task in self.spec.tasks)

    @property
    def left_out(self) -> tuple[str, ...]:
        """The tasks that are not run, in the pipeline's order."""
        run = {task.name for task in self.spec.tasks}
        return tuple(task.name for task in self.whole.tasks if task.name not in run)

    def without(self, dead: frozenset[str]) -> Part:
        """The part without tasks that need not be run; whoever waited for one waits for what it waited for."""
        return _part(self.whole, self.chosen, self.needed, dead)


def select(
    whole: PipelineSpec, patterns: Sequence[str], excluded: Sequence[str] = (), states: States = no_states
) -> Part:
    """The part of a pipeline that selections name, without those that are `excluded`; all but these where none is given.

    All that a chosen task needs is part of it, to be run where it is not up to date. Raises Stopped for a selection that names no task, and
    where what is chosen needs what is excluded. `Selector` has the language.
    """
    selector = Selector(whole, states)
    chosen = frozenset(name for pattern in patterns for name in selector.tasks(pattern))
    if not patterns:
        chosen = frozenset(task.name for task in whole.tasks)
    selector.option = "--exclude"
    without = frozenset(name for pattern in excluded for name in selector.tasks(pattern))
    chosen -= without
    up = edges_of(whole).up
    needed = frozenset(reached(chosen, up))
    if needed & without:
        raise _needs_what_is_excluded(whole, chosen, needed & without, up)
    return _part(whole, chosen, needed, frozenset())


def _needs_what_is_excluded(
    whole: PipelineSpec, chosen: frozenset[str], excluded: frozenset[str], up: Mapping[str, set[str]]
) -> Stopped:
    reader, needed = next(
        (name, one)
        for name in (task.name for task in whole.tasks)
        if name in chosen
        for one in sorted(excluded & reached({name}, up))
    )
    remedy = f'exclude what needs it, too: --exclude "{needed}+"'
    return Stopped([Diagnostic("TRC625", f'"{reader}" needs "{needed}", which is excluded', help=(remedy,))], 3)


def below(whole: PipelineSpec, name: str) -> frozenset[str]:
    """The task of that name and all that needs it; raises Stopped where there is no such task."""
    task = whole.task(name)
    if task is None:
        known = [one.name for one in whole.tasks]
        remedy = did_you_mean(name, known) or (f"it has: {', '.join(known[:_MOST_TOLD])}",)
        raise Stopped([Diagnostic("TRC625", f'"{whole.name}" has no task "{name}"', help=remedy)], 3)
    return frozenset(reached({task.name}, edges_of(whole).down))


def _part(whole: PipelineSpec, chosen: frozenset[str], needed: frozenset[str], dead: frozenset[str]) -> Part:
    tasks, run = {task.name: task for task in whole.tasks}, needed - dead
    kept = tuple(replace(task, needs=_needs(task, tasks, run)) for task in whole.tasks if task.name in run)
    # A run of one part is not taken up as one of another, or of the whole.
    told = repr((whole.digest, sorted(chosen), [task.name for task in kept]))
    digest = hashlib.sha256(told.encode("utf-8", "replace")).hexdigest()
    return Part(replace(whole, tasks=kept, digest=digest), whole, chosen, dead)


def _needs(task: TaskSpec, tasks: Mapping[str, TaskSpec], run: AbstractSet[str]) -> tuple[NeedSpec, ...]:
    """What a task waits for. Where that is not run, what it would have waited for itself stands in its place."""
    needs = {need.task: need for need in task.needs if need.task in run}
    waiting = [need for need in task.needs if need.task not in run]
    seen = set(waiting)
    while waiting:
        between = waiting.pop()
        for need in tasks[between.task].needs:
            # Only a chain of needed successes needs the success of its first task.
            both = need if between.requires == "success" else replace(need, requires=between.requires)
            if need.task not in run:
                waiting += [both] if both not in seen else []
                seen.add(both)
            elif need.task not in needs or both.requires == "success":
                before = needs.get(need.task)
                needs[need.task] = replace(both, data=before is not None and before.data)
    return tuple(needs.values())
