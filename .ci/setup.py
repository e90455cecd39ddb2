"""Sets up `.venv` with locked packages; does nothing where that is done already.

Runs on the machine's own Python, 3.11 or later, with nothing but pip or ensurepip beside it.
"""
# ruff: noqa: INP001, T201

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import subprocess
import sys
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"

# setuptools comes first: the example's data package and trc itself are built with it.
PROFILES = {
    "demo": ("build", "examples"),
    "dev": ("build", "dev"),
    "bench": ("build", "dev", "bench"),
}
COVERS = {"demo": (), "dev": ("demo",), "bench": ("demo", "dev")}
COMPILED = ("compiler", "backends", "runtime", "stdlib_tasks", "src")


def main(profile: str) -> int:
    """Brings `.venv` to what `profile` wants."""
    with locked():
        if is_done(profile):
            return 0
        started = time.monotonic()
        print(f"setting up .venv for {profile}, once ...", flush=True)
        if not PYTHON.exists() or not has_enough(PYTHON):
            venv.create(VENV, with_pip=False, symlinks=True, clear=PYTHON.exists())
        pip = find_pip()
        for lock in PROFILES[profile]:
            install(pip, "--require-hashes", "--no-deps", "-r", str(lock_path(lock)))
        install(pip, "--no-deps", "--editable", str(ROOT))
        compile_bytes()
        for name in (profile, *COVERS[profile]):
            stamp(name).write_text(wanted(name))
        print(f"done in {time.monotonic() - started:.0f}s", flush=True)
    return 0


class locked:  # noqa: N801 - reads as a word in a with statement
    """Holds the checkout, so that two targets of `make -j` do not set up at once."""

    def __enter__(self) -> None:
        self.handle = os.open(ROOT, os.O_RDONLY)
        fcntl.flock(self.handle, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        os.close(self.handle)


def is_done(profile: str) -> bool:
    path = stamp(profile)
    return PYTHON.exists() and path.exists() and path.read_text() == wanted(profile)


def stamp(profile: str) -> Path:
    return VENV / f"{profile}.stamp"


def lock_path(name: str) -> Path:
    return ROOT / "requirements" / f"{name}.lock"


def wanted(profile: str) -> str:
    """What the stamp of a finished set-up says: the place (scripts hold it) and all that was installed."""
    digest = hashlib.sha256(str(ROOT).encode())
    for path in (*map(lock_path, PROFILES[profile]), ROOT / "pyproject.toml"):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def has_enough(python: Path) -> bool:
    check = "import sys; sys.exit(sys.version_info < (3, 11))"
    return subprocess.run([python, "-c", check], check=False, capture_output=True).returncode == 0


def find_pip() -> list[str]:
    """This Python's pip, told to install into `.venv`; or one of `.venv`'s own where this has none."""
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip", "--python", str(PYTHON)]
    if subprocess.run([PYTHON, "-m", "ensurepip", "--default-pip"], check=False, capture_output=True).returncode:
        sys.exit(f"{sys.executable} has neither pip nor ensurepip: install one of them (Debian: python3-pip)")
    return [str(PYTHON), "-m", "pip"]


def install(pip: list[str], *what: str) -> None:
    quiet = ["-qq", "--disable-pip-version-check", "--no-input", "--root-user-action=ignore"]
    subprocess.run([*pip, "install", *quiet, "--no-build-isolation", *what], check=True, cwd=ROOT)


def compile_bytes() -> None:
    """Starting is fast then even where the environment forbids Python to write bytecode as it imports."""
    places = [str(VENV / "lib"), *(str(ROOT / folder) for folder in COMPILED)]
    subprocess.run([PYTHON, "-m", "compileall", "-q", "-j", "0", *places], check=False, cwd=ROOT)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1]))
    except subprocess.CalledProcessError as error:
        sys.exit(f"setting up .venv stopped: {' '.join(map(str, error.cmd))}")
