"""A condition on the parts of a path keeps files from being opened: in the query that reads them, and through views."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from trc.runtime.taskside.order import OrderInput
from trc.stdlib_tasks.duckdb_sql.run.views import create_views

YEARS = range(2020, 2025)


@pytest.mark.parametrize(
    ("query", "read"),
    [
        ("select id from raw where year = 2022", 1),
        ("select id from raw where year >= 2023 and id > 3", 2),
        ("select id from seen where year = 2022 and month = 3", 1),
        ("select id from seen", 5),
    ],
)
def test_only_files_that_can_matter_are_read(tmp_path: Path, query: str, read: int) -> None:
    import duckdb

    files: list[str] = []
    for year in YEARS:
        files.append(str(tmp_path / f"year={year}" / "orders.parquet"))
        Path(files[-1]).parent.mkdir()
        duckdb.sql("select i as id, i % 12 as month from range(24) t(i)").write_parquet(files[-1])
    raw = OrderInput("raw", "parquet", tuple(files))
    seen = OrderInput("seen", "parquet", (), query="select * from raw where id < 20", inputs=(raw,))
    with duckdb.connect() as connection:
        create_views(connection, (seen,), str(tmp_path))
        plan = connection.execute(f"explain analyze {query}").fetchall()[0][1]
    counted = re.search(r"Total Files Read: (\d+)", plan)
    assert counted is not None, plan
    assert int(counted[1]) == read
