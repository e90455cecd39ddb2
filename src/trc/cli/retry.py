"""`trc retry`: takes up a run that has ended, with all that did not succeed in it."""

from __future__ import annotations

from pathlib import Path

import click

from trc import api
from trc.cli.driving import tell_end, watched
from trc.cli.live import FRAME
from trc.cli.options import chosen_run, json_option, project_option, subcommand
from trc.cli.output import Screen


@subcommand
@click.argument("run", required=False)
@click.option("--from", "start", metavar="TASK", help="Run this task and all that needs it, although they succeeded.")
@click.option("--workers", type=click.IntRange(min=1), metavar="N", help="How many tasks run at a time.")
@project_option
@json_option
def command(screen: Screen, project: Path, run: str | None, start: str | None, workers: int | None) -> int:
    """Take up a run again, under its id: all that did not succeed in it is tried again.

    RUN is the id of a run or the beginning of one, or "latest", which is meant without it too. What
    succeeded stays as it is, and each task that is tried again has all its attempts. The pipeline
    has to be what it was; if it was changed, "trc run" runs it as it is now.
    """
    folder = Path.cwd()
    with watched(screen, folder) as interruption:
        report = api.retry(
            project,
            chosen_run(run),
            start=start,
            workers=workers,
            observe=interruption.watch,
            tick=FRAME,
            on_cancel=interruption.listen,
        )
    return tell_end(screen, report, folder, interruption)
