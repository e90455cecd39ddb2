"""Makes a pipeline ready to be planned or run. One that was compiled before needs no compiler."""

from __future__ import annotations

import time
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import trc
from trc.api.ready import Ready
from trc.backends.registry import backend_named
from trc.compiler.choices import Choices
from trc.compiler.templates.moments import logical_time, zone_named
from trc.runtime import speccache
from trc.settings import Settings


def prepare(path: Path, settings: Settings, choices: Choices, now: datetime, *, optimise: bool | None = None) -> Ready:
    """The pipeline as it was compiled before, if nothing that was looked at then has moved; else compiled now.

    Whether it is to be optimised is left to its target by None.
    """
    began_ns, state, pipeline = time.time_ns(), str(settings.state), str(path)
    asked = choices.told()
    kept = speccache.recall(state, pipeline, trc.__version__, asked)
    if kept is not None:
        spec, queries, facts, around = kept
        moment = logical_time(choices.at, now, zone_named(around.zone))
        if around.date in (None, date_of(moment, around.zone)):
            backend = backend_named(around.backend)
            holds_time = around.date is not None
            wanted = around.optimise if optimise is None else optimise
            return Ready(spec, queries, facts, backend, moment.isoformat(), holds_time=holds_time, optimise=wanted)
    fresh: Any = import_module("trc.api.fresh")
    found: Ready = fresh.compiled_now(path, settings, choices, now, began_ns, optimise=optimise)
    return found


def date_of(moment: datetime, zone: str) -> str:
    """The date of a moment in a zone."""
    return moment.astimezone(zone_named(zone)).date().isoformat()
