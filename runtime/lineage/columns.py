"""What is known of a pipeline's datasets before it runs, as far as events of lineage tell it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from trc.runtime.taskside.records import record

Dataset = str | tuple[str, str]
"""The location of what no task writes, absolute, or the task and the output that it is."""

Columns = tuple[tuple[str, str], ...]
"""Names and types, in their order."""


@record(frozen=True, slots=True)
class Cause:
    """A column that something depends on, and how: the words are those of `trc lineage column`."""

    dataset: Dataset
    column: str
    how: tuple[str, ...]


@record(frozen=True, slots=True)
class MadeOf:
    """By column of an output, what its values depend on; `rows` is what decides which rows there are."""

    columns: Mapping[str, tuple[Cause, ...]]
    rows: tuple[Cause, ...] = ()


@record(frozen=True, slots=True)
class Known:
    """The columns of datasets, and what those of outputs are made of; what is in neither is not known."""

    columns: Mapping[Dataset, Columns] = field(default_factory=dict[Dataset, Columns])
    made_of: Mapping[tuple[str, str], MadeOf] = field(default_factory=dict[tuple[str, str], MadeOf])


NOTHING_KNOWN = Known()
