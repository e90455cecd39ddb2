"""A reader in Python: it sees all columns, all rows, and their order."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def seen(context: Any) -> None:
    import duckdb

    rows = duckdb.sql(f"from '{context.inputs['handed'].path}'")
    told = f"{','.join(rows.columns)},rows\n,,,{len(rows.fetchall())}\n"
    Path(context.output.path).write_text(told, encoding="utf-8")
