"""Folders that a process has for as long as it lives, and that somebody removes after it in any case."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

_LONGEST: Final = 32
"""Characters of a folder that Ray's sockets may lie below: their paths have at most 107."""


def own_folder(prefix: str) -> str:
    """A new folder of this process, once those are gone that processes left which were killed."""
    place = tempfile.gettempdir()
    if len(place) > _LONGEST:
        place = "/tmp"  # noqa: S108 - a folder of our own is made there
    for left in Path(place).glob(f"{prefix}*"):
        owner = left.name.removeprefix(prefix).partition("-")[0]
        if owner.isdigit() and not Path("/proc", owner).exists():
            shutil.rmtree(left, ignore_errors=True)
    return tempfile.mkdtemp(prefix=f"{prefix}{os.getpid()}-", dir=place)
