"""Forgets what a project's state holds and no run will ask for again."""

from __future__ import annotations

from pathlib import Path

from trc.api.recorded import recorded_in
from trc.runtime.clock import SystemClock
from trc.runtime.garbage import Garbage, Rules, collect
from trc.settings import settings_of


def collect_garbage(folder: Path, *, keep: int, age: float, dry: bool = False) -> Garbage:
    """Keeps of each pipeline the newest `keep` runs, and all that is younger than `age` seconds."""
    with recorded_in(folder) as store:
        found = collect(store, settings_of(folder).state, Rules(keep, age), SystemClock().now(), dry=dry)
        if not dry:
            store.tidy()
        return found
