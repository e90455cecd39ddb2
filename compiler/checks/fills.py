"""Checks of the folders and prefixes that tasks fill: what lies below one is its task's alone, for it may be replaced and removed."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence

from trc.compiler.checks.datasets import Datasets, Filled
from trc.compiler.checks.spots import output_span, task_span
from trc.compiler.diagnostics.collector import Collector
from trc.compiler.diagnostics.diagnostic import Diagnostic, Label
from trc.compiler.ir.places import Places

_STATE_FOLDER = ".trc"
_APART = ("give each a place of its own: what a task fills, it may replace and remove",)


def check_fills(datasets: Datasets, places: Places, collect: Collector) -> None:
    """Report places that hold the project or trc's own state, that lie in one another, or that others write to."""
    fine: list[Filled] = []
    for filled in datasets.filled:
        refused = _of_the_project(filled, datasets.project, places)
        if refused is not None:
            collect.add(refused)
            continue
        collect.extend(_filled_twice(filled, fine, places))
        collect.extend(_written_below(filled, datasets, places))
        fine.append(filled)


def _of_the_project(filled: Filled, project: str, places: Places) -> Diagnostic | None:
    if f"{project}/".startswith(filled.place):
        what, remedy = "holds the project itself", "choose a folder in it"
    elif filled.place.startswith(posixpath.join(project, _STATE_FOLDER) + "/"):
        what, remedy = f'lies in "{_STATE_FOLDER}/"', "choose another folder: that one is trc's own"
    else:
        return None
    message = f'the place "{filled.written}", which "{filled.task.name}" fills, {what}'
    return Diagnostic("TRC307", message, task_span(places, filled.task.name), help=(remedy,), task=filled.task.name)


def _filled_twice(filled: Filled, earlier: Sequence[Filled], places: Places) -> Iterator[Diagnostic]:
    for other in earlier:
        if filled.place.startswith(other.place) or other.place.startswith(filled.place):
            span = task_span(places, other.task.name)
            yield Diagnostic(
                "TRC303",
                f'"{other.task.name}" fills "{other.written}", and "{filled.task.name}" fills "{filled.written}"',
                task_span(places, filled.task.name),
                related=(Label(span, f'"{other.task.name}" is here'),) if span else (),
                help=_APART,
                task=filled.task.name,
            )


def _written_below(filled: Filled, datasets: Datasets, places: Places) -> Iterator[Diagnostic]:
    for located in datasets.located:
        if located.uri.startswith(filled.place):
            span = task_span(places, filled.task.name)
            yield Diagnostic(
                "TRC303",
                f'"{located.task.name}" writes "{located.output.uri}" below "{filled.written}", which "{filled.task.name}" fills',
                output_span(places, located.task, located.output),
                related=(Label(span, f'"{filled.task.name}" is here'),) if span else (),
                help=_APART,
                task=located.task.name,
            )
