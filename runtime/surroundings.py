"""What this machine gives: the environment that the author's code starts from, and the processors."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

_PASSED: Final = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH")
_FIXED: Final = {"TZ": "UTC", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}


def clean(environ: Mapping[str, str]) -> dict[str, str]:
    """What the code sees of the caller's variables before its own are added: the same wherever trc is called, but for where things are."""
    return {name: environ[name] for name in _PASSED if name in environ} | _FIXED


def cores() -> int:
    """How many processors this process may use."""
    return max(1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
