"""How much more fits on the disk of a state folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final

from trc.runtime.health.finding import Finding, Level, ok

LITTLE: Final = 1 << 30
"""Bytes below which we warn."""
NOTHING: Final = 64 << 20
"""Bytes below which a run of any size is bound to fail."""
FEW: Final = 10_000
NONE: Final = 100
"""The same of files."""


def look_at_room(found: os.statvfs_result, shown: str) -> Iterator[Finding]:
    """Free space and free inodes, as far as this user may use them."""
    free, size = found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize
    told = f"{free / 1e9:,.1f} of {size / 1e9:,.1f} GB are free"
    yield _judged("disk-space", _level(free, LITTLE, NOTHING), told, shown)
    if found.f_files == 0:
        yield ok("inodes", "this file system has no limit of files")
        return
    told = f"{found.f_favail:,} of {found.f_files:,} inodes are free"
    yield _judged("inodes", _level(found.f_favail, FEW, NONE), told, shown)


def _level(free: int, little: int, nothing: int) -> Level:
    return "ok" if free >= little else "warn" if free >= nothing else "error"


def _judged(check: str, level: Level, told: str, shown: str) -> Finding:
    if level == "ok":
        return ok(check, told)
    return Finding(
        check, level, f'only {told} on the disk of "{shown}"', "remove what is of no use any more on that disk"
    )
