"""`trc state gc`: what is old and asked for by nobody is forgotten, and nothing else."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from trc.runtime.store.results import FileDigest, FileIdentity
from trc.runtime.store.sqlite import SqliteStore

PIPELINE = """
    name: shop
    nodes:
      - id: orders
        type: python
        params: {entrypoint: "t.py:step", inputs: {seed: ./seed.txt}, output_uri: out/orders.txt, output_format: file}
      - id: report
        type: python
        params: {entrypoint: "t.py:step", inputs: {before: orders}, output_uri: out/report.txt, output_format: file}
    """
STEP = """
    import os


    def step(context):
        print(context.task)
        if os.path.exists("broken"):
            raise RuntimeError("no luck")
        with open(context.output.path, "w") as file:
            file.write("".join(open(one.path).read() for one in context.inputs.values()))
    """


@pytest.fixture
def shop(space: Any) -> Any:
    """A project with three runs of changed seeds, each of which has replaced all results."""
    space.write("p.yaml", PIPELINE)
    space.write("t.py", STEP)
    for number in range(3):
        space.write("seed.txt", str(number))
        space.states("--new")
    return space


def _runs(space: Any) -> list[str]:
    return [one["id"] for one in space.trc("runs", "--json").json["runs"]]


def _logs(space: Any) -> set[str]:
    return {path.name for path in (space.root / ".trc/logs").iterdir()}


def _gc(space: Any, *options: str) -> Any:
    return space.trc("state", "gc", "--json", *options).json


def test_what_is_old_and_replaced_is_forgotten(shop: Any) -> None:
    newest, *older = _runs(shop)
    looked = _gc(shop, "--keep", "0", "--older-than", "0s", "--dry-run")
    assert (set(_runs(shop)), _logs(shop)) == ({newest, *older}, {newest, *older})
    found = _gc(shop, "--keep", "0", "--older-than", "0s")
    assert {**looked, "dry_run": False} == found
    assert set(found["runs"]) == set(older)
    assert found["results"] == 4
    assert found["size"] > 0
    # The newest made what is there.
    assert _runs(shop) == [newest]
    assert _logs(shop) == {newest}
    assert set(shop.states().values()) == {"skipped"}
    assert shop.trc("explain", "task:report", "--json").json["task"]["task"] == "report"
    assert shop.trc("doctor", "--json").json["ok"]
    with closing(sqlite3.connect(shop.root / ".trc/state.db")) as store:
        assert store.execute("pragma foreign_key_check").fetchall() == []
        assert store.execute("pragma integrity_check").fetchall() == [("ok",)]


def test_the_newest_and_the_young_are_kept(shop: Any) -> None:
    assert _gc(shop)["runs"] == []
    assert _gc(shop, "--keep", "0", "--older-than", "1h")["results"] == 0
    newest, *older = _runs(shop)
    assert _gc(shop, "--keep", "2", "--older-than", "0s")["runs"] == [older[-1]]
    assert _runs(shop) == [newest, older[0]]


def test_what_a_dead_letter_speaks_of_is_kept_until_it_is_settled(shop: Any) -> None:
    shop.write("broken", "")
    shop.write("seed.txt", "9")
    shop.states(code=1)
    failed = _runs(shop)[0]
    (shop.root / "broken").unlink()
    shop.states("--new")
    everything = ("--keep", "0", "--older-than", "0s")
    assert failed not in _gc(shop, *everything)["runs"]
    assert "no luck" in shop.trc("dlq", "show", "1").out
    shop.trc("dlq", "drop", "1")
    assert _gc(shop, *everything)["runs"] == [failed]
    assert shop.trc("dlq", "list", "--all", "--json").json["letters"] == []


def test_a_run_that_goes_on_is_kept_with_all_that_is_of_it(shop: Any) -> None:
    shop.write("t.py", STEP.replace("print(context.task)", 'open("gate").read()'))
    os.mkfifo(shop.root / "gate")
    process = shop.start("run", "p.yaml")
    gate = os.open(shop.root / "gate", os.O_WRONLY)
    going = _runs(shop)[0]
    assert going not in _gc(shop, "--keep", "0", "--older-than", "0s")["runs"]
    assert going in _runs(shop)
    os.close(gate)
    (shop.root / "gate").unlink()
    shop.write("gate", "")
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_digests_of_files_that_are_gone_are_forgotten(space: Any) -> None:
    space.write("p.yaml", PIPELINE)
    space.write("t.py", STEP)
    space.write("seed.txt", "1")
    space.states()
    known = FileDigest(FileIdentity(1, 2, 3, 4, 5), "sha256:1", 6, "boot")
    with SqliteStore(space.root / ".trc/state.db") as store:
        store.put_digests({str(space.root / "seed.txt"): known})
    assert _gc(space)["digests"] == 0
    (space.root / "seed.txt").unlink()
    assert _gc(space)["digests"] == 1


def test_bad_words_are_refused(shop: Any) -> None:
    assert "duration" in shop.trc("state", "gc", "--older-than", "soon", code=3).err
    assert shop.trc("state", "gc", "--keep", "-1", code=3).err
