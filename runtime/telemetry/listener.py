"""The seam of all that listens to a run and tells others of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.runtime.observe import Happening


class Listener(Protocol):
    """Tells others of one run. Nothing of it fails the run, or keeps it waiting for anybody else."""

    @property
    def problems(self) -> Sequence[Diagnostic]:
        """What could not be told, and why: complete once it is closed."""
        ...

    def hear(self, happening: Happening) -> None:
        """Something has happened in the run. Raises nothing that a place to write to, or a peer, is the cause of."""
        ...

    def close(self) -> None:
        """Nothing more happens: what is held back is told, within a few seconds, or given up."""
        ...
