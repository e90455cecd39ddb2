"""Finds out whether an endpoint carries out the conditions of writes: without them, two machines would write over each other."""

from __future__ import annotations

from secrets import token_hex
from typing import Final

from trc.runtime.errors import Stopped
from trc.runtime.s3store import complaints
from trc.runtime.s3store.objects import StateObjects
from trc.runtime.storage.errors import ObjectError

PROBE: Final = "probe-"
"""How the names of objects begin that only try something."""


def require_conditions(objects: StateObjects) -> None:
    """Writes an object of its own, tries to write over it, and removes it again: five requests.

    Raises `Stopped` for an endpoint that lets a write pass whose condition does not hold, or knows no conditions.
    """
    name, mine = f"{PROBE}{token_hex(8)}", token_hex(16).encode()
    try:
        etag = objects.create(name, mine)
    except Stopped as stop:
        raise (_unknown(objects) if "NotImplemented" in str(stop) else stop) from None
    try:
        if etag is None or _is_taken(objects, name, None):
            raise _refused(objects, "writes over an object although it is told to write a new one only (If-None-Match)")
        if _is_taken(objects, name, "0" * 32):
            raise _refused(objects, "writes over an object that is another one than it is told to replace (If-Match)")
        if objects.replace(name, mine + b"!", etag) is None:
            raise _refused(objects, "does not replace the object that it is told to replace (If-Match)")
    finally:
        objects.remove([name])


def _is_taken(objects: StateObjects, name: str, etag: str | None) -> bool:
    """Whether a write is taken whose condition does not hold."""
    try:
        return objects.write_once(name, token_hex(16).encode(), etag) is not None
    except ObjectError as error:
        if "NotImplemented" in str(error):
            raise _unknown(objects) from error
        raise complaints.unusable(error, objects.address) from error


def _unknown(objects: StateObjects) -> Stopped:
    return _refused(objects, "knows no conditions of writes (If-None-Match, If-Match)")


def _refused(objects: StateObjects, what: str) -> Stopped:
    return complaints.ignores_conditions(objects.address, objects.endpoint, what)
