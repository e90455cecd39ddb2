"""One meaning on every backend: each small pipeline gives the same sinks, states, attempts, reasons, events and logs.

A backend joins by a line in `BACKENDS`. What is expected of the first one is written beside the pipelines; the
others are held to that, and to all else that was seen there.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache as once
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.cluster import cluster_token, head, three_nodes
from tests.conformance.playing import Backend, Seen, play, write
from tests.engine import BASE, engine
from tests.environments import cache, index
from tests.warm import COMMANDS

__all__ = ["cache", "cluster_token", "engine", "head", "index", "three_nodes"]

CASES: dict[str, dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "pipelines.yaml").read_text())
MEANINGS: dict[str, list[str]] = yaml.safe_load((Path(__file__).parent / "meanings.yaml").read_text())
"""By what a pipeline means, the cases that hold backends to it."""
LOCAL = Backend("local")
PINNED = 'requirements = ["six==1.16.0"]'
JOINED = '[ray]\naddress = "@given@"\n'
STRICT = 'isolation = "strict"\nnetwork = "none"\n'
BACKENDS = {
    "local-venv": Backend("local", environment=PINNED, needs="lock", marks=(pytest.mark.long,)),
    "ray": Backend("ray", JOINED, needs="head", marks=(pytest.mark.long,)),
    "ray-cluster": Backend("ray", JOINED, needs="three_nodes", marks=(pytest.mark.long,)),
    "docker": Backend("docker", f'[docker]\nbase = "{BASE}"\n', needs="engine", marks=(pytest.mark.engine,)),
    "docker-strict": Backend("docker", f'[docker]\nbase = "{BASE}"\n{STRICT}', needs="engine", marks=(pytest.mark.engine,)),
}  # fmt: skip


@pytest.fixture(scope="session")
def lock(index: None, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A lock file for tasks of any type whose environment is `PINNED`."""
    del index
    folder = tmp_path_factory.mktemp("lock")
    tasks = (
        f"task a = sql $$ select 1 as one $$\ntask b = shell $$ true $$\ndefaults {{ environment {{ {PINNED} }} }}\n"
    )
    write(folder, {"p.trc": f'pipeline "p" {{ }}\n{tasks}', "trc.toml": ""})
    assert COMMANDS.run(["lock"], folder).code == 0
    return (folder / "trc.lock").read_text()


@pytest.fixture(scope="session")
def seen_here(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], list[Seen]]:
    """What there is to be seen of a case on this machine, which is played once."""
    return once(lambda name: play(tmp_path_factory.mktemp("local"), CASES[name], LOCAL))


def test_each_meaning_has_pipelines_and_each_pipeline_a_meaning() -> None:
    assert {name for names in MEANINGS.values() for name in names} == CASES.keys()
    assert all(MEANINGS.values())


@pytest.mark.parametrize("name", CASES)
def test_it_means_on_this_machine_what_is_written(name: str, seen_here: Callable[[str], list[Seen]]) -> None:
    for run, seen in zip(CASES[name]["runs"], seen_here(name), strict=True):
        if "submitted_before" in run:
            assert seen == {"submitted_before": True, "code": 0}
            continue
        for what in ("states", "attempts", "reasons", "why", "blocked_by", "letters", "computed", "hooks"):
            assert seen[what] == run.get(what, seen[what]), what
        assert seen["logs"] == seen["logs"] | run.get("logs", {})
        sinks = {path: seen["sinks"].get(path, b"-").decode() for path in run.get("sinks", {})}
        assert sinks == {path: "-" if text is None else text for path, text in run.get("sinks", {}).items()}


@pytest.mark.parametrize("backend", [pytest.param(name, marks=one.marks) for name, one in BACKENDS.items()])
@pytest.mark.parametrize("name", CASES)
def test_it_means_the_same_elsewhere(
    name: str,
    backend: str,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    seen_here: Callable[[str], list[Seen]],
) -> None:
    there = BACKENDS[backend]
    given = request.getfixturevalue(there.needs)
    seen = play(tmp_path, CASES[name], there, given)
    for here, elsewhere in zip(seen_here(name), seen, strict=True):
        for what in here.keys() - set(CASES[name].get("apart", ())):
            assert elsewhere[what] == here[what], what
