"""The lock file of a project: JSON that is the same for the same environments, and reads well in a diff."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from trc.compiler.environments.wanted import Locked, LockedEnvironment

LOCK_FILE: Final = "trc.lock"
"""Beside `trc.toml`, or beside the pipelines where there is none."""
_VERSION: Final = 1

Lock = Mapping[str, LockedEnvironment]
"""The environments, by what identifies the wishes for them."""


class Unreadable(ValueError):  # noqa: N818 - says what the text is
    """The text is no lock file, or one of another version of trc; says why in the reader's words."""


def read_lock(text: bytes) -> Lock:
    """The environments of a lock file. Raises `Unreadable`."""
    try:
        raw = json.loads(text.decode())
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"it is not the JSON that `trc lock` writes: {error}") from error
    version = raw.get("version") if isinstance(raw, dict) else None
    if version != _VERSION:
        raise Unreadable(f"it is of version {version!r}, and this trc reads {_VERSION}")
    try:
        return {identity: _environment(one) for identity, one in raw["environments"].items()}
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise Unreadable("it does not hold what `trc lock` writes") from error


def written_lock(lock: Lock) -> bytes:
    """The lock file of these environments."""
    environments = {
        identity: {
            "python": one.python,
            "requirements": one.requirements,
            "brought": one.brought,
            "packages": [_package(package) for package in one.packages],
        }
        for identity, one in sorted(lock.items(), key=lambda item: (item[1].python, item[1].requirements, item[0]))
    }
    return (json.dumps({"version": _VERSION, "environments": environments}, indent=1) + "\n").encode()


def _package(one: Locked) -> dict[str, Any]:
    marker = {"marker": one.marker} if one.marker else {}
    return {"name": one.name, "version": one.version, **marker, "hashes": one.hashes}


def _environment(raw: Mapping[str, Any]) -> LockedEnvironment:
    return LockedEnvironment(
        _text(raw["python"]),
        tuple(map(_text, raw["requirements"])),
        tuple(map(_text, raw["brought"])),
        tuple(
            Locked(
                _text(one["name"]),
                _text(one["version"]),
                tuple(map(_text, one["hashes"])),
                _text(one.get("marker", "")),
            )
            for one in raw["packages"]
        ),
    )


def _text(raw: object) -> str:
    # What it holds is handed to uv line by line.
    if not isinstance(raw, str) or not raw.isprintable():
        raise ValueError(raw)
    return raw
