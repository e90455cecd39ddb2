"""The example of a fan-out: on this machine and on a Ray cluster, with equal results."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.cluster import cluster_token, head
from tests.warm import COMMANDS

__all__ = ["cluster_token", "head"]

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "fanout"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EXAMPLE, tmp_path / "fanout", ignore=shutil.ignore_patterns(".trc", "out")))


def outputs(folder: Path, *arguments: str) -> dict[str, str]:
    done = COMMANDS.run(["run", "fanout.trc", "--param", "numbers=6000", *arguments], folder)
    assert done.code == 0, done.out + done.err
    return {path.name: path.read_text() for path in (folder / "out").rglob("*.csv")}


def test_each_part_is_a_run_of_its_own(folder: Path) -> None:
    found = outputs(folder)
    assert len(found) == 13
    assert found["record.csv"].startswith("number,steps\n3711,237\n")


@pytest.mark.long
def test_a_cluster_gives_the_same(folder: Path, head: str) -> None:
    here = outputs(folder)
    shutil.rmtree(folder / ".trc")
    shutil.rmtree(folder / "out")
    with (folder / "trc.toml").open("a") as file:
        file.write(f'\n[ray]\naddress = "{head}"\n')
    assert outputs(folder, "--backend", "ray") == here
