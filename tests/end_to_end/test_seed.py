"""The workflow of the field's existing runner, whole: download, JSON to Parquet, analysis; what did not change is skipped by ETag."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.environments import cache, index
from tests.objects import ObjectServer
from tests.website import ALLOWED, Website, website

from trc.runtime.environments.pythons import find_python

__all__ = ["cache", "index"]

SEED = Path(__file__).resolve().parents[1] / "cases" / "yaml" / "valid" / "seed.yaml"
BODY = """[
  {"date": "2026-01-01", "source": "a", "value": 1},
  {"date": "2026-01-01", "source": "b", "value": 2.5},
  {"date": "2026-01-02", "source": "a", "value": 10}
]
"""
REPORT = "date,record_count,avg_value\n2026-01-01,2,1.75\n2026-01-02,1,10.0\n"
TASKS = ("download-data", "convert-to-parquet", "run-analysis")


@pytest.fixture
def site() -> Iterator[Website]:
    with website() as found:
        found.put("/data", BODY)
        yield found


def write(space: Any, site: Website, *, is_pinned: bool) -> None:
    """The workflow as it was published, but for bucket, address, and the pin of which there is no wheel for Python 3.12."""
    text = SEED.read_text().replace("my-bucket", "lake").replace("https://api.example.com/data", f"{site.url}/data")
    text = re.sub(r'(python_version: "3\.12"\n\s+requirements: \["duckdb==)0\.9\.2', r"\g<1>1.1.3", text)
    assert text.count("duckdb==0.9.2") == 1
    if not is_pinned:
        text = re.sub(r"\n +(python_version|requirements): .*", "", text)
    (space.root / "daily.yaml").write_text(text)
    space.write("trc.toml", ALLOWED)


def states(space: Any, code: int = 0) -> list[str]:
    report = space.trc("run", "daily.yaml", "--json", code=code).json
    found = {task["task"]: task["state"] for task in report["tasks"]}
    return [found[task] for task in TASKS]


def known_by(space: Any, task: str) -> dict[str, str]:
    known: dict[str, str] = space.trc("explain", f"task:{task}", "--json").json["known_by"]
    return known


def play(space: Any, site: Website, objects: ObjectServer) -> None:
    assert states(space) == ["success"] * 3
    assert objects.read("raw/data.json").decode() == BODY
    assert objects.read("reports/analysis.csv").decode() == REPORT
    assert objects.uploads() == []
    etags = {key: objects.client.head_object(Bucket="lake", Key=key)["ETag"].strip('"') for key in objects.all_keys()}
    assert sorted(etags) == ["processed/data.parquet", "raw/data.json", "reports/analysis.csv"]

    # Nothing changed: all three are skipped, nothing is read, and each says by which ETag.
    objects.asked.clear()
    site.asked.clear()
    assert states(space) == ["skipped"] * 3
    assert objects.gets() == []
    assert site.methods() == ["HEAD"]
    etag = site.pages["/data"].version.strip('"')
    assert known_by(space, "download-data") == {f"inputs.source[{site.url}/data]": f"etag:{etag}, {len(BODY)} B"}
    (known,) = known_by(space, "convert-to-parquet").items()
    assert known[0] == "inputs.source[s3://lake/raw/data.json]"
    assert known[1].startswith(f"etag:{etags['raw/data.json']}, ")
    (known,) = known_by(space, "run-analysis").items()
    assert known[0] == "upstream.s3://lake/processed/data.parquet"
    assert known[1].startswith(f"etag:{etags['processed/data.parquet']}, ")
    assert f"etag:{etag}" in space.trc("explain", "task:download-data").out

    # One more object comes in: what it feeds runs, and the download does not.
    objects.put("raw/more.json", '{"date": "2026-01-02", "source": "b", "value": 20}\n')
    plan = space.trc("plan", "daily.yaml").out
    assert re.search(r"skip +download-data", plan)
    assert re.search(r"run +convert-to-parquet .*inputs\.source\[s3://lake/raw/more\.json\]", plan)
    assert states(space) == ["skipped", "success", "success"]
    assert objects.read("reports/analysis.csv").decode() == REPORT.replace("02,1,10.0", "02,2,15.0")

    # Another version at the address, of which the rows are the same: only what reads other bytes runs.
    site.put("/data", BODY.replace("\n  ", "\n"))
    assert states(space) == ["success", "success", "skipped"]


def test_the_workflow_runs_whole_and_skips_by_etag(space: Any, site: Website, objects: ObjectServer) -> None:
    write(space, site, is_pinned=False)
    play(space, site, objects)


@pytest.mark.usefixtures("index")
def test_it_does_so_with_the_pythons_and_packages_that_it_pins(
    space: Any, site: Website, objects: ObjectServer
) -> None:
    missing = [version for version in ("3.9", "3.11", "3.12") if not find_python(version, os.environ)]
    if missing:
        pytest.skip(f"there is no Python {missing[0]} on this machine")
    write(space, site, is_pinned=True)
    space.trc("lock")
    play(space, site, objects)


@pytest.mark.usefixtures("index")
def test_as_it_was_published_it_checks_and_says_what_cannot_be_locked(space: Any) -> None:
    (space.root / "daily.yaml").write_text(SEED.read_text())
    space.trc("check", "daily.yaml")
    done = space.trc("lock", code=None)
    assert done.code != 0
    assert "error[TRC646]" in done.out + done.err
    assert "duckdb==0.9.2" in done.out + done.err
