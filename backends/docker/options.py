"""What a project says of its containers: the table `[docker]` of `trc.toml`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Isolation = Literal["strict", "warm"]
Policy = Literal["missing", "always", "never"]

_SIZE: Final = re.compile(r"(\d+)\s*(kb|mb|gb|kib|mib|gib)", re.IGNORECASE)
_UNITS: Final = {"kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30}


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class Key:
    """A key of the table: what it `takes`, an example, and how its value is read. `read` raises ValueError."""

    takes: str
    example: str
    read: Callable[[Any], Any] = field(repr=False)


def size_of(value: Any) -> int:
    """Bytes of a text such as `256 MB`. Raises ValueError."""
    found = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None or not int(found[1]):
        raise ValueError(value)
    return int(found[1]) * _UNITS[found[2].lower()]


def options_of(written: Mapping[str, Any]) -> DockerOptions:
    """The options of a table whose values were read by `KEYS`."""
    return DockerOptions(**written)


def _one_of(*words: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if value not in words:
            raise ValueError(value)
        return str(value)

    return read


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(value)
    return value


def _count(value: Any) -> int:
    if type(value) is not int or not 16 <= value <= 1 << 22:
        raise ValueError(value)
    return value


def _matching(pattern: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise ValueError(value)
        return value

    return read


_NAME: Final = r"[A-Za-z0-9][A-Za-z0-9_.-]*"
IMAGE: Final = r"[A-Za-z0-9][A-Za-z0-9._:/@-]*"
"""What a reference to an image is made of."""

KEYS: Final[Mapping[str, Key]] = {
    "isolation": Key('is "strict" or "warm"', 'isolation = "strict"', _one_of("strict", "warm")),
    "base": Key(
        "takes an image, with {python} for the version", 'base = "python:{python}-slim"',
        _matching(r"[A-Za-z0-9](?:[A-Za-z0-9._:/@-]|\{python\})*"),
    ),
    "network": Key("takes the name of a network of Docker", 'network = "none"', _matching(_NAME)),
    "build": Key('is "missing", "always" or "never"', 'build = "never"', _one_of("missing", "always", "never")),
    "pull": Key('is "missing", "always" or "never"', 'pull = "never"', _one_of("missing", "always", "never")),
    "read_only": Key("is true or false", "read_only = false", _boolean),
    "pids": Key("takes a whole number from 16 to 4194304", "pids = 512", _count),
    "shm": Key("takes a size", 'shm = "256 MB"', size_of),
}  # fmt: skip
