"""A pipeline as the passes see it: what is known of each task, and how its output is to be kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from trc.compiler.sql.facts import QueryFacts, ReadFacts

Pass = Literal["dead_tasks", "common_tasks", "constant_folding", "fusion", "column_pruning", "predicate_pushdown"]


@dataclass(frozen=True, slots=True)
class DraftRead:
    """What a query reads, by the query's name for it: the output of `task`, or files.

    Of one task or of none, reads that are `found` the same way have equal rows; empty where that is not known.
    """

    name: str
    task: str | None = None
    found: str = ""


@dataclass(frozen=True, slots=True)
class DraftTask:
    """A task: either `query` is known, or `unknown` says why not.

    `whole` says why its output has to be stored as the query makes it; empty where that is for the passes to choose.
    `sealed` says why nothing may be assumed of how it reads, as what follows "which"; `apart`, why passes keep away from
    it altogether; `fragile`, why reading may fail,
    depending on how much is looked at. `terms` are what it runs under, by name: a query runs
    within another one only where these are equal. `looked_up` are the tasks in whose outputs its expectations look.
    `waits` are the tasks that it waits for without reading what they make, each with what it requires of them.
    `is_run` says whether it is part of the run, `is_asked` whether for its own sake, and not for those that need it.
    """

    name: str
    query: QueryFacts | None = None
    unknown: str = ""
    reads: tuple[DraftRead, ...] = ()
    whole: str = ""
    sealed: str = ""
    apart: str = ""
    fragile: str = ""
    terms: Mapping[str, str] = field(default_factory=dict[str, str])
    looked_up: tuple[str, ...] = ()
    waits: frozenset[tuple[str, str]] = frozenset()
    is_run: bool = True
    is_asked: bool = True


@dataclass(frozen=True, slots=True)
class Shape:
    """How an intermediate is kept: as its query (`is_view`), or as these columns of those rows of it.

    None stands for all columns, and for all rows. Of a query that is not stored, the `tried` columns are computed once
    for all rows before anybody reads it: they may fail, and readers that look at less would not see it.
    """

    is_view: bool = False
    columns: tuple[str, ...] | None = None
    where: str | None = None
    tried: tuple[str, ...] = ()


WHOLE = Shape()


@dataclass(frozen=True, slots=True)
class Note:
    """What a pass did about a task's output, or which precondition kept it from that."""

    by: Pass
    task: str
    applied: bool
    text: str


@dataclass(frozen=True, slots=True)
class Reader:
    """A task that reads another one's output in its query; `facts` are how, where that is known."""

    task: DraftTask
    read: DraftRead
    facts: ReadFacts | None


@dataclass(slots=True)
class Draft:
    """What the passes work on: tasks in an order in which they can run, and what was chosen for their outputs so far."""

    tasks: tuple[DraftTask, ...]
    shapes: dict[str, Shape] = field(default_factory=dict[str, Shape])
    notes: list[Note] = field(default_factory=list[Note])
    readers: dict[str, tuple[Reader, ...]] = field(default_factory=dict[str, tuple[Reader, ...]])
    lookers: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """By task, those whose expectations look values up in its output."""
    dead: set[str] = field(default_factory=set[str])
    """The tasks that need not be run."""
    same_as: dict[str, str] = field(default_factory=dict[str, str])
    """By task, the one whose output is its output, too: it has its readers, and nothing is asked about the task itself."""

    @classmethod
    def of(cls, tasks: tuple[DraftTask, ...]) -> Draft:
        readers: dict[str, list[Reader]] = {task.name: [] for task in tasks}
        lookers: dict[str, list[str]] = {}
        for task in tasks:
            for name, reader in _reads(task):
                readers[name].append(reader)
            for name in task.looked_up:
                lookers.setdefault(name, []).append(task.name)
        return cls(
            tasks,
            readers={name: tuple(found) for name, found in readers.items()},
            lookers={name: tuple(found) for name, found in lookers.items()},
        )

    def shape(self, task: str) -> Shape:
        return self.shapes.get(task, WHOLE)

    def keep(self, task: str, shape: Shape, by: Pass, text: str) -> None:
        """A pass has chosen how a task's output is kept."""
        self.shapes[task] = shape
        self._applied(task, by, text)

    def leave_out(self, task: str, by: Pass, text: str) -> None:
        """A pass has found that a task need not be run."""
        self.dead.add(task)
        self._applied(task, by, text)

    def need_less(self, task: str, readers: tuple[Reader, ...], by: Pass, text: str) -> None:
        """A pass has found that readers need less of a task's output than was known."""
        self.readers[task] = readers
        self._applied(task, by, text)

    def merge(self, task: DraftTask, into: str, by: Pass, text: str) -> None:
        """A pass has found that the output of `into` can stand for that of `task`, which reads nothing any more."""
        for read in task.reads:
            if read.task is not None:
                name = self.same_as.get(read.task, read.task)
                self.readers[name] = tuple(one for one in self.readers[name] if one.task.name != task.name)
        self.readers[into] += self.readers[task.name]
        self.readers[task.name] = ()
        looking = self.lookers.pop(task.name, ())
        if looking:
            self.lookers[into] = (*self.lookers.get(into, ()), *looking)
        self.same_as[task.name] = into
        self._applied(task.name, by, text)

    def decline(self, task: str, by: Pass, why: str) -> None:
        """A pass has left a task alone."""
        self.notes.append(Note(by, task, applied=False, text=why))

    def _applied(self, task: str, by: Pass, text: str) -> None:
        self.notes.append(Note(by, task, applied=True, text=text))


def _reads(task: DraftTask) -> Iterator[tuple[str, Reader]]:
    for read in task.reads:
        if read.task is not None:
            facts = None if task.query is None else task.query.read(read.name)
            yield read.task, Reader(task, read, facts)
