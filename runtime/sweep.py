"""Removes stored intermediates, and parts of outputs, that no run can want any more."""

from __future__ import annotations

import shutil
from collections.abc import Container, Iterable
from contextlib import suppress
from pathlib import Path

from trc.runtime.partitions import manifest_at, manifests_of, newer_parts, records_of
from trc.runtime.store.journal import Journal
from trc.runtime.taskside.parts import RECORD

KEPT = 3
"""So many of a task's stored outputs stay: going back to an earlier version costs nothing."""


def sweep_intermediates(journal: Journal, state: Path, pipeline: str, run: str, current: Iterable[str]) -> None:
    """Keeps each task's newest stored outputs, and those under the `current` keys; and the parts that they are made of.

    Does nothing while another run is going on. The journal's lock is held meanwhile, so that none begins
    that could count on what is about to go.
    """
    keys = set(current)
    wanted = {key[:32] for key in keys}
    with journal.transaction():
        if any(other.id != run for other in journal.runs(state="running", limit=2)):
            return
        for task in _folders(state / "data" / pipeline):
            newest_first = sorted(_folders(task), key=lambda folder: folder.stat().st_mtime_ns, reverse=True)
            for folder in newest_first[KEPT:]:
                if folder.name not in wanted:
                    # What cannot be removed takes up space and harms nobody; the next run tries again.
                    shutil.rmtree(folder, ignore_errors=True)
        for task in _folders(state / "partitions" / pipeline):
            _sweep_parts(str(task), keys)


def _sweep_parts(folder: str, current: Container[str]) -> None:
    """Keeps the parts of the newest outputs, and those of an attempt that has made no output yet."""
    wanted = {record.key for record in newer_parts(folder)}
    for index, path in enumerate(manifests_of(folder)):
        if index < KEPT or path.stem in current:
            found = manifest_at(path)
            wanted |= {record.key for record in found.parts} if found is not None else set[str]()
        else:
            with suppress(OSError):
                path.unlink()
    files = {
        name for record in records_of(folder) if record.key in wanted for name in (record.file, record.key + RECORD)
    }
    for entry in Path(folder).iterdir():
        if entry.is_file() and entry.name not in files:
            with suppress(OSError):
                entry.unlink()


def _folders(path: Path) -> list[Path]:
    return [entry for entry in path.iterdir() if entry.is_dir()] if path.is_dir() else []
