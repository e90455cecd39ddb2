"""An engine whose containers have users of their own (`userns-remap`): a second one, without a network for builds, too."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.engine import BASE, engine
from tests.engines import second
from tests.environments import cache, index

__all__ = ["cache", "engine", "index"]
pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("engine", "cache")]

IMAGE = BASE.format(python=f"{sys.version_info[0]}.{sys.version_info[1]}")
SUBORDINATE = "nobody:100000:65536\nnogroup:100000:65536\n"
# The machine's own files stay as they are: what is mounted over them is seen by this engine alone.
MOUNTED = 'mount --make-rprivate / && mount --bind $0 /etc/subuid && mount --bind $0 /etc/subgid && exec "$@"'


@contextmanager
def open_to_all() -> Iterator[Path]:
    """A folder below which users of an engine may go, unlike those of tests."""
    with tempfile.TemporaryDirectory(prefix="trc-test-", dir="/var/tmp", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o711)
        yield Path(name)


@pytest.fixture
def remapped(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests' variables name an engine that knows the image of a Python, and whose users are others than this machine's."""
    if not second.can_run() or shutil.which("unshare") is None:
        pytest.skip("an engine with users of its own takes root, `dockerd` and `unshare`")
    folder = tmp_path_factory.mktemp("remapped")
    given = folder / "subordinate"
    given.write_text(SUBORDINATE)
    within = ("unshare", "-m", "sh", "-c", MOUNTED, str(given))
    with open_to_all() as data, second.running(folder, data, "--userns-remap=nobody:nogroup", within=within) as address:
        with subprocess.Popen(["docker", "-H", engine, "save", IMAGE], stdout=subprocess.PIPE) as saved:
            subprocess.run(["docker", "-H", address, "load"], stdin=saved.stdout, check=True, capture_output=True)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("DOCKER_HOST", address)
            yield


@pytest.mark.usefixtures("remapped")
def test_files_belong_to_the_user_and_a_build_without_a_network_says_so(space: Any, index: None) -> None:
    del index
    space.write("trc.toml", f'[docker]\nbase = "{BASE}"\nnetwork = "none"\n')
    space.write(
        "p.trc",
        f"""
pipeline "p" {{ }}

task told = shell $$ id -u > "$TRC_OUTPUT_OUTPUT" $$ {{
  output = file("out/told.txt")
  environment {{ image = "{IMAGE}" }}
}}

task pinned = shell $$ true $$ {{
  environment {{ requirements = ["six==1.16.0"] }}
}}
""",
    )
    space.trc("lock")
    done = space.trc("run", "p.trc", "--backend", "docker", code=1)
    assert space.read("out/told.txt") == f"{os.getuid()}\n"
    assert (space.root / "out/told.txt").stat().st_uid == os.getuid()
    assert (
        'error[TRC648]: task "pinned" failed: the image of the environment cannot be built: packages cannot be reached from the build'
        in done.err
    )
    assert "p.trc:9:17" in done.err
