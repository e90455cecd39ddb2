"""The C library, where it can be called: a task's Python may come without ctypes."""

from __future__ import annotations

from typing import Any


def _load() -> Any:
    try:
        import ctypes  # noqa: PLC0415 - absent from some builds of Python

        return ctypes.CDLL(None, use_errno=True)
    except (ImportError, OSError, TypeError):
        return None


LIBC = _load()
