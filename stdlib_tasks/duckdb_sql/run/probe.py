"""What a worker says of itself: its Python, and the DuckDB that tasks get."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

from trc.runtime.taskside.order import TaskOrder
from trc.runtime.taskside.task import TaskContext
from trc.stdlib_tasks.duckdb_sql.run.engine import connected


def tell(order: TaskOrder, _context: TaskContext) -> Mapping[str, Any]:
    """`python` and `duckdb` are versions; without a DuckDB that works, `problem` says why."""
    told = {"python": ".".join(map(str, sys.version_info[:3])), "executable": sys.executable}
    try:
        import duckdb

        with connected(order, os.path.dirname(order.log)) as connection:
            connection.execute("select 1").fetchall()
    except Exception as error:  # noqa: BLE001 - a library that is broken may raise anything
        return {**told, "problem": f"{type(error).__name__}: {error}"}
    return {**told, "duckdb": duckdb.__version__}
