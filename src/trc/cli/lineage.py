"""`trc lineage`: what columns and datasets are made of, as the text has it and as runs recorded it."""

from __future__ import annotations

import click

from trc.cli.lineage_asset import command as asset
from trc.cli.lineage_column import command as column
from trc.cli.lineage_run import command as run
from trc.cli.lineage_table import command as table
from trc.cli.options import no_color_option


@click.group("lineage", subcommand_metavar="column|table|run|asset ...")
def command() -> None:
    """Show what a column or a dataset is made of, back to the sources; or what runs read and wrote."""


command.params.append(no_color_option())
command.add_command(column, "column")
command.add_command(table, "table")
command.add_command(run, "run")
command.add_command(asset, "asset")
column.short_help = "What a column is made of, and what decides about its rows."
table.short_help = "What a dataset is made of."
run.short_help = "What the tasks of a run read and wrote."
asset.short_help = "Through which runs a dataset came to be, and what came of it."
