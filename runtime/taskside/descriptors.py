"""Descriptors of the worker's own in a process where tasks may close what they did not open."""

from __future__ import annotations

import fcntl
import os

_HIGH = 512


def identity(descriptor: int) -> tuple[int, int] | None:
    """What a descriptor stands for; None for one that is closed."""
    try:
        found = os.fstat(descriptor)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def out_of_the_way(descriptor: int) -> int:
    """The descriptor under a high number, where a task that closes what it did not open rarely looks."""
    try:
        moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _HIGH)
    except (OSError, ValueError):  # the limit on open files is lower
        return descriptor
    os.close(descriptor)
    return moved
