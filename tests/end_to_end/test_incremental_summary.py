"""`trc incremental summary` after real runs."""

from __future__ import annotations

from typing import Any

import pytest
from tests.warm import COMMANDS

PIPELINE = """
name: shop
nodes:
  - id: one
    type: duckdb_sql
    params: {sql: select range as n from range(1000), output_uri: out/one.parquet}
  - id: two
    type: duckdb_sql
    params: {sql: select sum(n) as n from one, output_uri: out/two.csv}
"""
OTHER = """
name: other
nodes:
  - {id: fails, type: shell, params: {command: "exit 3"}}
"""


def summary(space: Any, *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = space.trc("incremental", "summary", "--json", *arguments).json
    return found


@pytest.fixture
def shop(space: Any) -> Any:
    space.write("p.yaml", PIPELINE)
    for _ in range(3):
        space.states()
    return space


def test_skips_are_worth_what_the_last_attempt_took(shop: Any) -> None:
    first = shop.trc("runs", "--json").json["runs"][-1]["id"]
    took = {one["task"]: one["seconds"] for one in shop.trc("status", first, "--json").json["attempts"]}
    sizes = {"one": (shop.root / "out/one.parquet").stat().st_size, "two": (shop.root / "out/two.csv").stat().st_size}
    found = summary(shop)
    assert found["last"] == 20
    (pipeline,) = found["pipelines"]
    assert (pipeline["pipeline"], pipeline["runs"]) == ("shop", 3)
    for task in pipeline["tasks"]:
        assert (task["ran"], task["skipped"], task["failed"], task["skip_rate"]) == (1, 2, 0, 0.6667)
        assert task["seconds_saved"] == pytest.approx(2 * took[task["task"]], abs=0.002)
        assert task["bytes_saved"] == 2 * sizes[task["task"]]
    assert pipeline["sums"]["bytes_saved"] == 2 * sum(sizes.values()) == found["sums"]["bytes_saved"]


def test_window_is_of_the_newest_runs(shop: Any) -> None:
    shop.states("--force")
    (pipeline,) = summary(shop, "--last", "2")["pipelines"]
    assert [(one["ran"], one["skipped"]) for one in pipeline["tasks"]] == [(1, 1), (1, 1)]
    assert all(one["bytes_saved"] > 0 and one["skips_unknown"] == 0 for one in pipeline["tasks"])


def test_pipelines_are_told_apart(shop: Any) -> None:
    shop.write("q.yaml", OTHER)
    shop.trc("run", "q.yaml", code=1)
    found = summary(shop)
    assert [one["pipeline"] for one in found["pipelines"]] == ["other", "shop"]
    assert found["pipelines"][0]["tasks"][0]["failed"] == found["sums"]["failed"] == 1
    assert [one["pipeline"] for one in summary(shop, "SHOP")["pipelines"]] == ["shop"]
    assert [one["pipeline"] for one in summary(shop, "q.yaml")["pipelines"]] == ["other"]
    told = COMMANDS.run(["incremental", "summary", str(shop.root / "p.yaml")], shop.root.parent)
    assert told.code == 0
    lines = told.out.splitlines()
    assert lines[0].startswith("shop: 3 runs since ")
    assert lines[1].split() == [
        "TASK",
        "RAN",
        "CHECKED",
        "SKIPPED",
        "FAILED",
        "OTHER",
        "SKIP",
        "RATE",
        "TIME",
        "SAVED",
        "NOT",
        "WRITTEN",
    ]
    assert lines[2].split()[:7] == ["one", "1", "0", "2", "0", "0", "67%"]
    assert lines[4].startswith("all ")
    assert lines[-1].startswith("4 skips saved ")
    assert shop.trc("incremental", "summary").out.splitlines()[-1].startswith("all pipelines: 4 skips saved ")


def test_pipeline_without_runs(shop: Any) -> None:
    done = shop.trc("incremental", "summary", "shpo", code=3)
    assert "error[TRC609]" in done.err
    assert 'did you mean "shop"?' in done.err
    shop.write("q.yaml", OTHER)
    assert 'no run of "q.yaml" is recorded' in shop.trc("incremental", "summary", "q.yaml", code=3).err


def test_nothing_has_run(space: Any) -> None:
    done = space.trc("incremental", "summary")
    assert (done.out, done.err) == ("", "no run is recorded\n")
    assert summary(space)["pipelines"] == []
    space.write("p.yaml", PIPELINE)
    assert summary(space, "p.yaml")["sums"]["skip_rate"] is None
    # A plan makes the store, and no run.
    space.trc("plan", "p.yaml")
    assert summary(space, "p.yaml")["pipelines"] == summary(space, "shop")["pipelines"] == []
    assert "nothing" not in space.trc("incremental", "summary").out
