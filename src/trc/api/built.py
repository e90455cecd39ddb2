"""The environments that were built on this machine: what there is, and what nobody uses."""

from __future__ import annotations

from pathlib import Path

from trc.runtime.environments.built import Environments, Kept, cache_folder
from trc.settings import variables_of_uv


def environments() -> tuple[Path, tuple[Kept, ...]]:
    """The folder that they lie in, and each of them."""
    environ = variables_of_uv()
    folder = cache_folder(environ)
    return folder, tuple(Environments(folder, environ).kept())


def collect_environments(age: float, *, dry: bool = False) -> tuple[Kept, ...]:
    """Removes those that nobody has used for `age` seconds, and never one in use; with `dry`, only tells which."""
    environ = variables_of_uv()
    return Environments(cache_folder(environ), environ).collect(age, dry=dry)
