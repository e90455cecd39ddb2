"""`trc lineage`: what columns and datasets are made of."""

from __future__ import annotations

import click

from trc.cli.lineage_column import command as column
from trc.cli.lineage_table import command as table
from trc.cli.options import no_color_option


@click.group("lineage", subcommand_metavar="column|table ...")
def command() -> None:
    """Show what a column or a dataset is made of, back to the sources."""


command.params.append(no_color_option())
command.add_command(column, "column")
command.add_command(table, "table")
column.short_help = "What a column is made of, and what decides about its rows."
table.short_help = "What a dataset is made of."
