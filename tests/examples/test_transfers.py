"""The examples of tasks that move data: each checks, runs against real servers, and has nothing to do the second time."""

from __future__ import annotations

import io
import json
import shutil
import sqlite3
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cloud import Cloud, running_cloud
from tests.objects import ObjectServer
from tests.repositories import git_server
from tests.warm import COMMANDS
from tests.website import ALLOWED, Website, website

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "transfers"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    copied = Path(shutil.copytree(EXAMPLES, tmp_path / "transfers", ignore=shutil.ignore_patterns(".trc", "out")))
    (copied / "trc.toml").write_text(ALLOWED)
    return copied


@pytest.fixture
def cloud(objects: ObjectServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Cloud]:
    """An account that the profile of a home folder is for: no variable tells of it."""
    for name in objects.variables:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home" / ".aws").mkdir(parents=True)
    (tmp_path / "home" / ".aws" / "config").write_text(
        f"[default]\nendpoint_url = {objects.url}\naws_access_key_id = test\naws_secret_access_key = test\n"
    )
    with running_cloud(objects, monkeypatch, "eu-west-1") as found:
        yield found


@pytest.fixture
def site() -> Iterator[Website]:
    with website() as found:
        yield found


def run(folder: Path, pipeline: str, *arguments: str) -> set[str]:
    done = COMMANDS.run(["run", pipeline, "--json", *arguments], folder)
    assert done.code == 0, done.out + done.err
    tasks: list[dict[str, Any]] = json.loads(done.out)["tasks"]
    return {task["state"] for task in tasks}


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.trc")), ids=lambda path: path.stem)
def test_example_checks_and_is_laid_out(example: Path) -> None:
    for command in (["check"], ["fmt", "--check"]):
        done = COMMANDS.run([*command, example.name], EXAMPLES)
        assert done.code == 0, done.out + done.err


def test_download(folder: Path, site: Website) -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("2026-01-01/orders.csv", "order_id,currency,amount\n1,USD,100\n2,GBP,10\n")
        archive.writestr("rates.csv", "currency,rate\nUSD,0.9\nGBP,1.2\n")
    site.put("/day.zip", held.getvalue())
    arguments = ("download.trc", "--param", f"site={site.url}")
    assert run(folder, *arguments) == {"success"}
    assert (folder / "out/in_euro.csv").read_text() == "order_id,amount\n1,90.0\n2,12.0\n"
    assert run(folder, *arguments) == {"skipped"}
    assert len(site.gets()) == 1


def test_convert(folder: Path) -> None:
    assert run(folder, "convert.trc") == {"success"}
    assert (folder / "out/odd.csv").read_text().splitlines()[1:] == [
        'data/late.ndjson,2,"expecting value, at character 74"',
        "data/late.ndjson,,order_id is no bigint",
    ]
    assert run(folder, "convert.trc") == {"skipped"}


def test_aggregate(folder: Path) -> None:
    assert run(folder, "aggregate.trc") == {"success"}
    assert (folder / "out/monthly.csv").read_text().splitlines() == [
        "customer,ordered_on,revenue,orders",
        "ada,2026-01-01,120.5,1",
        "ada,2026-02-01,42.0,1",
        "grace,2026-01-01,80.0,1",
    ]
    assert run(folder, "aggregate.trc") == {"skipped"}


def test_sync(folder: Path, objects: ObjectServer) -> None:
    objects.put("site/old.csv", "old")
    assert run(folder, "sync.trc") == {"success"}
    assert (folder / "out/told.csv").read_text() == "action,name\ncopy,by_customer.csv\ndelete,old.csv\n"
    assert objects.all_keys() == ["site/by_customer.csv"]
    objects.asked.clear()
    assert run(folder, "sync.trc") == {"success", "skipped"}
    assert (folder / "out/told.csv").read_text() == "action,name\n"
    assert [one for one in objects.asked if one[0] in ("PUT", "POST", "DELETE")] == []


def test_clone(folder: Path, objects: ObjectServer, tmp_path: Path) -> None:
    with git_server(tmp_path / "repositories") as server:
        repository = server.repository("reference")
        commit = repository.commit(data__rates_csv="currency,rate\nUSD,0.9\n", README="rates")
        arguments = ("clone.trc", "--param", f"repository={repository.url}")
        assert run(folder, *arguments) == {"success"}
        assert (folder / "out/rates.csv").read_text() == f"currency,rate,as_of\nUSD,0.9,{commit}\n"
        assert [key for key in objects.all_keys() if "/.trc/" not in key] == ["reference/data/rates.csv"]
        assert run(folder, *arguments) == {"skipped"}


def test_databases(folder: Path) -> None:
    for _ in range(2):
        assert run(folder, "databases.trc") <= {"success", "skipped"}
        with sqlite3.connect(folder / "out/reports.db") as connection:
            found = connection.execute("select * from revenue order by customer").fetchall()
        connection.close()
        assert found == [("ada", 162.5), ("grace", 80.0)]


def test_request(folder: Path, site: Website, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBS_TOKEN", "sesame-open")
    site.put("/jobs", '{"id": "job-7"}', headers={"Content-Type": "application/json"})
    assert run(folder, "request.trc", "--param", f"site={site.url}") == {"success"}
    assert (folder / "out/job.txt").read_text() == "job-7\n"
    assert site.asked[0].headers["authorization"] == "sesame-open"


def test_cloud(folder: Path, cloud: Cloud) -> None:
    cloud.function("score-orders", "def handler(event, context): return {'scores': event['day'] + '.csv'}")
    # Of the words of its command, the image would make the program.
    script = folder / "told.txt"
    cloud.definition("load-orders", {"name": "load", "entryPoint": ["/bin/sh", "-c", f'echo "$@" > {script}', "main"]})
    assert run(folder, "cloud.trc", "--at", "2026-01-01T00:00:00Z") == {"success"}
    assert script.read_text() == "load-scores --day 2026-01-01 --scores 2026-01-01.csv\n"
