"""Datasets and columns as a user names them: ignoring case, quoted or not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.diagnostics.nearest import did_you_mean
from trc.compiler.lineage.steps import Derived, Steps, columns_of

_MOST_LISTED = 12


@dataclass(frozen=True, slots=True)
class ColumnName:
    """A dataset of the pipeline, and the name of a column of it as it was asked for."""

    dataset: str
    column: str


def find_dataset(steps: Steps, name: str) -> str | Diagnostic:
    """The dataset of that name: `task.output` also where it is the only output."""
    meant = _dataset(steps, name)
    if meant is not None:
        return meant
    several = [one for one in steps if one.casefold().startswith(f"{_plain(name).casefold()}.")]
    if several:
        help_lines: tuple[str, ...] = (f"it writes several: {_listed(several)}",)
    else:
        help_lines = did_you_mean(name, steps) or (f"the datasets are: {_listed(steps)}",)
    return Diagnostic("TRC420", f'no dataset is called "{name}"', None, help=help_lines)


def find_column(steps: Steps, name: str) -> ColumnName | Diagnostic:
    """What `dataset.column` means. A column of a dataset whose columns are not known is taken at its word."""
    split = _split(steps, name)
    if isinstance(split, Diagnostic):
        return split
    columns = columns_of(steps[split.dataset])
    if columns is None or any(one.casefold() == split.column.casefold() for one in columns):
        return split
    message = f'"{split.dataset}" has no column "{split.column}"'
    remedy = did_you_mean(split.column, columns) or (f"its columns are: {_listed(columns)}",)
    return Diagnostic("TRC421", message, None, help=remedy)


def _split(steps: Steps, name: str) -> ColumnName | Diagnostic:
    """The longest beginning that names a dataset wins: `task.output.column`, `task.column`."""
    dots = [index for index, char in enumerate(name) if char == "."]
    for dot in reversed(dots):
        dataset = _dataset(steps, name[:dot])
        if dataset is not None and name[dot + 1 :].strip():
            return ColumnName(dataset, _plain(name[dot + 1 :]))
    whole = _dataset(steps, name.rstrip("."))
    if whole is not None:
        columns = columns_of(steps[whole]) or ("COLUMN",)
        message = f'"{name}" names a dataset, and no column of it'
        return Diagnostic("TRC421", message, None, help=(f'write "{whole}.{columns[0]}", for example',))
    found = find_dataset(steps, name.partition(".")[0] or name)
    return found if isinstance(found, Diagnostic) else ColumnName(found, name)


def _dataset(steps: Steps, name: str) -> str | None:
    wanted = _plain(name).casefold()
    for one, step in steps.items():
        if wanted in (one.casefold(), one.strip("'").casefold()):
            return one
        if isinstance(step, Derived) and one == step.task and wanted == f"{one}.output".casefold():
            return one
    return None


def _plain(name: str) -> str:
    """A name without the quotes that SQL would put around its parts."""
    name = name.strip()
    if len(name) > 1 and name[0] == name[-1] == '"' and '"' not in name[1:-1].replace('""', ""):
        return name[1:-1].replace('""', '"')
    return name


def _listed(names: Iterable[str]) -> str:
    every = list(names)
    more = f" and {len(every) - _MOST_LISTED} more" if len(every) > _MOST_LISTED else ""
    return ", ".join(every[:_MOST_LISTED]) + more
