"""Removes stored intermediates that no run can want any more."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from trc.runtime.store.journal import Journal

KEPT = 3
"""So many of a task's stored outputs stay: going back to an earlier version costs nothing."""


def sweep_intermediates(journal: Journal, state: Path, pipeline: str, run: str, current: Iterable[str]) -> None:
    """Keeps each task's newest stored outputs, and those under the `current` keys.

    Does nothing while another run is going on. The journal's lock is held meanwhile, so that none begins
    that could count on what is about to go.
    """
    wanted = {key[:32] for key in current}
    with journal.transaction():
        if any(other.id != run for other in journal.runs(state="running", limit=2)):
            return
        for task in _folders(state / "data" / pipeline):
            newest_first = sorted(_folders(task), key=lambda folder: folder.stat().st_mtime_ns, reverse=True)
            for folder in newest_first[KEPT:]:
                if folder.name not in wanted:
                    # What cannot be removed takes up space and harms nobody; the next run tries again.
                    shutil.rmtree(folder, ignore_errors=True)


def _folders(path: Path) -> list[Path]:
    return [entry for entry in path.iterdir() if entry.is_dir()] if path.is_dir() else []
