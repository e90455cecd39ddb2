"""Finds backends, ours and others', by their entry points."""

from __future__ import annotations

from importlib.metadata import entry_points

from trc.backends.base import Backend
from trc.compiler.diagnostics.nearest import did_you_mean
from trc.runtime.errors import stopped

GROUP = "trc.backends"


def backend_named(name: str) -> Backend:
    """The backend of that name; Stopped, with the names that there are, where there is none."""
    found = {entry.name: entry for entry in entry_points(group=GROUP)}
    if name not in found:
        known = ", ".join(f'"{one}"' for one in sorted(found)) or "none"
        raise stopped("TRC504", f'there is no backend "{name}"', *did_you_mean(name, found), f"installed: {known}")
    backend: Backend = found[name].load()()
    return backend
