"""Compares the pipelines of two states of a project: which of them are the same pipeline, and what differs."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from trc.compiler.compare.change import PipelineChange
from trc.compiler.compare.pipelines import pipeline_changes
from trc.compiler.compare.written import Written

_SAMENESS: tuple[Callable[[Written], Hashable], ...] = (
    # A pipeline keeps its history under its name; of two that share one, the file tells.
    lambda one: (one.file, one.project, one.pipeline.name.casefold()),
    lambda one: (one.project, one.pipeline.name.casefold()),
    # One that has another name now, or that is in another project, stands where it stood.
    lambda one: one.file,
    # One that has been moved and renamed is evident only where nothing else was changed.
    lambda one: (one.project, one.pipeline.model_copy(update={"name": ""}).dump()),
)


@dataclass(frozen=True, slots=True)
class Pairing:
    """Which pipelines are the same on both sides, and which are on one side only."""

    pairs: tuple[tuple[Written, Written], ...]
    gone: tuple[Written, ...]
    come: tuple[Written, ...]

    def __len__(self) -> int:
        return len(self.pairs) + len(self.gone) + len(self.come)


def paired(old: Sequence[Written], new: Sequence[Written]) -> Pairing:
    """The pipelines of both sides, each with what it has become."""
    pairs: list[tuple[Written, Written]] = []
    gone, come = list(old), list(new)
    for sameness in _SAMENESS:
        for one in list(gone):
            key = sameness(one)
            match = next((other for other in come if sameness(other) == key), None)
            if match is not None:
                pairs.append((one, match))
                gone.remove(one)
                come.remove(match)
    return Pairing(tuple(pairs), tuple(gone), tuple(come))


def project_changes(pairing: Pairing) -> tuple[PipelineChange, ...]:
    """The pipelines that differ, by file; nothing for one that only has another file or language."""
    found = [
        *(PipelineChange("removed", one.pipeline.name, one.file, None, tasks=_tasks(one)) for one in pairing.gone),
        *(PipelineChange("added", one.pipeline.name, None, one.file, tasks=_tasks(one)) for one in pairing.come),
        *(change for before, after in pairing.pairs if (change := _changed(before, after)) is not None),
    ]
    return tuple(sorted(found, key=lambda one: (one.new_file or one.old_file or "", one.name)))


def _changed(old: Written, new: Written) -> PipelineChange | None:
    is_renamed = old.pipeline.name != new.pipeline.name
    changes = pipeline_changes(old, new)
    if not is_renamed and not changes:
        return None
    return PipelineChange(
        "renamed" if is_renamed else "changed",
        new.pipeline.name,
        old.file,
        new.file,
        changes,
        old.pipeline.name if is_renamed else None,
    )


def _tasks(one: Written) -> tuple[str, ...]:
    return tuple(task.name for task in one.pipeline.tasks)
