"""Reads the rows of a database's table or query, and writes them to the task's output."""

from __future__ import annotations

import os

from trc.runtime.taskside.order import TaskOrder
from trc.runtime.taskside.task import TaskContext, TaskResult
from trc.stdlib_tasks.duckdb_sql.run import options
from trc.stdlib_tasks.duckdb_sql.run.engine import connected
from trc.stdlib_tasks.duckdb_sql.run.inputs import text
from trc.stdlib_tasks.sql_load.run.attached import NAME, attached, qualified


def run(order: TaskOrder, context: TaskContext) -> TaskResult:
    """Copies the rows to the staged file of the only output, and counts them."""
    del context
    output = order.outputs[0]
    with (
        connected(order, os.path.dirname(output.path)) as connection,
        attached(connection, order, is_read=True) as told,
        told.errors(),
    ):
        copied = connection.execute(f"COPY ({_rows(order)}\n) TO {text(output.path)} ({options(output)})").fetchone()
    return TaskResult(rows={output.name: copied[0]} if copied else {})


def _rows(order: TaskOrder) -> str:
    params = order.params
    if params.get("table"):
        return f"FROM {qualified(params, params['table'])}"
    query = str(params["query"]).strip().rstrip(";")
    if params["engine"] == "sqlite":
        return query
    # In the database's own SQL, carried out there.
    return f"FROM {params['engine']}_query('{NAME}', {text(query)})"
