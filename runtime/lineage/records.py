"""Reads from the state store what was committed, and what was before it was committed anew."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol

from trc.runtime.spec import KeyPart
from trc.runtime.store.results import Result, StoredOutput
from trc.runtime.store.rows import Row
from trc.runtime.taskside.records import record


class Records(Protocol):
    """A store that tells of all that was ever committed."""

    def committed(self) -> Sequence[Result]:
        """The results that are kept, in the order of their commits."""
        ...

    def replaced(self) -> Sequence[Row]:
        """Of commits whose results are not kept any more: pipeline, task, run, attempt, time, and the attempt's result as text."""
        ...


@record(frozen=True, slots=True)
class Commit:
    """What an attempt committed `at` a time: its outputs, under a key that was made of `parts`.

    Of one whose key was committed anew since, the store keeps only what the attempt wrote: `parts` are None, and no output
    has a path, where that commit cannot tell them.
    """

    pipeline: str
    task: str
    run: str
    attempt: int
    at: float
    outputs: tuple[StoredOutput, ...]
    key: str | None = None
    parts: Sequence[KeyPart] | None = None

    def output(self, name: str) -> StoredOutput | None:
        return next((one for one in self.outputs if one.name == name), None)


def commits(records: Records) -> tuple[Commit, ...]:
    """All commits that are recorded, oldest first. Raises `Stopped`."""
    kept = [
        Commit(one.pipeline, one.task, one.run, one.attempt, one.committed_at, one.outputs, one.key, one.parts)
        for one in records.committed()
    ]
    replaced = list(_replaced(records))
    by_task: dict[tuple[str, str], list[Commit]] = {}
    for one in kept:
        by_task.setdefault((one.pipeline, one.task), []).append(one)
    found = [*kept, *(_completed(one, by_task.get((one.pipeline, one.task), ())) for one in replaced)]
    return tuple(sorted(found, key=lambda one: one.at))


def _completed(commit: Commit, of_task: Iterable[Commit]) -> Commit:
    """With the key and the paths of the commit that replaced it, where there is but one that can have.

    No commit is ever removed: what replaced this one is later, of the same task, and has the same key.
    """
    later = [one for one in of_task if one.at >= commit.at]
    if len(later) != 1:
        return commit
    (same,) = later
    paths = {one.name: one.path for one in same.outputs}
    outputs = tuple(replace(one, path=paths.get(one.name, "")) for one in commit.outputs)
    return replace(commit, key=same.key, parts=same.parts, outputs=outputs)


def _replaced(records: Records) -> Iterator[Commit]:
    for pipeline, task, run, attempt, ended_at, result in records.replaced():
        written = json.loads(result)["outputs"] if result is not None else ()
        # An attempt that only held what is stored to its expectations wrote nothing.
        if written:
            outputs = tuple(StoredOutput(one["name"], "", one["digest"], one["size"], one["rows"]) for one in written)
            yield Commit(pipeline, task, run, attempt, ended_at, outputs)
