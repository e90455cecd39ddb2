"""Runs a query in DuckDB and writes its rows to the task's output."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from trc.runtime.taskside.errors import PermanentError
from trc.runtime.taskside.order import OrderOutput, TaskOrder
from trc.runtime.taskside.parts import OrderParts
from trc.runtime.taskside.task import TaskContext, TaskResult
from trc.runtime.taskside.tuples import Tuples
from trc.stdlib_tasks.duckdb_sql.run.complaint import complaint
from trc.stdlib_tasks.duckdb_sql.run.engine import connected
from trc.stdlib_tasks.duckdb_sql.run.inputs import COMPRESSIONS, delimiter, relation, text
from trc.stdlib_tasks.duckdb_sql.run.items import bound
from trc.stdlib_tasks.duckdb_sql.run.parts import Whole, in_parts
from trc.stdlib_tasks.duckdb_sql.run.query import prepare
from trc.stdlib_tasks.duckdb_sql.run.shaped import around, require_columns
from trc.stdlib_tasks.duckdb_sql.run.tuples import tuples_of
from trc.stdlib_tasks.duckdb_sql.run.views import create_views

if TYPE_CHECKING:
    import duckdb


def warm_up() -> None:
    """Loads what each query needs, before there is one."""
    import duckdb  # noqa: F401


def run(order: TaskOrder, context: TaskContext) -> TaskResult:
    """Copies the rows of `order.query` to the staged file of the only output, and counts them.

    Where the order says so, part by part; the result's message then says why it could not be, if so.
    """
    import duckdb

    if order.query is None or len(order.outputs) != 1:
        raise PermanentError("a SQL task needs one query and one output")
    output = order.outputs[0]
    message = ""
    if order.parts is not None:
        try:
            return _from_parts(order, order.parts, output, context)
        except Whole as why:
            message = str(why)
    with connected(order, os.path.dirname(output.path)) as connection:
        prepared = prepare(connection, order.query, order.inputs, order.project)
        before, after = around(output.columns, output.where)
        before = _BEFORE + before
        try:
            create_views(connection, order.inputs, order.project)
            prepared, values = bound(connection, prepared, order.item, order.handed)
            if after:
                require_columns(connection, prepared.text, output.known)
        except duckdb.Error as error:
            raise complaint(error) from error
        try:
            copied = connection.execute(
                f"{before}{prepared.text}{after}\n) TO {text(output.path)} ({options(output)})", values or None
            ).fetchone()
        except duckdb.Error as error:
            raise complaint(error, prepared, len(before.encode())) from error
        rows = copied[0] if copied else _count(connection, output)
        tuples = None if output.tuples is None else tuples_of(connection, output, output.tuples)
    return _result(output, rows, tuples, message)


def _from_parts(order: TaskOrder, parts: OrderParts, output: OrderOutput, context: TaskContext) -> TaskResult:
    import duckdb

    with connected(order, os.path.dirname(output.path)) as connection:
        together = in_parts(connection, order, parts, context)
        try:
            copied = connection.execute(f"COPY ({together}) TO {text(output.path)} ({options(output)})").fetchone()
        except duckdb.Error as error:
            raise complaint(error) from error
        tuples = None if output.tuples is None else tuples_of(connection, output, output.tuples)
    return _result(output, copied[0] if copied else None, tuples)


def _result(output: OrderOutput, rows: int | None, tuples: Tuples | None, message: str = "") -> TaskResult:
    return TaskResult(
        message=message,
        rows={} if rows is None else {output.name: rows},
        tuples={} if tuples is None else {output.name: tuples},
    )


_BEFORE = "COPY (\n"


_FORMATS = {"parquet": "FORMAT parquet", "csv": "FORMAT csv, HEADER", "json": "FORMAT json"}


def options(output: OrderOutput) -> str:
    """Of COPY, for the output's format."""
    said = _FORMATS.get(output.format)
    if said is None:
        raise PermanentError(f'a query cannot be written as "{output.format}"; there are: {", ".join(_FORMATS)}')
    if output.format == "parquet":
        return said
    place = output.uri or ""
    compression = COMPRESSIONS.get(os.path.splitext(place.lower())[1])
    if compression is not None:
        said += f", COMPRESSION {compression}"
    if output.format == "csv":
        said += f", DELIMITER {text(delimiter(place))}"
    return said


def _count(connection: duckdb.DuckDBPyConnection, output: OrderOutput) -> int | None:
    """The rows of a file whose writing did not count them, as that of a PIVOT does not."""
    if output.format != "parquet":
        return None
    counted = connection.execute(f"SELECT count(*) FROM {relation(output.format, (output.path,))}").fetchone()
    return None if counted is None else int(counted[0])
