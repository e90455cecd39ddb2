"""Mistakes that have nothing to do with each other are all reported in one go, each at its place; nothing is run."""

from __future__ import annotations

from typing import Any

PIPELINE = """\
name: five
sources:
  orders: {csv: data/orders.csv}
nodes:
  - id: clean
    type: duckdb_sql
    params:
      sql: |
        select order_id,
          custmer_id
        from orders
  - id: total
    type: duckdb_sq
    params: {sql: select 1}
  - id: report
    type: duckdb_sql
    timeout: 5 parsecs
    params:
      sql: select sum(amount) as s from ordrs
      output_uri: out/report.csv
  - id: again
    type: duckdb_sql
    params: {sql: select 1 as x, output_url: out/x.csv}
"""
EXPECTED = [
    ("TRC402", 10, 11, "custmer_id"),
    ("TRC208", 13, 11, "duckdb_sq"),
    ("TRC205", 17, 14, "5 parsecs"),
    ("TRC403", 19, 41, "ordrs"),
    ("TRC201", 23, 34, "output_url"),
]


def _write(space: Any) -> None:
    space.write("data/orders.csv", "order_id,customer_id,amount\n1,2,3\n")
    (space.root / "five.yaml").write_text(PIPELINE)


def test_five_mistakes_are_five_diagnostics(space: Any) -> None:
    _write(space)
    found = space.trc("check", "five.yaml", "--format", "json", code=2).json["diagnostics"]
    lines = PIPELINE.splitlines()
    told = [
        (one["code"], one["line"], one["column"], lines[one["line"] - 1][one["column"] - 1 : one["end_column"] - 1])
        for one in found
    ]
    assert told == EXPECTED


def test_wrong_pipeline_is_neither_planned_nor_run(space: Any) -> None:
    _write(space)
    before = sorted(space.root.rglob("*"))
    for command in ("plan", "run", "compile", "graph"):
        done = space.trc(command, "five.yaml", code=2)
        assert done.err.count("error[TRC") == len(EXPECTED)
        assert "Traceback" not in done.err
    assert sorted(space.root.rglob("*")) == before
