"""Columns that a pipeline computes for nobody: no result depends on them, through whatever tasks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from trc.compiler.ir.pipeline import Pipeline
from trc.compiler.ir.task import Expectation, Task
from trc.compiler.ir.types import Known, Unknown
from trc.compiler.lineage.steps import Derived, Steps
from trc.compiler.sql.flow import merged


@dataclass(frozen=True, slots=True)
class DeadColumns:
    """Columns of what a task writes that nothing depends on, in their order; `of` is how many columns there are."""

    task: str
    dataset: str
    columns: tuple[str, ...]
    of: int


def dead_columns(pipeline: Pipeline, steps: Steps) -> Iterator[DeadColumns]:
    """The columns of intermediates that no result and no expectation depends on.

    Where it is not known how a dataset is read, all of its columns count as read. A task that writes a location, or that no
    task reads, is a result.
    """
    alive = _Alive(pipeline, steps)
    found: list[DeadColumns] = []
    for step in reversed(list(steps.values())):
        if not isinstance(step, Derived):
            continue
        names = [column.name for column in step.schema.columns] if isinstance(step.schema, Known) else []
        dead = tuple(name for name in names if not alive.is_read(step.dataset, name))
        alive.reads_of(step, [name for name in names if name not in dead])
        if dead and alive.tasks[step.task].query is not None:
            found.append(DeadColumns(step.task, step.dataset, dead, len(names)))
    return reversed(found)


class _Alive:
    """What is read of each dataset, all names folded: grows from the results back to what they are made of."""

    def __init__(self, pipeline: Pipeline, steps: Steps) -> None:
        self.tasks: Mapping[str, Task] = {task.name: task for task in pipeline.tasks}
        self._whole: set[str] = set()
        self._columns: set[tuple[str, str]] = set()
        derived = [step for step in steps.values() if isinstance(step, Derived)]
        read = {name for step in derived for name in step.reads}
        for step in derived:
            task = self.tasks[step.task]
            if step.dataset not in read or any(output.uri is not None for output in task.outputs):
                self._whole.add(step.dataset.casefold())
            for expectation in task.expect:
                self._expected(step.dataset, expectation)
        for test in pipeline.tests:
            self._whole.update(_folded(name) for name in test.expect)

    def is_read(self, dataset: str, column: str) -> bool:
        folded = dataset.casefold()
        return folded in self._whole or (folded, column.casefold()) in self._columns

    def reads_of(self, step: Derived, columns: list[str]) -> None:
        """Takes in what these columns of a dataset depend on, and its rows."""
        if isinstance(step.lineage, Unknown):
            self._whole.update(name.casefold() for name in step.reads)
            return
        flows = [flow for name, flow in step.lineage.columns if name in columns]
        for key in merged((step.lineage.rows, *flows)):
            if key.column is not None:
                self._read(key.dataset, key.column)

    def _read(self, dataset: str, column: str) -> None:
        self._columns.add((_folded(dataset), column.casefold()))

    def _expected(self, dataset: str, expectation: Expectation) -> None:
        given = expectation.arguments
        if expectation.check == "check":
            self._whole.add(dataset.casefold())
        names = given.get("columns") or given.get("column") or []
        for name in names if isinstance(names, list) else [names]:
            self._read(dataset, str(name))
        if expectation.check == "relationships":
            self._read(str(given["to"]), str(given.get("field") or given["column"]))


def _folded(dataset: str) -> str:
    return dataset.casefold().removesuffix(".output")
