"""`trc backfill`: builds partitions of a range again, whatever is kept of them."""

from __future__ import annotations

from pathlib import Path

import click

from trc import api
from trc.cli.driving import tell_end, watched
from trc.cli.live import FRAME
from trc.cli.options import choices_options, file_argument, json_option, subcommand
from trc.cli.output import Screen
from trc.compiler.choices import Choices
from trc.runtime import standing
from trc.runtime.backfill import Backfill


@subcommand
@file_argument
@click.argument("task", required=False)
@click.option("--from", "start", metavar="VALUE", help="The first partition to build again.")
@click.option("--to", "end", metavar="VALUE", help="The last partition to build again.")
@choices_options()
@click.option("--workers", type=click.IntRange(min=1), metavar="N", help="How many tasks run at a time.")
@json_option
def command(  # noqa: PLR0917 - click passes them by name
    screen: Screen,
    file: Path,
    task: str | None,
    start: str | None,
    end: str | None,
    choices: Choices,
    workers: int | None,
) -> int:
    """Build the partitions of a range again, whatever is kept of them, and run what depends on them.

    Of TASK, or of all tasks that run by partition. Both ends are included; one may be left out. The rest of
    the pipeline runs as with "trc run".
    """
    if start is None and end is None:
        raise click.UsageError("say which partitions: --from VALUE, --to VALUE, or both")
    folder = Path.cwd()
    standing.forget(standing.answer_path(standing.find_state(str(file)), str(file)))
    with watched(screen, folder) as interruption:
        report = api.run(
            file,
            choices,
            workers=workers,
            backfill=Backfill(task, start, end),
            observe=interruption.watch,
            tick=FRAME,
            on_cancel=interruption.listen,
        )
    return tell_end(screen, report, folder, interruption)
