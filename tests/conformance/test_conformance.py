"""One meaning on every backend: each small pipeline gives the same sinks, states, attempts and reasons.

A backend joins by a line in `BACKENDS`. What is expected of the first one is written beside the pipelines; the
others are held to that, and to the bytes that it wrote.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.engine import BASE, engine
from tests.warm import COMMANDS

__all__ = ["engine"]

CASES: dict[str, dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "pipelines.yaml").read_text())
BACKENDS = {
    "local": ("", ()),
    "docker": (f'[docker]\nbase = "{BASE}"\n', (pytest.mark.engine,)),
    "docker-strict": (f'[docker]\nbase = "{BASE}"\nisolation = "strict"\nnetwork = "none"\n', (pytest.mark.engine,)),
}


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def sinks(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("out/*"))}


def message(task: dict[str, Any], folder: Path) -> str:
    """What a failure says, without what is another in each run."""
    text: str = task["error"]["message"].replace(str(folder), "")
    return re.sub(r"/staging/\S+", "/staging/…", text)


def play(folder: Path, case: dict[str, Any], backend: str, settings: str) -> list[dict[str, Any]]:
    """What each run of the case came to, and what is there to be seen after it."""
    write(folder, {"p.trc": case["pipeline"], "trc.toml": settings, **case.get("files", {})})
    told = []
    for run in case["runs"]:
        write(folder, run.get("write", {}))
        done = COMMANDS.run(["run", "p.trc", "--json", "--backend", backend, "--no-optimise"], folder)
        assert done.code in {0, 1}, done.err
        tasks = [one for one in done.json["tasks"] if "[" in one["task"] or not run.get("only")]
        told.append(
            {
                "states": {one["task"]: one["state"] for one in tasks},
                "attempts": {one["task"]: one["attempt"] for one in tasks},
                "reasons": {one["task"]: one["error"]["reason"] for one in tasks if one["error"]},
                "messages": {one["task"]: message(one, folder) for one in tasks if one["error"]},
                "why": {one["task"]: one["reason"]["code"] for one in tasks},
                "sinks": sinks(folder),
            }
        )
    return told


@pytest.mark.parametrize("name", CASES)
def test_it_means_on_this_machine_what_is_written(name: str, tmp_path: Path) -> None:
    for run, seen in zip(CASES[name]["runs"], play(tmp_path, CASES[name], "local", "")):
        for what in ("states", "attempts", "reasons"):
            if what in run:
                assert seen[what] == run[what]


@pytest.mark.parametrize(
    "backend", [pytest.param(one, marks=marks) for one, (_, marks) in BACKENDS.items() if one != "local"]
)
@pytest.mark.parametrize("name", CASES)
def test_it_means_the_same_elsewhere(name: str, backend: str, tmp_path: Path, engine: str) -> None:
    del engine
    local, other = tmp_path / "local", tmp_path / backend
    expected = play(local, CASES[name], "local", "")
    assert play(other, CASES[name], backend.partition("-")[0], BACKENDS[backend][0]) == expected
