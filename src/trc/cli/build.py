"""`trc build`: has what tasks run in be there before they run."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import click

from trc import api
from trc.backends.base import Built
from trc.cli import exits
from trc.cli.failures import tell_diagnostics
from trc.cli.options import backend_options, choices_options, json_option, subcommand
from trc.cli.output import Screen
from trc.cli.quantities import count, duration
from trc.compiler.choices import Choices
from trc.compiler.diagnostics.render.cells import visible


@subcommand
@click.argument("file", required=False, type=click.Path(path_type=Path))
@choices_options()
@backend_options(network=False)
@json_option
def command(screen: Screen, file: Path | None, choices: Choices, asked: Mapping[str, str]) -> int:
    """Build what the tasks of FILE run in: an image or a virtual environment for each environment.

    A run that wants it then finds it, so that one step of CI can build what others run. What is there already is not
    built again. Without FILE, trc's own image is built, which drives runs in containers.
    """
    if file is None:
        if choices != Choices(choices.backend):
            raise click.UsageError("what a pipeline is to be built with takes its FILE")
        found = api.build_own(Path.cwd(), choices.backend, asked)
        for one in found.built:
            _tell(screen, one)
    else:
        found = api.build(file, choices, partial(_tell, screen), asked)
    tell_diagnostics(screen, found.diagnostics, found.sources)
    if screen.wants_json:
        screen.document({"backend": found.backend, "built": [_document(one) for one in found.built]})
    elif not found.built:
        screen.say(f"nothing to build: on the backend {found.backend}, {_all_of(file)} with trc as it is installed")
    elif file is not None:
        new = sum(one.is_new for one in found.built)
        missing = sum(one.failure is not None for one in found.built)
        lacking = f", {missing} cannot be had" if missing else ""
        screen.say(f"{count(len(found.built), 'environment')}: {new} built{lacking}")
    return exits.OK if found.is_whole else exits.FAILED


def _all_of(file: Path | None) -> str:
    return "runs are driven" if file is None else "all tasks run"


def _tell(screen: Screen, one: Built) -> None:
    if screen.wants_json or one.failure is not None:
        return
    verb = screen.paint("built   ", "green") if one.is_new else "is there"
    took = f"  {duration(one.seconds)}" if one.is_new else ""
    tasks = f": {visible(', '.join(one.tasks))}" if one.tasks else ""
    screen.say(f"{verb}  {one.name}  {one.what}{tasks}{took}")


def _document(one: Built) -> dict[str, Any]:
    return {
        "name": one.name or None,
        "what": one.what,
        "tasks": one.tasks,
        "is_new": one.is_new,
        "seconds": round(one.seconds, 3),
        "error": None if one.failure is None else {"reason": one.failure.reason, "message": one.failure.message},
    }
