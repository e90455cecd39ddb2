"""The examples of pipelines in Python: they check, and they run as far as this version runs them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.warm import COMMANDS

from trc import api
from trc.compiler.sql.tokens import canonical

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "python"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    ignored = shutil.ignore_patterns(".trc", "out", "build", "__pycache__")
    return Path(shutil.copytree(EXAMPLES, tmp_path / "python", ignore=ignored))


def trc(folder: Path, *arguments: str, code: int = 0) -> Any:
    done = COMMANDS.run([*arguments, "--json"], folder)
    assert done.code == code, done.out + done.err
    return json.loads(done.out) if done.out else done.err


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_example_checks(folder: Path, example: Path) -> None:
    found = trc(folder, "check", example.name)["diagnostics"]
    assert {one["severity"] for one in found} <= {"note"}
    assert trc(folder, "graph", example.name)["nodes"]


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_twin_says_the_same_pipeline(folder: Path, example: Path) -> None:
    """But for the layout of SQL: in Python it has the indent of the code around it."""
    assert said(folder / example.name) == said(folder / f"{example.stem}.trc")


def said(pipeline: Path) -> Any:
    ir = json.loads(api.emit(pipeline, "ir"))
    for task in ir["tasks"]:
        if task["query"] is not None:
            task["query"]["text"] = canonical(task["query"]["text"])
            task["params"]["sql"] = canonical(task["params"]["sql"])
    return ir


def test_check_of_the_folder_is_clean(folder: Path) -> None:
    report = trc(folder, "check", ".")
    assert sorted(report["files"]) == ["composite.py", "fan_out.py", "retry_policy.py"]
    assert {one["severity"] for one in report["diagnostics"]} <= {"note"}


@pytest.mark.parametrize("pipeline", ["composite.py", "composite.trc"])
def test_composite_runs(folder: Path, pipeline: str) -> None:
    trc(folder, "run", pipeline)
    assert (folder / "out/report.txt").read_text().split() == ["asia", "54.00", "eu", "153.30", "us", "72.00"]


@pytest.mark.parametrize("pipeline", ["retry_policy.py", "retry_policy.trc"])
def test_tasks_are_retried_as_their_policies_say(folder: Path, pipeline: str) -> None:
    report = trc(folder, "run", pipeline)
    assert {task["task"]: task["attempt"] for task in report["tasks"]} == {"rates": 3, "notify": 1, "strongest": 1}
    assert (folder / "out/strongest.csv").read_text() == "currency\nEUR\n"


@pytest.mark.parametrize("pipeline", ["fan_out.py", "fan_out.trc"])
def test_fan_out_runs_each_item(folder: Path, pipeline: str) -> None:
    states = {task["task"]: task["state"] for task in trc(folder, "run", pipeline)["tasks"]}
    assert set(states.values()) == {"success"}
    assert {
        "by_status[paid]",
        "by_status[refunded]",
        "by_region[asia]",
        "by_region[eu]",
        "by_region[us]",
    } <= states.keys()
    regions = (folder / "out/regions.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in regions] == ["region", "asia", "eu", "us"]
