"""Lines that are appended to a file, or to standard error, whole and in few writes."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.runtime.telemetry.untold import cannot_be_written

_STANDARD_ERROR: Final = 2
_MOST_HELD: Final = 1 << 16
"""Bytes that are held back at most."""


@dataclass(slots=True)
class Lines:
    """Holds lines back until they are flushed; after the first write that fails, nothing more is tried.

    `path` is None for standard error. Several processes may share a file: each write appends whole lines.
    """

    path: Path | None
    problems: list[Diagnostic] = field(default_factory=list[Diagnostic])
    _held: list[str] = field(default_factory=list[str])
    _size: int = 0
    _descriptor: int | None = None

    def add(self, line: str) -> None:
        self._held.append(line)
        self._size += len(line)
        if self._size >= _MOST_HELD:
            self.flush()

    def flush(self) -> None:
        """Writes what is held back."""
        if not self._held:
            return
        data = ("\n".join(self._held) + "\n").encode("utf-8", "backslashreplace")
        self._held.clear()
        self._size = 0
        if self.problems:
            return
        try:
            if self._descriptor is None:
                self._descriptor = self._opened()
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError as error:
            self.problems.append(cannot_be_written("the log", self.path or "standard error", error))

    def close(self) -> None:
        self.flush()
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _opened(self) -> int:
        if self.path is None:
            return os.dup(_STANDARD_ERROR)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        try:
            return os.open(self.path, flags, 0o666)
        except FileNotFoundError:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            return os.open(self.path, flags, 0o666)
