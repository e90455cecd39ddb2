"""Packages that are installed on request."""

from __future__ import annotations

from importlib.util import find_spec

from trc.runtime.errors import stopped


def require_extra(extra: str, package: str, what: str | None = None) -> None:
    """Stops a command whose optional package is not installed; `what` it is needed for is else the command of that name."""
    if not _is_there(package):
        remedy = f"install it: pip install 'trc-pipelines[{extra}]'"
        needing = what or f'"trc {extra}"'
        raise stopped("TRC620", f'{needing} needs the package "{package}", which is not installed', remedy)


def _is_there(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:  # what it is part of is missing
        return False
