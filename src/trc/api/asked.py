"""What a run was asked for with, as text that the journal keeps: so can it be taken up again after its end."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from trc.compiler.choices import Choices
from trc.runtime.backfill import Backfill

_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Asked:
    """The choices of a run, the tasks that were asked for by name, and what was said about how they run."""

    choices: Choices
    selected: tuple[str, ...] = ()
    optimise: bool | None = None
    force: bool = False
    backfill: Backfill | None = None


def to_asked(
    choices: Choices,
    selected: Sequence[str],
    *,
    optimise: bool | None,
    force: bool = False,
    backfill: Backfill | None = None,
) -> str:
    """The text for the journal. The logical time is none of it, which the run has of its own."""
    file = None if choices.params_file is None else str(choices.params_file.absolute())
    told = {
        "version": _VERSION,
        "backend": choices.backend,
        "target": choices.target,
        "params": choices.params,
        "params_file": file,
        "environment": choices.environment,
        "selected": list(selected),
        "optimise": optimise,
        "force": force or None,
        "backfill": None if backfill is None else [backfill.task, backfill.start, backfill.end],
    }
    return json.dumps({name: value for name, value in told.items() if value not in (None, [], ())})


def from_asked(text: str, at: str) -> Asked | None:
    """What `to_asked` wrote, with the run's logical time; None where an earlier version recorded nothing."""
    if not text:
        return None
    told: dict[str, Any] = json.loads(text)
    if told.get("version") != _VERSION:
        return None
    file = told.get("params_file")
    choices = Choices(
        told.get("backend"),
        told.get("target"),
        tuple((name, value) for name, value in told.get("params", ())),
        None if file is None else Path(file),
        at,
        tuple((name, value) for name, value in told.get("environment", ())),
    )
    backfill = Backfill(*told["backfill"]) if "backfill" in told else None
    return Asked(choices, tuple(told.get("selected", ())), told.get("optimise"), bool(told.get("force")), backfill)
