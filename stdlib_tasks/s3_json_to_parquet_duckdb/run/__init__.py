"""Puts JSON or CSV files together into one Parquet file: columns by name, types widened, bad rows kept aside."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from typing import TYPE_CHECKING, Callable

from trc.runtime.taskside.errors import AttemptFailed, PermanentError
from trc.runtime.taskside.order import OrderOutput, TaskOrder
from trc.runtime.taskside.result import Failure
from trc.runtime.taskside.task import TaskContext, TaskResult
from trc.stdlib_tasks.duckdb_sql.run.complaint import complaint
from trc.stdlib_tasks.duckdb_sql.run.engine import connected
from trc.stdlib_tasks.duckdb_sql.run.inputs import delimiter, text
from trc.stdlib_tasks.s3_json_to_parquet_duckdb.run.rejects import Rejects
from trc.stdlib_tasks.s3_json_to_parquet_duckdb.run.rows import Rows, empty, read_rows
from trc.stdlib_tasks.s3_json_to_parquet_duckdb.run.sift import Source, Unsiftable, sifted

if TYPE_CHECKING:
    import duckdb

REASON = "rows"


def run(order: TaskOrder, context: TaskContext) -> TaskResult:
    """Writes the rows of the source's files to `output`, and those that cannot be read to `rejected`, if there is that."""
    del context
    import duckdb

    form, sources = order.inputs[0].format, _sources(order)
    # Nobody else's, and removed by a later run if this process dies.
    scratch = os.path.join(order.scratch or os.path.dirname(order.outputs[0].path), f"spill-{os.getpid()}-rows")
    rejects = Rejects(os.path.join(scratch, "rejects.ndjson"))
    stumbled = (duckdb.InvalidInputException, duckdb.BinderException, duckdb.ConversionException, duckdb.IOException)
    try:
        try:
            return _converted(order, form, sources, rejects)
        except stumbled as error:
            # DuckDB stumbled over a row: what can be read is sifted out, and tried once more.
            return _converted(order, form, _sifted(form, sources, scratch, rejects, error), rejects)
    except duckdb.Error as error:
        raise complaint(error) from error
    finally:
        rejects.close()
        shutil.rmtree(scratch, ignore_errors=True)


def _sources(order: TaskOrder) -> Sequence[Source]:
    """The files with rows; of an empty one, nothing is to be read."""
    source = order.inputs[0]
    if not source.files:
        message = f'no file matches "{order.params["src_glob"]}"'
        raise AttemptFailed(Failure(message, "permanent", "input_missing"))
    names = source.names or tuple(os.path.relpath(path, order.project) for path in source.files)
    parts = order.params.get("delimiter") or delimiter(source.files[0])
    return [Source(path, name, parts) for path, name in zip(source.files, names) if os.path.getsize(path)]


def _converted(order: TaskOrder, form: str, sources: Sequence[Source], rejects: Rejects) -> TaskResult:
    with connected(order, os.path.dirname(order.outputs[0].path)) as connection:
        rows, count, spoilt = _written(connection, order, form, sources, rejects)
        if len(order.outputs) == 1:
            return TaskResult(rows={order.outputs[0].name: count})
        told = rejects.rows(rows.bad if spoilt else None)
        _copy(connection, told, order.outputs[1], order.params["compression"])
    kept = rejects.count + spoilt
    return TaskResult(rows={order.outputs[0].name: count, order.outputs[1].name: kept}, values={"rejected": kept})


def _written(
    connection: duckdb.DuckDBPyConnection, order: TaskOrder, form: str, sources: Sequence[Source], rejects: Rejects
) -> tuple[Rows, int, int]:
    """The rows, how many were written, and how many are spoilt by a value."""
    types = order.params.get("types") or {}
    if not sources and not types:
        _require_few(order, rejects.count, lambda: rejects.first)
        raise PermanentError("there are no rows, and `types` does not say which columns there should be")
    rows = read_rows(connection, form, sources, types) if sources else empty(types)
    spoilt = rows.spoilt(connection)
    _require_few(order, rejects.count + spoilt, lambda: rejects.first or rows.first_spoilt(connection))
    return rows, _copy(connection, rows.good, order.outputs[0], order.params["compression"]), spoilt


def _sifted(
    form: str, sources: Sequence[Source], scratch: str, rejects: Rejects, error: duckdb.Error
) -> Sequence[Source]:
    try:
        found = sifted(form, sources, scratch, rejects)
    except Unsiftable as why:
        message = f"{complaint(error).failure.message}\n{why}"
        raise AttemptFailed(Failure(message, "permanent", REASON)) from error
    if not rejects.count:
        # It is none of the rows.
        raise error
    return found


def _require_few(order: TaskOrder, count: int, first: Callable[[], str]) -> None:
    """Fails where more rows cannot be read than may be kept aside; `first` tells of one of them."""
    keeps = len(order.outputs) > 1
    most = order.params.get("max_rejects") if keeps else 0
    if most is None or count <= most:
        return
    counted = f"{count:,} row{'' if count == 1 else 's'} cannot be read"
    limit = f", and at most {most:,} may be kept aside" if keeps else ""
    remedy = "" if keeps else "\nrejects_uri keeps such rows aside, and converts the others"
    raise AttemptFailed(Failure(f"{counted}{limit}: {first()}{remedy}", "permanent", REASON))


def _copy(connection: duckdb.DuckDBPyConnection, query: str, output: OrderOutput, compression: str) -> int:
    copied = connection.execute(
        f"COPY ({query}) TO {text(output.path)} (FORMAT parquet, COMPRESSION {compression})"
    ).fetchone()
    return int(copied[0]) if copied else 0
