"""Drops orders without an amount, on Python 3.9 with a pandas of 2023."""

import duckdb
import pandas as pd

from trc import TaskContext


def clean(context: TaskContext) -> None:
    orders = pd.read_csv(context.inputs["orders"].path)
    # pandas 2 has no `append`.
    kept = orders.iloc[:0].append(orders.dropna(subset=["amount"]))
    kept.to_csv(context.output.path, index=False)
    print("pandas", pd.__version__, "duckdb", duckdb.__version__)
