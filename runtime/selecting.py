"""Takes a part of a pipeline: the tasks that are asked for, and all that these need."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.diagnostics.nearest import did_you_mean
from trc.runtime.errors import Stopped
from trc.runtime.spec import NeedSpec, PipelineSpec, TaskSpec

_AROUND = "+"
_MOST_TOLD = 8


@dataclass(frozen=True, slots=True)
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


def select(whole: PipelineSpec, patterns: Sequence[str]) -> Part:
    """The part of a pipeline that patterns name.

    They are `orders`, `stg_*`, `+report` (with all that it needs) and `raw+` (with all that needs it). All that a chosen task needs is part of it, to be run where it is not up to date. A name that there is is
    that task, whatever signs it has. Raises Stopped for a pattern that names no task.
    """
    tasks = {task.name: task for task in whole.tasks}
    up = {name: {need.task for need in task.needs} for name, task in tasks.items()}
    down: dict[str, set[str]] = {name: set() for name in tasks}
    for name, needed in up.items():
        for one in needed:
            down[one].add(name)
    chosen = frozenset(name for pattern in patterns for name in _chosen(whole, pattern, up, down))
    return _part(whole, chosen, frozenset(_reached(chosen, up)), frozenset())


def below(whole: PipelineSpec, name: str) -> frozenset[str]:
    """The task of that name and all that needs it; raises Stopped where there is no such task."""
    task = whole.task(name)
    if task is None:
        raise Stopped([_unknown(whole, f'"{whole.name}" has no task "{name}"', name)], 3)
    down: dict[str, set[str]] = {one.name: set() for one in whole.tasks}
    for one in whole.tasks:
        for need in one.needs:
            down[need.task].add(one.name)
    return frozenset(_reached({task.name}, down))


def _chosen(
    whole: PipelineSpec, pattern: str, up: Mapping[str, set[str]], down: Mapping[str, set[str]]
) -> Iterator[str]:
    named = whole.task(pattern)
    if named is not None:
        yield named.name
        return
    name = pattern.removeprefix(_AROUND).removesuffix(_AROUND)
    found = frozenset(_matching(whole, name))
    if not found:
        raise Stopped([_unknown(whole, f'--select "{pattern}" names no task of "{whole.name}"', name)], 3)
    yield from found
    if pattern.startswith(_AROUND):
        yield from _reached(found, up)
    if pattern.endswith(_AROUND):
        yield from _reached(found, down)


def _matching(whole: PipelineSpec, name: str) -> Iterable[str]:
    named = whole.task(name)
    if named is not None:
        return (named.name,)
    folded = name.casefold()
    return (task.name for task in whole.tasks if fnmatchcase(task.name.casefold(), folded))


def _unknown(whole: PipelineSpec, message: str, name: str) -> Diagnostic:
    known = [task.name for task in whole.tasks]
    listed = ", ".join(known[:_MOST_TOLD]) + (" …" if len(known) > _MOST_TOLD else "")
    remedy = did_you_mean(name, known) or (f"there are: {listed}",) if known else ()
    return Diagnostic("TRC625", message, help=remedy)


def _reached(start: AbstractSet[str], edges: Mapping[str, set[str]]) -> set[str]:
    """All that edges lead to, with what they start from."""
    found, waiting = set(start), list(start)
    while waiting:
        new = edges[waiting.pop()] - found
        found |= new
        waiting += new
    return found


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
