"""Keeps processes together: children die with their parents, and nothing outlives an attempt."""

from __future__ import annotations

import os
import signal
from contextlib import suppress

from trc.runtime.taskside.libc import LIBC

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def die_with_parent(parent: int, number: int) -> None:
    """Has the kernel send this process the signal `number` when its parent dies (Linux); exits if it is dead already."""
    _prctl(_PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        os._exit(0)


def adopt_orphans() -> None:
    """Makes this process the parent of its descendants whose own parents died (Linux)."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def has_children() -> bool:
    """Whether a child of this process is alive; reaps those that are dead."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def end_children(spared: int = 0) -> None:
    """Kills all descendants of this process, which must be their adopter, but one, and waits for their end."""
    with suppress(ChildProcessError):
        while True:
            listed = [child for child in _children() if child != spared]
            for child in listed:
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(child, signal.SIGKILL)
            if not os.waitpid(-1, 0 if listed else os.WNOHANG)[0]:
                return


def _children() -> list[int]:
    try:
        threads = os.listdir("/proc/self/task")
    except OSError:  # not Linux: those in the worker's process group were signalled
        return []
    found: list[int] = []
    for thread in threads:
        with suppress(OSError), open(f"/proc/self/task/{thread}/children", encoding="ascii") as listed:
            found.extend(int(child) for child in listed.read().split())
    return found


def _prctl(option: int, value: int) -> None:
    with suppress(AttributeError):  # no C library at hand, or one without prctl
        LIBC.prctl(option, value, 0, 0, 0)
