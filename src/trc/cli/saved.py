"""What commands do with saved plans: they tell one from a pipeline, and its choices from those of the command line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trc import api
from trc.cli.output import Screen
from trc.cli.plantable import say_plan
from trc.compiler.choices import Choices
from trc.compiler.diagnostics.render.cells import visible
from trc.runtime.plan import PLAN_SUFFIX

if TYPE_CHECKING:
    from trc.runtime.savedplan import SavedPlan


def is_saved_plan(path: Path) -> bool:
    """Whether a file is taken for a saved plan: its name says so."""
    return path.suffix.lower() == PLAN_SUFFIX


def read_saved(
    path: Path,
    choices: Choices,
    *,
    force: bool,
    optimise: bool | None,
    selected: tuple[str, ...],
    excluded: tuple[str, ...],
) -> SavedPlan:
    """The saved plan; options that say something else than it does are a wrong use."""
    saved = api.read_plan(path)
    for option, asked, held in _both(path, saved, choices, optimise, selected, excluded):
        if asked != held:
            made = f"with {held}" if held else f"without {option}"
            raise click.UsageError(f"{asked} contradicts the plan, which was made {made}: leave it out, or plan again")
    if force and not saved.choices.force:
        raise click.UsageError("--force contradicts the plan, which was made without: leave it out, or plan again")
    return saved


def _both(  # noqa: PLR0917 - all that a user can say
    path: Path,
    saved: SavedPlan,
    choices: Choices,
    optimise: bool | None,
    selected: tuple[str, ...],
    excluded: tuple[str, ...],
) -> Iterator[tuple[str, str | None, str | None]]:
    """Each option that is given, as it is written and as it was when the plan was made (None: not at all)."""
    made = saved.choices
    yield from (
        (option, f"{option} {asked}", None if held is None else f"{option} {held}")
        for option, asked, held in (
            ("--backend", choices.backend, made.backend),
            ("--target", choices.target, made.target),
            ("--at", choices.at, made.at),
        )
        if asked is not None
    )
    values = dict(made.params)
    for name, value in dict(choices.params).items():
        yield "it", f"--param {name}={value}", f"--param {name}={values[name]}" if name in values else None
    if choices.params_file is not None:
        held = None if made.params_file is None else f"--params {api.file_of_plan(saved, path, made.params_file)}"
        yield "--params", f"--params {choices.params_file.resolve()}", held
    if optimise is not None:
        words = {True: "--optimise", False: "--no-optimise", None: None}
        yield "it", words[optimise], words[made.optimise]
    if selected:
        yield "--select", _told("--select", selected), _told("--select", made.select)
    if excluded:
        yield "--exclude", _told("--exclude", excluded), _told("--exclude", made.exclude)


def _told(option: str, patterns: tuple[str, ...]) -> str | None:
    return " ".join(f"{option} {one}" for one in sorted(set(patterns))) or None


def say_standing(screen: Screen, found: api.PlanStanding, saved: SavedPlan, *, explain: bool) -> None:
    """The plan, with whether it still holds."""
    if screen.wants_json:
        screen.document(
            {
                "holds": not found.moved,
                "moved": [one.to_json() for one in found.moved],
                "file": str(found.file),
                "made_at": saved.made_at,
                "trc": saved.trc,
                "choices": saved.choices.model_dump(mode="json"),
                "plan": found.plan.to_json(),
            }
        )
        return
    say_plan(screen, found.plan, explain=explain)
    screen.say(f"\nof {visible(str(found.file))}, made at {visible(saved.made_at)}")
    if not found.moved:
        screen.say(screen.paint("it holds", "green"))
        return
    screen.say(screen.paint("it is stale:", "yellow"))
    for one in found.moved:
        screen.say(f"  {visible(one.text)}")
