"""The columns of datasets, and what they are made of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from trc.api.compiling import looked_at
from trc.checking import moment_of
from trc.compiler.choices import NO_CHOICES, Choices
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.lineage.column import ColumnLineage, column_lineage
from trc.compiler.lineage.names import find_column, find_dataset
from trc.compiler.lineage.pictures import draw_column, draw_datasets, upstream_of
from trc.compiler.lineage.steps import Steps, steps_of
from trc.compiler.picture.drawing import Drawing
from trc.contexts import context_of
from trc.runtime.errors import Stopped
from trc.settings import settings_for, with_environment


@dataclass(frozen=True, slots=True)
class DatasetReport:
    """The datasets that were asked for, among all of a pipeline, each after those that it is made of."""

    pipeline: str
    steps: Steps
    datasets: tuple[str, ...]

    def drawing(self) -> Drawing:
        """The datasets, and which of them are made of which."""
        return draw_datasets(self.steps, self.pipeline, self.datasets)


@dataclass(frozen=True, slots=True)
class ColumnReport:
    """What a column is made of, back to the sources."""

    steps: Steps
    lineage: ColumnLineage

    def drawing(self) -> Drawing:
        """The column and all that it depends on."""
        return draw_column(self.lineage, self.steps)


def schema(
    path: Path, dataset: str | None = None, choices: Choices = NO_CHOICES, *, online: bool = False
) -> DatasetReport:
    """The columns of a dataset, or of all, as far as they are known before a run; with `online`, stores and servers are asked."""
    pipeline, steps = _steps(path, choices, online=online)
    return DatasetReport(pipeline, steps, tuple(steps) if dataset is None else (_found(find_dataset(steps, dataset)),))


def dataset_lineage(path: Path, dataset: str | None = None, choices: Choices = NO_CHOICES) -> DatasetReport:
    """A dataset and all that it is made of, or all datasets."""
    pipeline, steps = _steps(path, choices)
    if dataset is None:
        return DatasetReport(pipeline, steps, tuple(steps))
    return DatasetReport(pipeline, steps, upstream_of(steps, _found(find_dataset(steps, dataset))))


def column_of(path: Path, name: str, choices: Choices = NO_CHOICES) -> ColumnReport:
    """The lineage of the column that `name`, such as `report.revenue`, means."""
    _, steps = _steps(path, choices)
    found = _found(find_column(steps, name))
    return ColumnReport(steps, column_lineage(steps, found.dataset, found.column))


def _steps(path: Path, choices: Choices, *, online: bool = False) -> tuple[str, Steps]:
    settings, choices = settings_for(path), with_environment(choices)
    context = context_of(settings, choices, moment_of(choices.at), online=online)
    compiled = looked_at(path, context, choices)
    assert compiled.pipeline is not None
    return compiled.pipeline.name, steps_of(compiled, context.sources)


_Answer = TypeVar("_Answer")


def _found(answer: _Answer | Diagnostic) -> _Answer:
    if isinstance(answer, Diagnostic):
        raise Stopped([answer], 3)
    return answer
