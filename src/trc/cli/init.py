"""`trc init`: makes a small working project."""

from __future__ import annotations

from pathlib import Path

import click

from trc.cli import exits
from trc.cli.files import create_all
from trc.cli.options import subcommand
from trc.cli.output import Screen, shown_path
from trc.cli.starter import FILES, PIPELINE


@subcommand
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=".")
def command(screen: Screen, folder: Path) -> int:
    """Make a small working project to start from, in FOLDER or here.

    A pipeline of three tasks over a small CSV file. What is there already is never overwritten.
    """
    create_all(folder, FILES)
    for name in FILES:
        screen.say(f"  {folder / name}")
    pipeline = shown_path((folder / PIPELINE).resolve(), Path.cwd())
    screen.say(f"\nnext: trc check {pipeline}\n      trc run {pipeline}")
    return exits.OK
