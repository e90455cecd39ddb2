"""Finds out whether an endpoint carries out the conditions of writes: without them, two machines would write over each other."""

from __future__ import annotations

from contextlib import suppress
from secrets import token_hex
from typing import Final

from trc.runtime.errors import Stopped
from trc.runtime.s3store import complaints
from trc.runtime.s3store.objects import StateObjects

PROBE: Final = "probe-"
"""How the names of objects begin that only try something."""


def require_conditions(objects: StateObjects) -> None:
    """Writes an object of its own, tries to write over it, and removes it again: seven requests.

    Raises `Stopped` for an endpoint that lets a write pass whose condition does not hold, or knows no conditions.
    """
    name = f"{PROBE}{token_hex(8)}"
    try:
        _require(objects, name)
    except Stopped as stop:
        if "NotImplemented" in str(stop):
            told = "knows no conditions of writes (If-None-Match, If-Match)"
            raise _refused(objects, told) from stop
        raise
    finally:
        with suppress(Stopped):
            objects.remove([name])


def _require(objects: StateObjects, name: str) -> None:
    etag = objects.create(name, _body())
    if etag is None or objects.create(name, _body()) is not None:
        raise _refused(objects, "writes over an object although it is told to write a new one only (If-None-Match)")
    if objects.replace(name, _body(), "0" * 32) is not None:
        raise _refused(objects, "writes over an object that is another one than it is told to replace (If-Match)")
    if objects.replace(name, _body(), etag) is None:
        raise _refused(objects, "does not replace the object that it is told to replace (If-Match)")


def _body() -> bytes:
    return token_hex(16).encode()


def _refused(objects: StateObjects, what: str) -> Stopped:
    return complaints.ignores_conditions(objects.address, objects.endpoint, what)
