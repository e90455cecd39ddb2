"""The Dockerfile of an environment: a function of what the environment holds, so that equal ones are one image."""

from __future__ import annotations

from typing import Final

from trc.backends.trouble import Trouble
from trc.compiler.environments.names import IMAGE_LIKE, PACKAGE_LIKE, is_image, is_system_package
from trc.compiler.environments.wanted import Locked, LockedEnvironment
from trc.runtime.taskside.records import record

REQUIREMENTS: Final = "requirements.txt"
FOLDER: Final = "/opt/trc"
INDEX_ARGUMENTS: Final = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST")
"""What says where packages come from, of the variables that pip knows. They stay in a stage that no image is made of."""


_STANDARD: Final = (
    "base64, contextlib, dataclasses, datetime, decimal, fcntl, hashlib, importlib, json, logging, operator, pathlib, resource, "
    "select, shutil, signal, socket, subprocess, tempfile, threading, traceback, typing, urllib.parse"
)
"""What every task's process imports of Python's own: images often come without its bytecode, which a container could not keep."""


@record(frozen=True, slots=True)
class Recipe:
    """What an image is made of. Without packages it is its `base` as it is."""

    base: str
    locked: LockedEnvironment | None = None
    system_packages: tuple[str, ...] = ()
    is_given: bool = False
    """Whether the base is the author's, whose tag may come to mean another image."""

    @property
    def is_base(self) -> bool:
        return self.locked is None and not self.system_packages

    @property
    def described(self) -> str:
        """In words: the image, and what is installed into it."""
        parts = [self.base]
        if self.locked is not None:
            number = len(self.locked.packages)
            parts.append(f"{number} package{'' if number == 1 else 's'}")
        if self.system_packages:
            number = len(self.system_packages)
            parts.append(f"{number} system package{'' if number == 1 else 's'}")
        return ", ".join(parts)

    def files(self) -> dict[str, str]:
        """The context of the build, by path. Raises `Trouble` for what must not stand in a Dockerfile."""
        files = {"Dockerfile": dockerfile(self)}
        if self.locked is not None:
            files[REQUIREMENTS] = requirements(self.locked)
        return files


def dockerfile(recipe: Recipe) -> str:
    """System packages, then Python packages: each a layer that stays while what is before it does."""
    if not is_image(recipe.base):
        raise Trouble("docker_pull", f'"{recipe.base}" is not the name of an image', IMAGE_LIKE)
    lines = [f"FROM {recipe.base} AS system", "USER root"]
    if recipe.system_packages:
        lines += [
            "RUN apt-get update \\",
            " && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \\",
            *(f"    {package} \\" for package in _system(recipe.system_packages)),
            " && rm -rf /var/lib/apt/lists/*",
        ]
    if recipe.locked is not None:
        lines += [
            "",
            "FROM system AS packages",
            *(f"ARG {name}" for name in INDEX_ARGUMENTS),
            f"RUN python3 -m venv --without-pip {FOLDER}/env",
            f"COPY {REQUIREMENTS} {FOLDER}/{REQUIREMENTS}",
            f"RUN python3 -m pip --python {FOLDER}/env/bin/python install --no-cache-dir --disable-pip-version-check \\",
            f"    --no-input --no-deps --only-binary :all: {_hashed(recipe.locked)}-r {FOLDER}/{REQUIREMENTS}",
            "",
            "FROM system",
            f"COPY --from=packages {FOLDER}/env {FOLDER}/env",
            f"ENV PATH={FOLDER}/env/bin:$PATH VIRTUAL_ENV={FOLDER}/env PYTHONNOUSERSITE=1",
            f'RUN python3 -c "import {_STANDARD}"',
        ]
    return "\n".join(lines) + "\n"


def requirements(locked: LockedEnvironment) -> str:
    """The packages as pip reads them."""
    return "".join(map(_line, locked.packages))


def _line(one: Locked) -> str:
    marker = f" ; {one.marker}" if one.marker else ""
    return f"{one.name}=={one.version}{marker}{''.join(f' --hash={value}' for value in one.hashes)}\n"


def _hashed(locked: LockedEnvironment) -> str:
    # What nobody locked, trc's own version of DuckDB, has no hashes here.
    return "--require-hashes " if any(one.hashes for one in locked.packages) else ""


def _system(packages: tuple[str, ...]) -> list[str]:
    odd = next((one for one in packages if not is_system_package(one)), None)
    if odd is not None:
        raise Trouble("docker_build", f'"{odd}" is not the name of a Debian package', PACKAGE_LIKE)
    return sorted(set(packages))
