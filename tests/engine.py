"""The Docker engine that tests run containers in: one that is there, or the tests that want one are left out."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from tests.engines.registry import Registry, is_installed, running

SCRIPT = Path(__file__).parent / "engines/docker_engine.py"
BASE = "trc-test/python:{python}"
"""What images of environments are built on, in tests."""
ADDRESS = os.environ.get("DOCKER_HOST") or ""


def api() -> Any:
    """A client of the engine."""
    docker: Any = import_module("docker")
    return docker.APIClient(base_url=os.environ["DOCKER_HOST"], version="auto")


def pythons() -> list[str]:
    """The minor versions that there are base images of."""
    tags = [tag for image in api().images() for tag in image["RepoTags"] or ()]
    found = [tag.rpartition(":")[2] for tag in tags if tag.startswith("trc-test/python:")]
    return sorted(found, key=lambda version: int(version.partition(".")[2]))


@pytest.fixture(scope="session")
def registry(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry with a password, or the test is left out. The user is not logged in there."""
    del engine
    if not is_installed():
        pytest.skip(f"there is no `docker-registry`: `{SCRIPT.relative_to(Path.cwd())} up` installs it")
    with running(tmp_path_factory.mktemp("registry")) as found:
        yield found


@pytest.fixture(scope="session")
def engine() -> Iterator[str]:
    """The address of an engine with base images, or the test is left out."""
    done = subprocess.run([SCRIPT, "find"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"{done.stderr.strip()}: `{SCRIPT.relative_to(Path.cwd())} up` starts one")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCKER_HOST", done.stdout.strip())
        yield done.stdout.strip()
