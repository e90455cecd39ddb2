"""Inputs that are queries: each becomes a view, over views of what it reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from trc.runtime.taskside.errors import AttemptFailed
from trc.runtime.taskside.order import OrderInput
from trc.stdlib_tasks.duckdb_sql.run.inputs import create_inputs, create_view
from trc.stdlib_tasks.duckdb_sql.run.query import prepare

if TYPE_CHECKING:
    import duckdb


def create_views(connection: duckdb.DuckDBPyConnection, inputs: Sequence[OrderInput], project: str) -> None:
    """Makes a view of each input that the query knows by a name, those first that others are made of.

    A pipeline's names are its own: what two queries call by one name is one thing.
    """
    made: set[str] = set()
    for one in _inmost_first(inputs):
        name = one.name.casefold()
        if name in made and not one.spans:
            continue
        made.add(name)
        if one.query is None:
            create_inputs(connection, (one,))
        else:
            create_view(connection, one.name, _prepared(connection, one, one.query, project))


def _prepared(connection: duckdb.DuckDBPyConnection, one: OrderInput, query: str, project: str) -> str:
    try:
        return prepare(connection, query, one.inputs, project).text
    except AttemptFailed as error:
        # The place is one in this query, and not in that of the attempt.
        raise AttemptFailed(replace(error.failure, query_offset=None)) from error


def _inmost_first(inputs: Sequence[OrderInput]) -> Iterator[OrderInput]:
    for one in inputs:
        yield from _inmost_first(one.inputs)
        yield one
