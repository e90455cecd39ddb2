"""Finds backends, ours and others', by their entry points."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint

from trc.backends.base import Backend
from trc.compiler.diagnostics.nearest import did_you_mean
from trc.runtime.errors import stopped
from trc.runtime.installed import offered

GROUP = "trc.backends"


def backend_named(name: str) -> Backend:
    """The backend of that name; Stopped, with the names that there are, where there is none."""
    found = _installed()
    if name not in found:
        known = ", ".join(f'"{one}"' for one in sorted(found)) or "none"
        raise stopped("TRC504", f'there is no backend "{name}"', *did_you_mean(name, found), f"installed: {known}")
    backend: Backend = found[name].load()()
    return backend


@cache
def _installed() -> Mapping[str, EntryPoint]:
    """The backends' entry points by name. Looking takes milliseconds, so it is done once."""
    return {entry.name: entry for entry in offered(GROUP)}
