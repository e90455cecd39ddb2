"""`trc runs`: lists the runs of a project."""

from __future__ import annotations

from pathlib import Path

import click

from trc import api
from trc.cli import exits
from trc.cli.documents import run_document
from trc.cli.options import json_option, project_option, subcommand
from trc.cli.output import STATE_COLOURS, Colour, Screen
from trc.cli.quantities import duration, moment
from trc.runtime.store.journal import RunRecord


@subcommand
@click.option(
    "--limit", type=click.IntRange(min=1), default=20, show_default=True, metavar="N", help="Show at most this many."
)
@project_option
@json_option
def command(screen: Screen, project: Path, limit: int) -> int:
    """List the runs of this project, newest first."""
    found = api.runs(project, limit=limit)
    if screen.wants_json:
        screen.document({"runs": [run_document(run) for run in found]})
    elif found:
        heads = ("STATE", "RUN", "PIPELINE", "BEGAN", "TOOK")
        colours: list[Colour] = [STATE_COLOURS.get(run.state, "yellow") for run in found]
        screen.table(heads, [_row(run) for run in found], right=frozenset({4}), colours=colours)
    else:
        screen.tell("no run is recorded")
    return exits.OK


def _row(run: RunRecord) -> tuple[str, str, str, str, str]:
    took = "" if run.ended_at is None else duration(run.ended_at - run.created_at)
    return run.state, run.id, run.pipeline, moment(run.created_at), took
