"""`trc doctor`: tells whether cache and state can be trusted and written."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from trc import api
from trc.cli import exits
from trc.cli.options import json_option, subcommand
from trc.cli.output import Colour, Screen
from trc.cli.quantities import count
from trc.compiler.diagnostics.render.cells import visible

_COLOURS: Final[dict[str, Colour]] = {"ok": "green", "warn": "yellow", "error": "red"}


@subcommand
@click.argument("place", metavar="[PIPELINE|FOLDER]", type=click.Path(path_type=Path), default=Path())
@json_option
def command(screen: Screen, place: Path) -> int:
    """Tell whether cache and state can be trusted and written.

    Of the project of a pipeline or a folder; without one, of that which you stand in. Every byte of the stored
    outputs is read. Nothing is changed: a probe file is removed again.
    """
    found = api.doctor(place)
    counts = {level: sum(one.level == level for one in found.findings) for level in _COLOURS}
    if screen.wants_json:
        screen.document(
            {
                "project": str(found.project),
                "state": str(found.state),
                "ok": not found.has_errors,
                "counts": counts,
                "findings": [one.to_json() for one in found.findings],
            }
        )
    else:
        width = max(len(one.check) for one in found.findings)
        for one in found.findings:
            level = screen.paint(f"{one.level:5}", _COLOURS[one.level])
            screen.say(f"{level}  {one.check:{width}}  {visible(one.text)}")
            if one.remedy:
                screen.say(f"{'':{width + 9}}{screen.paint('= ' + visible(one.remedy), 'dim')}")
        warned, wrong = count(counts["warn"], "warning"), count(counts["error"], "error")
        screen.say(f"\n{count(counts['ok'])} ok, {warned}, {wrong}")
    return exits.FAILED if found.has_errors else exits.OK
