"""The bucket of a shared state store, looked at without a change to what is kept there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from secrets import token_hex

from trc.runtime.health.finding import Finding, ok
from trc.runtime.health.server import told_of_clock
from trc.runtime.s3store.marker import Marker
from trc.runtime.s3store.objects import StateObjects
from trc.runtime.s3store.probe import PROBE, require_conditions

_SECOND = 1.0
"""S3 tells times in whole seconds."""


def look_at_bucket(objects: StateObjects, now: Callable[[], float]) -> Iterator[Finding]:
    """Whether the store answers, keeps the conditions of writes, and has this machine's time; raises `Stopped` where it cannot be used."""
    marker = Marker.read(objects)
    require_conditions(objects)
    yield ok("store", f'the state store "{objects.address}" answers, and keeps the conditions of writes')
    yield _clock(objects, now)
    if marker is None:
        yield ok("schema", "no run is recorded there: the first command that asks makes the store")


def _clock(objects: StateObjects, now: Callable[[], float]) -> Finding:
    name = f"{PROBE}{token_hex(8)}"
    before = now()
    objects.put(name, b"")
    after = now()
    try:
        there = next((at for one, at in objects.names(name) if one == name), after)
    finally:
        objects.remove([name])
    return told_of_clock(max(before - there - _SECOND, there - after, 0.0))
