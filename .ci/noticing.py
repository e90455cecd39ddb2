"""A copy of the project to plant mistakes in, and which test notices one."""
# ruff: noqa: INP001

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_WHOLE = ("compiler", "runtime", "backends", "stdlib_tasks", "schemas", "pyproject.toml")


@contextmanager
def copied(changed: Collection[str]) -> Iterator[Path]:
    """A project like this one, in which the folders `changed` can be written to; gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "project"
        copy.mkdir()
        for name in ("src", "tests", *changed):
            shutil.copytree(ROOT / name, copy / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        for name in _WHOLE:
            if name not in changed:
                (copy / name).symlink_to(ROOT / name)
        yield copy


def noticed(copy: Path, tests: Sequence[str]) -> str:
    """The first of the tests that fails on the copy, or nothing."""
    environment = {**os.environ, "PYTHONPATH": f"{copy / 'src'}", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [
        sys.executable,
        "-m",
        "pytest",
        *tests,
        "-q",
        "-x",
        "-n",
        "0",
        "-m",
        "not long",
        "-p",
        "no:cacheprovider",
    ]
    done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False)
    failed = next((line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))), "")
    return failed.partition("::")[2].partition(" - ")[0] or (failed and "an error")
