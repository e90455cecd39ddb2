"""Takes all that a project remembers out of its state, and into another."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from trc.api.recorded import recorded_in
from trc.api.stores import opened, shown
from trc.runtime.store.transfer.exporting import export_state
from trc.runtime.store.transfer.importing import Imported, import_state
from trc.settings import settings_of


def write_state(folder: Path, file: Path) -> Mapping[str, int]:
    """Writes all that is recorded of a project's runs to a file; answers how many records of each kind."""
    with recorded_in(folder) as store:
        return export_state(store, file)


def take_state(folder: Path, file: Path) -> tuple[Imported, str]:
    """Takes in what a file holds, all of it or nothing; answers also where that is recorded."""
    settings = settings_of(folder)
    with opened(settings) as store:
        return import_state(store, file), shown(settings)
