"""From what a task asks for to what its image is made of."""

from __future__ import annotations

import sys
from importlib.metadata import version

from trc.backends.docker.dockerfile import Recipe
from trc.compiler.environments.wanted import Locked, LockedEnvironment
from trc.runtime.environments.built import locked_environment


def recipe_of(
    project: str, environment: str, image: str, system_packages: tuple[str, ...], base: str
) -> tuple[Recipe, str]:
    """What the image is made of, and the Python that it has to have; empty where any will do. Raises `NotBuilt`.

    `environment` is a digest in the project's lock file; `base` is for those who name no image.
    """
    if image and not environment:
        return Recipe(image, None, system_packages, is_given=True), ""
    locked = locked_environment(project, environment) if environment else own_environment()
    named = image or base.replace("{python}", locked.python)
    return Recipe(named, locked, system_packages, is_given=bool(image)), locked.python


def own_environment() -> LockedEnvironment:
    """What tasks that pin nothing run in: this Python's minor version, and this DuckDB, which their keys hold."""
    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    return LockedEnvironment(python, packages=(Locked("duckdb", version("duckdb"), ()),))
