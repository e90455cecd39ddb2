"""A project whose state lies on S3: runs, resumes and tells of it as one with a file does, for several machines."""

from __future__ import annotations

import os
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.end_to_end.conftest import Space
from tests.end_to_end.test_shared_state import (
    COMMANDS,
    PIPELINE,
    STEP,
    copied,
    killed_at,
    test_a_run_that_is_killed_again_and_again_does_nothing_twice_that_is_done,
)
from tests.faulty import Fault, Rule, faulty
from tests.objects import ObjectServer

from trc.runtime.s3store.objects import StateObjects
from trc.runtime.s3store.store import S3Store
from trc.runtime.storage.s3_client import S3Client
from trc.runtime.store.bucket import bucket_address_of
from trc.runtime.store.sqlite import SqliteStore

URL = "s3://lake/trc/shop"


# The same as in a database.
__all__ = ["test_a_run_that_is_killed_again_and_again_does_nothing_twice_that_is_done"]


@pytest.fixture
def url(objects: ObjectServer) -> str:
    assert objects.all_keys() == []
    return URL


@pytest.fixture
def shop(space: Space, objects: ObjectServer) -> Space:
    assert objects.all_keys() == []
    space.write("trc.toml", f'state = "{URL}"\n')
    space.write("p.yaml", PIPELINE)
    space.write("t.py", STEP)
    return space


def opened(folder: Path) -> S3Store:
    """The store as another machine has it."""
    objects = StateObjects(S3Client.configured(), bucket_address_of(URL))
    return S3Store(objects, folder / "replica", lambda: SqliteStore(folder / "state.db"))


def test_a_run_is_recorded_there_and_skips_by_it(shop: Space) -> None:
    assert set(shop.states().values()) == {"success"}
    assert set(shop.states().values()) == {"skipped"}
    assert shop.read("ran").split() == ["first", "second"]
    runs = shop.trc("runs", "--json").json["runs"]
    assert [run["state"] for run in runs] == ["success", "success"]


def test_a_run_with_nothing_to_do_makes_as_few_requests_as_the_documentation_says(
    space: Space, objects: ObjectServer
) -> None:
    tasks = [f"task t{number} = sql $$ select * from t{number - 1} $$" for number in range(1, 30)]
    space.write("trc.toml", f'state = "{URL}"\n')
    space.write("p.trc", "\n".join(['pipeline "shop" { }', "task t0 = sql $$ select 1 as a $$", *tasks]))
    space.trc("run", "p.trc")
    objects.asked.clear()
    report = space.trc("run", "p.trc", "--json").json
    assert {one["state"] for one in report["tasks"]} == {"skipped"}
    made = Counter(method for method, _ in objects.asked)
    assert made["PUT"] == 9
    # One a second is for what others record meanwhile.
    assert made["GET"] <= 2 + 5
    assert made.keys() == {"PUT", "GET"}


def test_what_one_machine_built_another_skips_where_it_has_the_files(shop: Space, tmp_path_factory: Any) -> None:
    assert set(shop.states().values()) == {"success"}
    other = copied(shop, tmp_path_factory.mktemp("other") / "shop")
    assert set(other.states().values()) == {"skipped"}
    (other.root / "out/second.txt").unlink()
    assert other.states() == {"first": "skipped", "second": "success"}
    assert len(shop.trc("runs", "--json").json["runs"]) == 3


def test_a_killed_run_goes_on_under_its_id(shop: Space) -> None:
    killed_at(shop, "second")
    killed = shop.trc("status", "--json").json
    assert killed["run"]["state"] == "running"
    assert not killed["alive"]
    report = shop.trc("run", "p.yaml", "--json").json
    assert report["resumed"]
    assert report["run"]["id"] == killed["run"]["id"]
    assert shop.read("ran").split() == ["first", "second", "second"]


def test_a_run_that_another_machine_drives_is_its_own_while_its_lease_runs(shop: Space, tmp_path_factory: Any) -> None:
    killed_at(shop, "second")
    with opened(tmp_path_factory.mktemp("elsewhere")) as store:
        (run,) = store.runs()
        driver, _ = store.drivers()[run.driver]
        # As if the process had been on another machine, which gave a sign of life a moment ago.
        store.enrol(replace(driver, host="elsewhere"), time.time() + 60)
        assert shop.trc("status", "--json").json["alive"]
        told = shop.trc("run", "p.yaml", "--on-conflict", "fail", code=1).err
        assert f"run {run.id} is writing" in told
        store.enrol(replace(driver, host="elsewhere"), time.time() - 1)
        assert not shop.trc("status", "--json").json["alive"]
        report = shop.trc("run", "p.yaml", "--json").json
        assert (report["resumed"], report["run"]["id"]) == (True, run.id)


