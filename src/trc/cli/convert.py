"""`trc convert`: says in one language what a file says in another."""

from __future__ import annotations

from pathlib import Path

import click

from trc.cli import exits
from trc.cli.files import write_whole
from trc.cli.options import file_argument, subcommand
from trc.cli.output import Screen
from trc.compiler.frontends.convert import Language
from trc.texts import convert_file


@subcommand
@file_argument
@click.option("--to", required=True, type=click.Choice(["trc", "yaml"]), help="The language to say it in.")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Write here, not to the screen.")
def command(screen: Screen, file: Path, to: Language, output: Path | None) -> int:
    """Say a pipeline in another language, its comments too.

    Both files mean the same: their tasks keep their keys, and nothing runs again for it.
    """
    text = convert_file(file, to)
    if output is None:
        screen.say(text.rstrip("\n"))
    else:
        write_whole(output, text)
        screen.tell(f"written to {output}")
    return exits.OK
