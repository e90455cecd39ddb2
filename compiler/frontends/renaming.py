"""Lets a task know datasets by names of its own: `reads: {orders: raw_orders}`."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from collections.abc import Mapping as MappingOf

from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.diagnostics.nearest import did_you_mean
from trc.compiler.frontends.reading import Subject
from trc.compiler.frontends.syntax import Mapping
from trc.compiler.ir.dataset import DatasetRead, Read


def renamed(reads: Iterable[Read], names: MappingOf[str, str]) -> tuple[Read, ...]:
    """The reads with what their names mean by `names`: a name stands for its dataset, and for outputs of a task."""
    meant = {name.casefold(): dataset for name, dataset in names.items()}
    return tuple(_renamed(read, meant) if isinstance(read, DatasetRead) else read for read in reads)


def _renamed(read: DatasetRead, meant: MappingOf[str, str]) -> DatasetRead:
    first, dot, output = read.dataset.partition(".")
    dataset = meant.get(read.dataset.casefold())
    if dataset is None and first.casefold() in meant:
        dataset = meant[first.casefold()] + dot + output
    return read if dataset is None else read.model_copy(update={"dataset": dataset})


def warn_of_unused(reads: Collection[Read], written: Mapping, here: Subject) -> None:
    """Warns of names that the task does not read: it would read another dataset than was meant.

    A task that reads nothing may be a query with a mistake, which is told elsewhere.
    """
    if not written.whole or not reads:
        return
    used = {
        one for read in reads if isinstance(read, DatasetRead) for one in (read.dataset, read.dataset.partition(".")[0])
    }
    folded = {name.casefold() for name in used}
    for entry in written.entries:
        name = entry.key.value
        if name.casefold() not in folded:
            here.collect.add(
                Diagnostic(
                    "TRC306",
                    f'{here.called} does not read "{name}"',
                    entry.key.span,
                    help=did_you_mean(name, sorted(used)) or ("remove it, or read it",),
                    severity="warning",
                    task=here.task,
                )
            )
