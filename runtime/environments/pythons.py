"""Finds the Pythons of this machine. None is ever downloaded: a run should not depend on that."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from trc.runtime.environments.uv import call_uv

OWN = f"{sys.version_info[0]}.{sys.version_info[1]}"
"""The minor version that trc runs on."""


def find_python(version: str, environ: Mapping[str, str]) -> str | None:
    """An interpreter of a minor version: trc's own, one that uv finds, or one of pyenv's. Raises `NoUv`."""
    return next((path for path in _candidates(version, environ) if _is(path, version)), None)


def how_to_get(version: str) -> str:
    """What helps where a Python is not there."""
    return f"install it, such as with `uv python install {version}`"


def _candidates(version: str, environ: Mapping[str, str]) -> Iterator[str]:
    if version == OWN:
        yield sys.executable
    answer = call_uv(
        ["python", "find", "--no-project", "--system", "--no-python-downloads", version], environ, Path("/")
    )
    if answer.code == 0:
        yield answer.out.strip()
    # uv knows pyenv's Pythons by their shims, which answer only where a project has chosen them.
    root = environ.get("PYENV_ROOT") or f"{environ.get('HOME', '/nonexistent')}/.pyenv"
    yield from map(str, sorted(Path(root).glob(f"versions/{version}.*/bin/python"), key=_patch, reverse=True))


def _patch(path: Path) -> int:
    told = path.parents[1].name.rpartition(".")[2]
    return int(told) if told.isdigit() else -1


def _is(path: str, version: str) -> bool:
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        done = subprocess.run([path, "-I", "-c", code], capture_output=True, check=False, text=True, cwd="/")
    except OSError:
        return False
    return done.returncode == 0 and done.stdout.strip() == version
