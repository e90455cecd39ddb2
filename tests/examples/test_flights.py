"""The flights example: it checks, it runs on the real tables, and a second run has nothing to do."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from tests.warm import COMMANDS

from trc import api

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "flights"
TASKS = {
    "raw", "stg_flights", "stg_weather", "stg_planes", "departures", "by_hour", "by_wind", "by_plane_age",
    "routes", "route_scores", "report", "chart",
}  # fmt: skip


def copy_of_example(folder: Path) -> Path:
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns(".trc", "out", "build", "__pycache__"))
    return folder


def trc(folder: Path, *arguments: str) -> Any:
    done = COMMANDS.run([*arguments, "--json"], folder)
    assert done.code == 0, done.out + done.err
    return json.loads(done.out)


def states(folder: Path, pipeline: str = "flights.trc") -> dict[str, str]:
    return {task["task"]: task["state"] for task in trc(folder, "run", pipeline)["tasks"]}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, run once."""
    folder = copy_of_example(tmp_path_factory.mktemp("example") / "flights")
    assert states(folder) == dict.fromkeys(TASKS, "success")
    return folder


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_report_tells_of_every_flight(built: Path) -> None:
    report = rows(built / "out" / "report.csv")
    assert sum(int(row["flights"]) for row in report) == 336_776
    assert len(report) == 16
    assert report[0]["airline"] == "Mesa Airlines Inc."
    assert all(0 <= float(row["late_pct"]) <= 100 for row in report)


def test_routes_are_ranked_by_their_score(built: Path) -> None:
    routes = rows(built / "out" / "route_scores.csv")
    assert len(routes) == 224
    assert [int(row["rank"]) for row in routes] == list(range(1, 225))
    scores = [float(row["score"]) for row in routes]
    assert scores == sorted(scores, reverse=True)
    assert all(float(row["low"]) <= float(row["score"]) <= float(row["high"]) for row in routes)


def test_chart_draws_every_table(built: Path) -> None:
    root = ET.parse(built / "out" / "chart.svg").getroot()
    words = " ".join(element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}text"))
    for label in ("fog", "rain or snow", "dry", "8 gale", "30 years and more"):
        assert label in words


def test_second_run_skips_every_task(built: Path) -> None:
    assert states(built) == dict.fromkeys(TASKS, "skipped")


def test_its_tests_pass_without_its_data(tmp_path: Path) -> None:
    told = trc(copy_of_example(tmp_path / "flights"), "test", "flights.trc", "flights.yaml")
    assert [(one["file"], one["state"]) for one in told["tests"]] == [
        ("flights.trc", "passed"),
        ("flights.yaml", "passed"),
    ]


def test_the_twin_in_yaml_is_the_same_pipeline(built: Path) -> None:
    assert api.emit(EXAMPLE / "flights.yaml", "ir") == api.emit(EXAMPLE / "flights.trc", "ir")
    assert states(built, "flights.yaml") == dict.fromkeys(TASKS, "skipped")


def test_check_of_the_folder_is_clean(built: Path) -> None:
    report = trc(built, "check", ".")
    assert report["files"] == ["flights.trc"]
    assert report["diagnostics"] == []


def test_change_of_a_source_runs_what_reads_it(built: Path, tmp_path: Path) -> None:
    """`by_wind` reads the scale; its result changes, so the chart is drawn again; nothing else runs."""
    folder = tmp_path / "flights"
    shutil.copytree(built, folder)
    assert set(states(folder).values()) <= {"success", "skipped"}
    scale = folder / "data" / "beaufort.csv"
    scale.write_text(scale.read_text().replace("calm", "dead calm"))
    assert {task for task, state in states(folder).items() if state == "success"} == {"by_wind", "chart"}


def test_passes_leave_out_what_no_task_reads_and_the_rows_are_the_same(built: Path) -> None:
    done = COMMANDS.run(["plan", "flights.trc", "--optimise", "--explain"], built)
    pruned = [line.split() for line in done.out.splitlines() if "columns are stored" in line]
    assert [words[:2] for words in pruned] == [["departures", "column_pruning"]]
    drawn = COMMANDS.run(["graph", "flights.trc", "--optimised"], built)
    assert "stores 11 of 14 columns" in drawn.out
    verified = COMMANDS.run(["verify", "flights.trc"], built)
    assert verified.code == 0, verified.out + verified.err
    assert [line.split()[:2] for line in verified.out.splitlines()[1:4]] == [
        ["equal", "route_scores"],
        ["equal", "report"],
        ["not", "verifiable"],
    ]


def test_show_prints_the_report(built: Path) -> None:
    done = subprocess.run([sys.executable, "show.py"], cwd=built, capture_output=True, text=True, check=True)
    assert "Mesa Airlines Inc." in done.stdout
    assert "chart.svg" in done.stdout
