"""`trc init`: makes a small working project."""

from __future__ import annotations

from pathlib import Path

import click

from trc.cli import exits
from trc.cli.files import create_all
from trc.cli.options import subcommand
from trc.cli.output import Screen, shown_path
from trc.cli.starter import Language, files_of, pipeline_of


@subcommand
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=".")
@click.option(
    "--language",
    type=click.Choice(["trc", "yaml"]),
    default="trc",
    show_default=True,
    help="What the pipeline is written in.",
)
def command(screen: Screen, folder: Path, language: Language) -> int:
    """Make a small working project to start from, in FOLDER or here.

    A pipeline of three tasks over a small CSV file. What is there already is never overwritten.
    """
    files = files_of(language)
    create_all(folder, files)
    for name in files:
        screen.say(f"  {folder / name}")
    pipeline = shown_path((folder / pipeline_of(language)).resolve(), Path.cwd())
    screen.say(f"\nnext: trc check {pipeline}\n      trc run {pipeline}")
    return exits.OK
