"""Tells the regions as a table, on Python 3.12 with a pandas of today."""

import sys

import duckdb
import pandas as pd

from trc import TaskContext


def report(context: TaskContext) -> None:
    regions = pd.read_csv(context.inputs["by_region"].path)
    total = duckdb.sql("select sum(amount) from regions").fetchone()[0]
    with open(context.output.path, "w") as file:
        file.write(f"{regions.to_string(index=False)}\n\ntotal {total:.2f}\n")
        file.write(
            f"Python {sys.version_info[0]}.{sys.version_info[1]}, pandas {pd.__version__}, DuckDB {duckdb.__version__}\n"
        )
