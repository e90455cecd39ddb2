"""An engine whose disk is full: a second one, whose images lie on a file system of a few megabytes that a file has filled."""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.engine import engine
from tests.engines import second
from tests.environments import cache, index

__all__ = ["cache", "engine", "index"]
pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("engine", "cache", "index")]

BASE = "trc-test/tiny:1"
PIPELINE = """
pipeline "p" { }

task pinned = shell $$ true $$ {
  output = file("pinned.txt")
  environment { requirements = ["six==1.16.0"] }
}

task other = shell $$ true $$ {
  environment { requirements = ["six==1.15.0"] }
}
"""


@pytest.fixture
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where an engine of 16 MiB keeps its images, one of which is there; tests' variables name it."""
    if not second.can_run():
        pytest.skip("an engine with a disk of its own takes root and `dockerd`")
    folder = tmp_path_factory.mktemp("small")
    place = folder / "disk"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "none", place], check=False).returncode != 0:
        pytest.skip("this machine mounts nothing")
    try:
        with second.running(folder, place / "data") as address, pytest.MonkeyPatch.context() as patch:
            patch.setenv("DOCKER_HOST", address)
            patch.setenv("PATH", second.PATH)
            # Nothing runs in it: a build has no room for its first step.
            buffer = io.BytesIO()
            with tarfile.open(fileobj=buffer, mode="w") as archive:
                archive.addfile(tarfile.TarInfo("empty"))
            done = subprocess.run(
                ["docker", "import", "-", BASE], input=buffer.getvalue(), capture_output=True, check=False
            )
            assert done.returncode == 0, done.stderr
            yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def fill(place: Path) -> None:
    """Leaves no byte."""
    chunk = bytes(4096)
    with (place / "filled").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(chunk)
        except OSError:
            return


def test_a_build_without_room_names_the_task_the_line_and_the_remedy(space: Any, small: Path) -> None:
    space.write("trc.toml", f'[docker]\nbase = "{BASE}"\n')
    space.write("p.trc", PIPELINE)
    space.trc("lock")
    fill(small)
    for words, first in (
        (("build", "p.trc"), 'what task "pinned" runs in cannot be had: there is no room left'),
        (("run", "p.trc", "--select", "pinned"), 'task "pinned" failed: there is no room left'),
    ):
        done = space.trc(*words, "--backend", "docker", code=1)
        assert f"error[TRC514]: {first} where the Docker engine keeps its images\n --> p.trc:5:17" in done.err
        assert "no space left on device" in done.err
        assert "`docker image prune` removes images that nobody uses" in done.err
        assert "TRC513" not in done.err
    assert not (space.root / "pinned.txt").exists()

    # With room it is another trouble, of this image.
    (small / "filled").unlink()
    assert "TRC514" not in space.trc("build", "p.trc", "--backend", "docker", code=1).err
