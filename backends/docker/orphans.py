"""What orchestrators left behind that were killed: containers that ended, or never began, and their folders."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from trc.backends.docker.containers import OWNER
from trc.backends.docker.engine import Engine
from trc.runtime.drivers import is_alive
from trc.runtime.store.journal import Driver


def remove_orphans(engine: Engine, here: Driver, state: Path) -> int:
    """Removes the containers of this user whose owners are dead; answers how many. Those of live ones are let be.

    A container outlives its orchestrator by a moment only: when the orders end, what runs in it is killed.
    """
    removed = 0
    for found in engine.api.containers(all=True, filters={"label": OWNER}):
        owner = _owner(found["Labels"][OWNER], here)
        if owner is None or is_alive(owner, 0, 0, here):
            continue
        with suppress(engine.errors.APIError):
            engine.api.remove_container(found["Id"], v=True, force=True)
            removed += 1
        for name in found["Names"]:
            shutil.rmtree(state / "containers" / name.removeprefix("/"), ignore_errors=True)
    return removed


def _owner(label: str, here: Driver) -> Driver | None:
    """Whom a label names; None where we cannot look at its process: it is another user's, or of another machine."""
    host, boot, *numbers = label.split(" ")
    if host != here.host or len(numbers) != 3 or not all(one.isdigit() for one in numbers):
        return None
    pid, began, user = map(int, numbers)
    return replace(here, id="", boot_id=boot, pid=pid, start_time=began) if user == os.getuid() else None
