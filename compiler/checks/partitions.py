"""Tasks that are to run by partition: which of the sources that they read is divided, and whether there can be one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from trc.compiler.checks.graph import Graph, Resolved
from trc.compiler.checks.spots import text_span
from trc.compiler.diagnostics.collector import Collector
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.diagnostics.nearest import did_you_mean
from trc.compiler.ir.dataset import Column
from trc.compiler.ir.pipeline import Pipeline
from trc.compiler.ir.places import Places
from trc.compiler.ir.task import Task
from trc.compiler.ir.types import Known, Schema
from trc.compiler.ir.uris import is_glob

KINDS: Final = frozenset({"DATE", "TIMESTAMP", "BIGINT", "VARCHAR"})
"""What DuckDB reads the names of folders as; of each, values that are equal are the same."""


@dataclass(frozen=True, slots=True)
class Divided:
    """The read whose files are taken partition by partition, and all columns that it has; its own `column` among them."""

    read: str
    column: str
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Undivided:
    """Why a task reads nothing that could be taken partition by partition."""

    why: str
    columns: tuple[str, ...] = ()
    """The columns that there are instead."""
    is_surely_wrong: bool = False


def divided(
    task: Task, column: str, inputs: Iterable[Resolved], schemas: Mapping[tuple[str, str], Schema]
) -> Divided | Undivided:
    """The source that a task reads by partitions of a column: many Parquet files behind a pattern, read by name."""
    if task.query is None:
        return Undivided(f"a {task.type} task is not one query", is_surely_wrong=True)
    found: list[tuple[Divided, str]] = []
    others: list[str] = []
    unknown = ""
    for one in inputs:
        source = one.source
        if source is None or source.format != "parquet" or not is_glob(source.uri) or one.feeders:
            continue
        schema = schemas.get(("", source.name))
        if not isinstance(schema, Known):
            unknown = unknown or f'the columns of "{source.name}" are not known'
            continue
        own = next((held.name for held in schema.columns if held.name.casefold() == column.casefold()), None)
        if own is None:
            others += (held.name for held in schema.columns)
        else:
            found.append((Divided(one.read.name, own, schema.columns), source.uri))
    named = [one for one, uri in found if f"/{column}=".casefold() in f"/{uri}".casefold()]
    chosen = [one for one, _ in found] if len(found) == 1 else named
    if len(chosen) == 1:
        return _if_exact(chosen[0])
    if found:
        return Undivided(f'several sources have a column "{column}": {", ".join(one.read for one, _ in found)}')
    if unknown:
        return Undivided(unknown)
    return Undivided(
        f'it reads no source of Parquet files by a pattern with a column "{column}"',
        tuple(others),
        is_surely_wrong=True,
    )


def _if_exact(found: Divided) -> Divided | Undivided:
    kind = next(one.type for one in found.columns if one.name == found.column)
    return found if kind in KINDS else Undivided(f'"{found.column}" is {kind}, which no name of a folder is read as')


def check_partitions(
    pipeline: Pipeline, graph: Graph, schemas: Mapping[tuple[str, str], Schema], places: Places, collect: Collector
) -> None:
    """Report tasks that are to run by partition and surely read nothing that has such."""
    for task in pipeline.tasks:
        by = task.incremental.by if task.incremental else None
        if by is None or collect.errors_in_task(task.name):
            continue
        found = divided(task, by.partition, graph.inputs.get(task.name, ()), schemas)
        if isinstance(found, Divided) or not found.is_surely_wrong:
            continue
        span = text_span(places, ("tasks", task.name, "incremental", "by", "partition"), by.partition)
        message = f'"{task.name}" cannot run by partition: {found.why}'
        collect.add(
            Diagnostic("TRC425", message, span, help=_remedy(task, by.partition, found.columns), task=task.name)
        )


def _remedy(task: Task, column: str, columns: tuple[str, ...]) -> tuple[str, ...]:
    if task.query is None:
        return ('leave out "by": only SQL tasks run by partition',)
    if near := did_you_mean(column, columns):
        return near
    if 0 < len(columns) <= _MOST_LISTED:
        return (f"the columns are: {', '.join(columns)}",)
    return ('declare a source such as parquet("orders/day=*/*.parquet"), and read it by its name',)


_MOST_LISTED: Final = 20
