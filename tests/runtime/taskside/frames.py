"""Run by an interpreter that has the libraries: each kind of data, from each format, to each format."""

import json
import sys
from pathlib import Path

import duckdb  # noqa: TID253 - what is tested
import pandas as pd
import polars as pl
import pyarrow as pa

from trc import run_task, task

ROWS = [{"id": 1, "name": "\u00e9"}, {"id": 2, "name": "b,c"}]
DOUBLED = [{**row, "twice": 2 * row["id"]} for row in ROWS]


@task
def arrow(rows: pa.Table) -> pa.Table:
    return rows.append_column("twice", pa.array([2 * n for n in rows["id"].to_pylist()]))


@task
def pandas(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(twice=rows.id * 2)


@task
def polars(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(twice=pl.col("id") * 2)


@task
def lazy(rows: pl.LazyFrame) -> pl.LazyFrame:
    return rows.with_columns(twice=pl.col("id") * 2)


@task
def relation(rows: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    return rows.project("*, id * 2 as twice")


@task
def unresolved(rows: "pa.Table", nobody: "Nobody" = None) -> "pa.Table":  # noqa: F821 - a name for type checkers only
    return arrow(rows)


@task
def plain(rows: "list[dict]") -> list:
    return [{**row, "id": int(row["id"]), "twice": 2 * int(row["id"])} for row in rows]


WORKS = (arrow, pandas, polars, lazy, relation, unresolved, plain)


def main(folder: Path) -> None:
    pd.DataFrame(ROWS).to_parquet(folder / "a.parquet")
    pd.DataFrame(ROWS).to_csv(folder / "a.csv", index=False)
    pd.DataFrame(ROWS).to_json(folder / "a.jsonl", orient="records", lines=True)
    (folder / "a.json").write_text(json.dumps(ROWS))
    pd.DataFrame([{"id": 3, "more": 1.5}]).to_parquet(folder / "b.parquet")
    told = {}
    for work in WORKS:
        for source in ("a.parquet", "a.csv", "a.jsonl", "a.json"):
            for form in ("parquet", "csv", "json"):
                run = run_task(work, inputs={"rows": folder / source}, outputs=form)
                told[f"{work.__name__}: {source} to {form}"] = outcome(run)
        run = run_task(work, inputs={"rows": [folder / "a.parquet", folder / "b.parquet"]}, outputs="json")
        told[f"{work.__name__}: several"] = run.failure.message if run.failure else [row["id"] for row in run.output.read_rows()]
    table = pa.Table.from_pylist(ROWS)
    given = {"arrow": table, "pandas": pd.DataFrame(ROWS), "polars": pl.DataFrame(ROWS), "duckdb": duckdb.from_arrow(table)}
    for name, data in given.items():
        told[f"given {name}"] = outcome(run_task(plain, inputs={"rows": data}, outputs="json"))
    print(json.dumps(told))


def outcome(run):
    """True, or what is wrong."""
    if run.failure:
        return run.failure.message
    rows = [{**row, "id": int(row["id"]), "twice": int(row["twice"])} for row in run.output.read_rows()]
    return rows == DOUBLED or rows


if __name__ == "__main__":
    main(Path(sys.argv[1]))
