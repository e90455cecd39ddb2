"""`trc incremental`: what running only what changed comes to."""

from __future__ import annotations

import click

from trc.cli.incremental_summary import command as summary
from trc.cli.options import no_color_option


@click.group("incremental", subcommand_metavar="summary ...")
def command() -> None:
    """Tell what running only what changed comes to."""


command.params.append(no_color_option())
command.add_command(summary, "summary")
summary.short_help = "How often tasks ran and were skipped, and what the skips have spared."
