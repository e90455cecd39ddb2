"""What a project says of its cluster: the table `[ray]` of `trc.toml`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from trc.backends.options import Key, boolean, count, matching, size_of
from trc.runtime.taskside.records import record

_HOST: Final = r"(?:[A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9A-Fa-f:.]+\])"
_PORT: Final = r"[1-9][0-9]{0,4}"


@record(frozen=True, slots=True)
class RayOptions:
    """Where attempts run. Sizes are in bytes."""

    address: str = ""
    """The cluster to join: `auto` for the one of this machine, or where its head listens; empty to start one for the run."""
    workers: int | None = None
    """How many attempts run at a time; None for as many as a cluster that is joined has processors."""
    wait_for_nodes: int = 60
    """Seconds in which a node may join that can run what none of those can which are there."""
    dashboard: bool = False
    """Whether a cluster that is started has Ray's dashboard."""
    object_store: int = 100 << 20
    """Of a cluster that is started, the memory that Ray keeps for objects. What tasks hand on is files."""


def options_of(written: Mapping[str, Any]) -> RayOptions:
    """The options of a table whose values were read by `KEYS`."""
    return RayOptions(**written)


def _store(value: Any) -> int:
    size = size_of(value)
    if size < 80 << 20:  # Ray takes no less
        raise ValueError(value)
    return size


KEYS: Final[Mapping[str, Key]] = {
    "address": Key(
        'is "auto", or the host and port where the head of a cluster listens', 'address = "10.0.0.5:6379"',
        matching(rf"auto|{_HOST}:{_PORT}"),
    ),
    "workers": Key("takes a whole number from 1 to 100000", "workers = 64", count(1, 100_000)),
    "wait_for_nodes": Key("takes a whole number of seconds from 0 to 86400", "wait_for_nodes = 300", count(0, 86_400)),
    "dashboard": Key("is true or false", "dashboard = true", boolean),
    "object_store": Key("takes a size of at least 80 MiB", 'object_store = "200 MB"', _store),
}  # fmt: skip
