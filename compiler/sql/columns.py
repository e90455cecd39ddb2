"""Which columns of what it reads each column of a query depends on, and how: found in the plan that DuckDB binds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trc.compiler.ir.types import Unknown
from trc.compiler.sql.expressions import Json, NotUnderstood
from trc.compiler.sql.flow import Flow, merged
from trc.compiler.sql.operators import Flows, TableKey


@dataclass(frozen=True, slots=True)
class BoundPlan:
    """A query's plan as DuckDB's binder makes it, before anything is optimised: names are resolved, stars expanded.

    `columns` are the names of its columns; `tables` are the datasets by the tables of the database that it
    was bound in: several, where a list of files is one table. `pushed` is the plan once DuckDB has moved its filters
    as far down as they can go; None where it was not asked for. `text` is the plan as DuckDB wrote it: what is not
    mentioned there is nowhere in it.
    """

    columns: tuple[str, ...]
    tables: Mapping[TableKey, tuple[str, ...]]
    plan: Json
    types: tuple[str, ...] = ()
    pushed: Json | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class QueryLineage:
    """What the columns of a query depend on, in their order, and what decides about its rows.

    Another value in a column that is neither in a column's flow nor in `rows` leaves the values in that
    column as they are, as often as they are there; if it is in none of them, the whole result stays as it is. That holds for
    a query that does not fail and asks neither the clock nor for chance.
    """

    columns: tuple[tuple[str, Flow], ...]
    rows: Flow

    @property
    def read(self) -> Flow:
        """All that the result depends on."""
        return merged((self.rows, *(flow for _, flow in self.columns)))


def trace(bound: BoundPlan) -> QueryLineage | Unknown:
    """The lineage of a query; unknown, with the reason, where its plan holds something that is not understood."""
    try:
        relation = Flows(bound.tables).of(bound.plan)
    except NotUnderstood as told:
        return Unknown(str(told))
    except RecursionError:
        return Unknown("its query nests too deep")
    if len(relation.columns) != len(bound.columns):
        return Unknown("its plan has other columns than its result")
    return QueryLineage(tuple(zip(bound.columns, relation.columns)), relation.rows)
