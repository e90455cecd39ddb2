"""Packages that are installed on request."""

from __future__ import annotations

from importlib.util import find_spec

from trc.runtime.errors import stopped


def require_extra(extra: str, package: str) -> None:
    """Stops a command whose optional package is not installed."""
    if find_spec(package) is None:
        remedy = f"install it: pip install 'trc-pipelines[{extra}]'"
        raise stopped("TRC620", f'"trc {extra}" needs the package "{package}", which is not installed', remedy)
