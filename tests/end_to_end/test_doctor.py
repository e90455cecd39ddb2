"""`trc doctor` on projects that are well, and on projects that were harmed in one way each."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trc.backends.local.groups import places

PIPELINE = """
name: shop
sources:
  orders: {csv: data/orders.csv}
nodes:
  - id: clean
    type: duckdb_sql
    params: {sql: select order_id from orders where amount > 0}
  - id: total
    type: duckdb_sql
    params: {sql: select count(*) as n from clean, output_uri: out/total.csv}
"""


@pytest.fixture
def shop(space: Any) -> Any:
    space.write("p.yaml", PIPELINE)
    space.write("data/orders.csv", "order_id,amount\n" + "".join(f"{n},{n}\n" for n in range(1000)))
    space.states()
    return space


def doctor(space: Any, *arguments: str, code: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = space.trc("doctor", "--json", *arguments, code=code).json
    assert found["ok"] is (code == 0)
    return found


def wrong(found: dict[str, Any]) -> list[tuple[str, str]]:
    """The checks that found something, each with how bad it is."""
    return [(one["check"], one["level"]) for one in found["findings"] if one["level"] != "ok"]


def about(found: dict[str, Any], check: str) -> dict[str, Any]:
    (one,) = (one for one in found["findings"] if one["check"] == check and one["level"] != "ok")
    assert one["remedy"]
    return dict(one)


def tree(root: Path) -> dict[str, tuple[int, bytes]]:
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in root.rglob("*") if path.is_file()}


def test_project_that_is_well(shop: Any) -> None:
    before = tree(shop.root)
    found = doctor(shop)
    assert wrong(found) == []
    assert [one["check"] for one in found["findings"]] == [
        *("state-folder", "clock", "rename", "hard-links", "disk-space", "inodes"),
        *(
            "store",
            "schema",
            "write-ahead-log",
            "integrity",
            "runs",
            "leases",
            "staging",
            "outputs",
            "worker",
            "duckdb",
            "memory-limits",
        ),
    ]
    told = {one["check"]: one["text"] for one in found["findings"]}
    assert "all 2 stored outputs of 2 tasks" in told["outputs"]
    assert told["duckdb"].startswith("tasks get DuckDB 1.")
    whose = "all processes of a task together" if list(places()) else "each process of a task by itself"
    assert f"holds for {whose}" in told["memory-limits"]
    assert tree(shop.root) == before
    assert [path.name for path in shop.root.rglob("*probe*")] == []


def test_lines_for_people(shop: Any) -> None:
    (shop.root / "out/total.csv").unlink()
    lines = shop.trc("doctor", "p.yaml").out.splitlines()
    assert lines[0] == 'ok     state-folder     ".trc" can be written, and what is written can be synced'
    at = next(number for number, line in enumerate(lines) if line.startswith("warn"))
    assert lines[at].startswith("warn   outputs          the output of shop.total is gone: ")
    assert lines[at + 1].strip() == "= `trc run p.yaml` makes it again"
    assert lines[-1] == "16 ok, 1 warning, 0 errors"


def test_folder_in_which_nothing_has_run(space: Any) -> None:
    found = doctor(space)
    assert wrong(found) == []
    assert "outputs" not in {one["check"] for one in found["findings"]}
    assert list(space.root.iterdir()) == []


def test_place_that_is_not_there(space: Any) -> None:
    assert "error[TRC101]" in space.trc("doctor", "nowhere", code=2).err
    space.write("trc.toml", "workers = 1\n")
    assert "error[TRC111]" in space.trc("doctor", code=2).err


def execute(*statements: str) -> Callable[[Path], object]:
    def harm(root: Path) -> None:
        with sqlite3.connect(root / ".trc/state.db") as connection:
            for statement in statements:
                connection.execute(statement)
        connection.close()

    return harm


def damage(root: Path) -> None:
    path = root / ".trc/state.db"
    data = bytearray(path.read_bytes())
    data[4096 * 3 : 4096 * 3 + 512] = b"\xff" * 512
    path.write_bytes(data)


HARM: dict[str, tuple[Callable[[Path], object], str, str, str]] = {
    "an output that is gone": (
        lambda root: (root / "out/total.csv").unlink(),
        "outputs", "warn", "the output of shop.total is gone",
    ),
    "an output that was changed": (
        lambda root: (root / "out/total.csv").write_text("n\n7\n"),
        "outputs", "error", "the output of shop.total was changed by someone else",
    ),
    "an intermediate that was changed": (
        lambda root: next((root / ".trc/data").rglob("*.parquet")).write_bytes(b"PAR1"),
        "outputs", "error", "the output of shop.clean was changed by someone else",
    ),
    "no database": (
        lambda root: (root / ".trc/state.db").write_text("no database, and long enough to be one"),
        "store", "error", "is not a SQLite database",
    ),
    "another database": (
        execute("PRAGMA application_id = 7"),
        "schema", "error", "not one of trc",
    ),
    "a newer form": (execute("PRAGMA user_version = 99"), "schema", "error", "version 99, and this trc knows "),
    "an older form": (execute("PRAGMA user_version = 0"), "schema", "warn", "version 0"),
    "no log": (execute("PRAGMA journal_mode = DELETE"), "write-ahead-log", "warn", "does not write ahead"),
    "a damaged page": (damage, "integrity", "error", "the state store"),
    "a row that refers to nothing": (
        execute("INSERT INTO leases VALUES ('/x', 'no run', 'no driver')"),
        "integrity", "error", '"leases" refers to nothing',
    ),
    "a clock that was set back": (
        execute("UPDATE runs SET created_at = created_at + 3600"),
        "clock", "warn", "is dated in the future",
    ),
    "a lease of a run that has ended": (
        execute("INSERT INTO leases SELECT '/x', id, driver FROM runs"),
        "leases", "warn", "1 lease is of runs that have ended",
    ),
    "what a dead attempt staged": (
        lambda root: (root / ".trc/staging/a-left").write_text("x"),
        "staging", "warn", "1 file (0.0 MB), such as",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", HARM)
def test_harm_is_found(shop: Any, what: str) -> None:
    harm, check, level, told = HARM[what]
    harm(shop.root)
    before = tree(shop.root)
    found = doctor(shop, code=1 if level == "error" else 0)
    assert wrong(found) == [(check, level)]
    assert told in about(found, check)["text"]
    assert tree(shop.root) == before


def test_bytes_that_rotted_are_found(shop: Any) -> None:
    """What a run believes, since size and times are as they were, is read all the same."""
    path = shop.root / "out/total.csv"
    path.write_text(path.read_text().replace("999", "998"))
    stat = path.stat()
    with sqlite3.connect(shop.root / ".trc/state.db") as connection:
        digest = next(
            digest
            for (outputs,) in connection.execute("SELECT outputs FROM results WHERE task = 'total'")
            for digest in [outputs.split('"')[5]]
        )
        row = (str(path), stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino, stat.st_dev, digest, 0, "")
        connection.execute("INSERT OR REPLACE INTO file_digests VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    connection.close()
    one = about(doctor(shop, code=1), "outputs")
    assert "does not hold what its task wrote, and its size and times say that it did not change" in one["text"]
    assert (one["pipeline"], one["task"], one["path"]) == ("shop", "total", str(path))


def test_output_that_another_task_took_over_is_no_harm(shop: Any) -> None:
    shop.write("p.yaml", PIPELINE.replace("id: total", "id: number").replace("as n", "as number"))
    shop.states()
    assert wrong(doctor(shop)) == []


def test_project_that_was_moved_is_well(shop: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("moved") / "shop"
    shop.root.rename(other)
    assert wrong(doctor(type(shop)(other))) == []
    (other / "out/total.csv").unlink()
    assert str(other / "out/total.csv") in about(doctor(type(shop)(other)), "outputs")["text"]
    other.rename(shop.root)


SLOW = """
name: slow
nodes:
  - id: slow
    type: shell
    params:
      command: 'echo part > "$TRC_OUTPUT_OUTPUT"; cat gate'
      output_uri: out/slow.txt
      output_format: file
"""


def test_runs_of_the_living_and_of_the_dead(shop: Any) -> None:
    shop.write("slow.yaml", SLOW)
    os.mkfifo(shop.root / "gate")
    process = shop.start("run", "slow.yaml")
    with (shop.root / "gate").open("w"):
        found = doctor(shop)
        assert wrong(found) == []
        assert any("of slow: going on" in one["text"] for one in found["findings"])
        shop.kill(process)
    before = tree(shop.root / ".trc")
    found = doctor(shop)
    assert wrong(found) == [("runs", "warn"), ("leases", "warn"), ("staging", "warn")]
    assert about(found, "runs")["remedy"] == "`trc run slow.yaml` goes on with it"
    assert "holds 1 output location" in about(found, "leases")["text"]
    after = tree(shop.root / ".trc")
    # The index of a log that was left is SQLite's own, and made anew by whoever reads.
    assert {name: found for name, found in after.items() if not name.endswith("-shm")} == {
        name: found for name, found in before.items() if not name.endswith("-shm")
    }
