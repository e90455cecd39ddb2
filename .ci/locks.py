"""Writes the lock files under requirements/, or checks that they belong to pyproject.toml as it is.

Each lock says in its first line which inputs it was made from, so that the check needs no network.
"""
# ruff: noqa: INP001, T201

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "requirements"

# The data package of the example asks for pandas, which only its Python code needs: its data is all that is read.
NOT_NEEDED = ("numpy", "pandas")


def main(arguments: list[str]) -> int:
    """`--check` compares; without it the locks are written, with newest versions where `--upgrade` is given."""
    if "--check" in arguments:
        stale = [name for name, inputs in wanted().items() if not is_current(FOLDER / f"{name}.lock", inputs)]
        for name in stale:
            print(f"requirements/{name}.lock was not made from this pyproject.toml: make lock", file=sys.stderr)
        return 1 if stale else 0
    for name, inputs in wanted().items():
        write(FOLDER / f"{name}.lock", inputs, upgrade="--upgrade" in arguments)
    return 0


def wanted() -> dict[str, list[str]]:
    """The requirements that each lock is made from. `dev` comes first: the others take its versions."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    needed = project["project"]["dependencies"]
    extras = project["project"]["optional-dependencies"]
    build = project["build-system"]["requires"]
    return {
        "dev": [*needed, *extras["examples"], *extras["dev"]],
        "examples": [*needed, *extras["examples"]],
        "build": build,
        "bench": (ROOT / "benchmarks" / "requirements.txt").read_text(encoding="utf-8").split(),
    }


def is_current(path: Path, inputs: list[str]) -> bool:
    return path.exists() and path.read_text(encoding="utf-8").startswith(header(inputs))


def header(inputs: list[str]) -> str:
    return f"# made by `make lock` from {hashlib.sha256(json.dumps(inputs).encode()).hexdigest()}\n"


def write(path: Path, inputs: list[str], *, upgrade: bool) -> None:
    """Resolves for every platform and Python, with hashes; keeps the versions that the lock has already."""
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal", "--generate-hashes"]
    command += ["--python-version", "3.11", "--no-header", "--no-annotate", "--output-file", str(path)]
    command += [f"--no-emit-package={name}" for name in NOT_NEEDED]
    command += ["--upgrade"] if upgrade else []
    if path.name != "dev.lock":
        command += ["--constraint", str(FOLDER / "dev.lock")]
    with tempfile.NamedTemporaryFile("w", suffix=".in") as file:
        file.write("\n".join(inputs))
        file.flush()
        subprocess.run([*command, file.name], check=True)
    pins = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    path.write_text(header(inputs) + "\n".join(pins) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
