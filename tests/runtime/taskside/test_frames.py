"""Tables and frames of libraries, in an environment that has them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.environments import cache, index

import trc
from trc.runtime.environments.uv import find_uv

__all__ = ["cache", "index"]
LIBRARIES = ("pyarrow", "pandas", "polars", "duckdb")
SCRIPT = """
import json
import sys
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa

from trc import run_task, task

ROWS = [{"id": 1, "name": "\\u00e9"}, {"id": 2, "name": "b,c"}]
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
def unresolved(rows: "pa.Table", nobody: "Nobody" = None) -> "pa.Table":
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
    if run.failure:
        return run.failure.message
    rows = [{**row, "id": int(row["id"]), "twice": int(row["twice"])} for row in run.output.read_rows()]
    return rows == DOUBLED or rows


if __name__ == "__main__":
    main(Path(sys.argv[1]))
"""
"""Each kind of data, from each format, to each format: true, or what is wrong."""


@pytest.fixture(scope="module")
def outcomes(cache: Path, index: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    del index
    uv = find_uv()
    home = cache / "frames"
    python = home / "bin" / "python"
    if not python.exists():
        subprocess.run([uv, "venv", "-q", "--python", sys.executable, home], check=True)
        subprocess.run(
            [uv, "pip", "install", "-q", "--only-binary", ":all:", "--python", python, *LIBRARIES], check=True
        )
    environ = {"PYTHONPATH": str(Path(trc.__file__).parents[1]), "PYTHONDONTWRITEBYTECODE": "1"}
    folder = tmp_path_factory.mktemp("frames")
    script = folder / "frames.py"
    script.write_text(SCRIPT)
    done = subprocess.run([python, script, folder], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_each_kind_is_read_and_written_in_each_format(outcomes: dict[str, object]) -> None:
    wrong = {name: one for name, one in outcomes.items() if one is not True and not name.endswith("several")}
    assert wrong == {}
    assert len(outcomes) == 7 * 13 + 4


def test_several_files_are_one_by_the_names_of_their_columns(outcomes: dict[str, object]) -> None:
    several = {name: one for name, one in outcomes.items() if name.endswith("several")}
    assert set(map(str, several.values())) == {"[1, 2, 3]"}, several


def test_library_that_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text(
        "from trc import run_task, task\n"
        "@task\n"
        "def work(rows: 'pl.DataFrame'): return rows\n"
        "run = run_task(work, inputs={'rows': [{'a': 1}]}, outputs='csv')\n"
        "print(run.failure.kind, run.failure.reason, run.failure.message)\n"
    )
    code = "import sys; sys.modules['polars'] = None; import runpy; runpy.run_path('code.py')"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(
        'permanent mapping a frame of polars takes "polars": add it to the requirements of the task\'s environment ('
    )
