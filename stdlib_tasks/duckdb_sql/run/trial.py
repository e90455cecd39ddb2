"""Computes columns of a query for all of its rows, and keeps nothing: that they have a value is all that is asked."""

from __future__ import annotations

import os

from trc.runtime.taskside.errors import PermanentError
from trc.runtime.taskside.order import TaskOrder
from trc.runtime.taskside.task import TaskContext, TaskResult
from trc.stdlib_tasks.duckdb_sql.run.complaint import complaint
from trc.stdlib_tasks.duckdb_sql.run.engine import connected
from trc.stdlib_tasks.duckdb_sql.run.inputs import identifier
from trc.stdlib_tasks.duckdb_sql.run.query import prepare
from trc.stdlib_tasks.duckdb_sql.run.views import create_views


def run(order: TaskOrder, _context: TaskContext) -> TaskResult:
    """Fails as the query itself would, at the same place, if a value of one of `columns` cannot be computed."""
    import duckdb

    columns = tuple(order.params.get("columns") or ())
    if order.query is None or not columns:
        raise PermanentError("a trial needs a query and columns of it")
    # What is only counted need not be computed; a hash of all values cannot be had without them.
    before = f"SELECT bit_xor(hash({', '.join(map(identifier, columns))})) FROM (\n"
    with connected(order, os.path.dirname(order.log)) as connection:
        prepared = prepare(connection, order.query, order.inputs, order.project)
        try:
            create_views(connection, order.inputs, order.project)
        except duckdb.Error as error:
            raise complaint(error) from error
        try:
            connection.execute(f"{before}{prepared.text}\n)").fetchall()
        except duckdb.Error as error:
            raise complaint(error, prepared, len(before.encode())) from error
    return TaskResult()