def test_a_driver_whose_run_was_taken_over_publishes_nothing(shop: Space, tmp_path_factory: Any) -> None:
    os.mkfifo(shop.root / "gate-first")
    process = shop.start("run", "p.yaml")
    gate = os.open(shop.root / "gate-first", os.O_WRONLY)
    with opened(tmp_path_factory.mktemp("elsewhere")) as store, store.transaction() as change:
        (run,) = store.runs()
        change.put_run(replace(run, driver="another"))
    os.close(gate)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "TRC617" in told
    assert not (shop.root / "out/first.txt").exists()


@pytest.mark.long
def test_every_command_that_reads_the_state_reads_it_there(shop: Space) -> None:
    (shop.root / "broken-first").touch()
    assert shop.states(code=1) == {"first": "failure", "second": "upstream_failed"}
    for name, (arguments, code, words) in COMMANDS.items():
        done = shop.trc(*arguments, code=None)
        assert (name, done.code) == (name, code), f"{done.out}\n{done.err}"
        assert ("keeps the conditions" if name == "doctor" else words) in done.out + done.err, name
        assert "this is a bug" not in done.err


def test_doctor_tells_of_a_store_that_is_not_made(shop: Space, objects: ObjectServer) -> None:
    assert "the first command that asks makes the store" in shop.trc("doctor", "p.yaml").out
    assert objects.all_keys() == []
    objects.ignores = frozenset({"If-Match"})
    assert "(If-Match)" in shop.trc("doctor", "p.yaml", code=None).out


@pytest.mark.long
def test_state_moves_between_a_file_and_a_bucket(shop: Space) -> None:
    assert set(shop.states().values()) == {"success"}
    shop.trc("state", "export", "all.jsonl")
    there = shop.read("trc.toml")
    shop.write("trc.toml", "")
    assert "took in 1 run, 2 tasks, 2 attempts" in shop.trc("state", "import", "all.jsonl").err
    assert set(shop.states().values()) == {"skipped"}
    shop.trc("state", "export", "again.jsonl")
    shop.write("trc.toml", there)
    document = shop.trc("state", "import", "again.jsonl", "--json").json
    assert (document["known_runs"], document["records"]["run"]) == (1, 1)
    assert document["state"] == URL
    assert len(shop.trc("runs", "--json").json["runs"]) == 2


def test_a_target_has_a_state_of_its_own(shop: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.write("trc.toml", f'[targets.prod]\nbackend = "local"\nstate = "{URL}"\n')
    assert set(shop.states().values()) == {"success"}
    shop.trc("run", "p.yaml", "--target", "prod", "--force")
    assert len(shop.trc("runs", "--json").json["runs"]) == 1
    monkeypatch.setenv("TRC_TARGET", "prod")
    assert set(shop.states().values()) == {"skipped"}
    assert len(shop.trc("runs", "--json").json["runs"]) == 2


def test_a_bucket_that_is_missing_is_told_at_the_setting(shop: Space) -> None:
    shop.write("trc.toml", 'pipelines = ["p.yaml"]\nstate = "s3://nobody/trc/shop"\n')
    told = shop.trc("run", "p.yaml", code=3).err
    assert "error[TRC690]" in told
    assert "trc.toml:2:9" in told
    assert 'there is no bucket "nobody"' in told


def test_a_run_outlives_a_busy_endpoint(shop: Space, objects: ObjectServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with faulty(objects.url) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        for what, first in (("answer", 3), ("lose", 10), ("drop", 14)):
            proxy.rules.append(Rule(lambda _: True, Fault(what), first=first, times=2))  # type: ignore[arg-type]
        assert set(shop.states().values()) == {"success"}
        assert set(shop.states().values()) == {"skipped"}
        assert len(proxy.hit) == 6
    assert shop.read("ran").split() == ["first", "second"]


@pytest.mark.long
def test_a_standing_answer_is_of_one_endpoint(
    space: Space, objects: ObjectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    space.write("trc.toml", f'state = "{URL}"\n')
    space.write("p.trc", 'pipeline "shop" { }\ntask one = sql $$ select 1 as a $$ { output = csv("out/one.csv") }')
    until = time.monotonic() + 60
    while "nothing to do" not in space.trc("run", "p.trc").out:
        assert time.monotonic() < until
    objects.asked.clear()
    assert "nothing to do" in space.trc("run", "p.trc").out
    assert objects.asked == []
    with faulty(objects.url) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        assert "nothing to do" not in space.trc("run", "p.trc").out
        assert proxy.passed
