"""The example of conflicting environments: in virtual environments and in containers, with equal results."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from tests.engine import BASE, engine, pythons
from tests.environments import cache, index
from tests.warm import COMMANDS

from trc.runtime.environments.pythons import find_python

__all__ = ["cache", "engine", "index"]

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "isolation"
PYTHONS = ("3.9", "3.11", "3.12")
OUTPUTS = ("by_region.csv", "clean.csv", "report.txt")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EXAMPLE, tmp_path / "isolation", ignore=shutil.ignore_patterns(".trc", "out", "build")))


def outputs(folder: Path, *arguments: str) -> dict[str, str]:
    done = COMMANDS.run(["run", "isolation.trc", *arguments], folder)
    assert done.code == 0, done.out + done.err
    return {name: (folder / "out" / name).read_text() for name in OUTPUTS}


def test_the_example_is_locked_as_it_is_written(folder: Path) -> None:
    done = COMMANDS.run(["lock", "--check"], folder)
    assert done.code == 0, done.out + done.err


@pytest.mark.engine
def test_containers_and_virtual_environments_give_the_same(folder: Path, engine: str, index: None) -> None:
    del engine, index
    missing = [one for one in PYTHONS if find_python(one, os.environ) is None or one not in pythons()]
    if missing:
        pytest.skip(f"there is no Python {', '.join(missing)}")
    here = outputs(folder)
    assert "Python 3.12, pandas 2.2.3, DuckDB 1.4.1" in here["report.txt"]
    shutil.rmtree(folder / ".trc")
    shutil.rmtree(folder / "out")
    with (folder / "trc.toml").open("a") as file:
        file.write(f'\n[docker]\nbase = "{BASE}"\n')
    assert outputs(folder, "--backend", "docker") == here
