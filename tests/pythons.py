"""The other Pythons of this machine, for what must be alike on each of them."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path


@cache
def interpreters(*minors: int) -> tuple[Path, ...]:
    """An interpreter for each 3.x that is found, by pyenv or on the PATH; this one alone where none is."""
    found = (_of_pyenv(minor) or _on_the_path(minor) for minor in minors)
    return tuple(path for path in found if path is not None) or (Path(sys.executable),)


def name_of(interpreter: Path) -> str:
    """A test's id: the version's folder, or the command's name."""
    return interpreter.parents[1].name if "pyenv" in str(interpreter) else interpreter.name


def _of_pyenv(minor: int) -> Path | None:
    found = sorted((_home() / ".pyenv" / "versions").glob(f"3.{minor}.*/bin/python"))
    return next((path for path in found if _runs(path)), None)


def _on_the_path(minor: int) -> Path | None:
    path = shutil.which(f"python3.{minor}")
    return Path(path) if path and _runs(Path(path)) else None


def _runs(path: Path) -> bool:
    """A shim may be there without its Python, and a folder that only its owner may enter."""
    try:
        return subprocess.run([path, "-I", "-c", ""], check=False, capture_output=True).returncode == 0
    except OSError:
        return False


def _home() -> Path:
    """Of the account: HOME is another folder in tests."""
    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        return Path("~").expanduser()
