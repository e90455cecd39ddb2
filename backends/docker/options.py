"""What a project says of its containers: the table `[docker]` of `trc.toml`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from trc.backends.options import Key, boolean, count, matching, one_of, size_of
from trc.runtime.taskside.records import record

Isolation = Literal["strict", "warm"]
Policy = Literal["missing", "always", "never"]


@record(frozen=True, slots=True)
class DockerOptions:
    """How containers are made. Sizes are in bytes."""

    isolation: Isolation = "warm"
    """`strict`: a container an attempt; `warm`: one serves attempts of one environment, one after the other."""
    base: str = "python:{python}-slim"
    """What images are built on; `{python}` is the minor version of an environment."""
    network: str = "bridge"
    """What Docker calls the network that tasks see; `none` for no network."""
    build: Policy = "missing"
    pull: Policy = "missing"
    read_only: bool = True
    """Whether tasks see the files of their image as they are, and cannot write there."""
    pids: int = 4096
    """How many processes and threads a container may have."""
    shm: int | None = None
    """Of /dev/shm; None for what the engine gives by itself."""


def options_of(written: Mapping[str, Any]) -> DockerOptions:
    """The options of a table whose values were read by `KEYS`."""
    return DockerOptions(**written)


_NAME: Final = r"[A-Za-z0-9][A-Za-z0-9_.-]*"

KEYS: Final[Mapping[str, Key]] = {
    "isolation": Key('is "strict" or "warm"', 'isolation = "strict"', one_of("strict", "warm")),
    "base": Key(
        "takes an image, with {python} for the version", 'base = "python:{python}-slim"',
        matching(r"[A-Za-z0-9](?:[A-Za-z0-9._:/@-]|\{python\})*"),
    ),
    "network": Key("takes the name of a network of Docker", 'network = "none"', matching(_NAME)),
    "build": Key('is "missing", "always" or "never"', 'build = "never"', one_of("missing", "always", "never")),
    "pull": Key('is "missing", "always" or "never"', 'pull = "never"', one_of("missing", "always", "never")),
    "read_only": Key("is true or false", "read_only = false", boolean),
    "pids": Key("takes a whole number from 16 to 4194304", "pids = 512", count(16, 1 << 22)),
    "shm": Key("takes a size", 'shm = "256 MB"', size_of),
}  # fmt: skip
