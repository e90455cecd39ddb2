"""Environments for tests: one cache for all of a session, and what there is to build them with."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from pathlib import Path

import pytest

from trc.compiler.environments.requirement import Requirement
from trc.compiler.environments.wanted import Wanted
from trc.runtime.environments.pythons import OWN, find_python
from trc.runtime.environments.resolving import Unresolved, resolve


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Path]:
    """Where trc and uv keep what they built and fetched, for the whole session; Pythons are those of the account."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "environments"
    folder.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRC_CACHE", str(folder / "trc"))
        patch.setenv("UV_CACHE_DIR", str(folder / "uv"))
        patch.setenv("PYENV_ROOT", str(Path(pwd.getpwuid(os.getuid()).pw_dir) / ".pyenv"))
        yield folder


@pytest.fixture(scope="session")
def index(cache: Path) -> None:
    """The package index answers, or the test is skipped."""
    del cache
    found = resolve(Wanted(OWN, (Requirement("six", "six==1.16.0"),)), OWN, {}, os.environ)
    if isinstance(found, Unresolved):
        pytest.skip(f"no package index is reachable: {found.lines[-1]}")


@pytest.fixture(scope="session")
def other_pythons(cache: Path) -> tuple[str, str]:
    """Two minor versions that are on this machine, the oldest and the newest that tasks may run on."""
    del cache
    found = [version for version in ("3.9", "3.10", "3.11", "3.12", "3.13") if find_python(version, os.environ)]
    if len(found) < 2:
        pytest.skip("there is only one Python on this machine")
    return found[0], found[-1]
