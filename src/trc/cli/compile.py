"""`trc compile`: writes what a pipeline compiles to."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from trc import api
from trc.cli import exits
from trc.cli.failures import tell_diagnostics
from trc.cli.options import choices_options, deny_option, file_argument, optimise_option, subcommand
from trc.cli.output import Screen, shown_path
from trc.compiler.choices import Choices


@subcommand
@file_argument
@choices_options()
@deny_option
@optimise_option
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="DIR", help="Write here, not to build/PIPELINE."
)
@click.option(
    "--emit", "what", type=click.Choice(["ir", "plan", "sql"]), help="Print one form on standard output; write nothing."
)
def command(  # noqa: PLR0917 - click passes them by name
    screen: Screen,
    file: Path,
    choices: Choices,
    deny_warnings: bool,
    optimise: bool | None,
    output: Path | None,
    what: Literal["ir", "plan", "sql"] | None,
) -> int:
    """Write a pipeline's plan and its intermediate representation.

    The plan is the one for an empty state: every task is to be run.
    """
    if what is not None:
        screen.say(api.emit(file, what, choices, deny_warnings=deny_warnings, optimise=optimise).rstrip("\n"))
        return exits.OK
    compilation, written = api.compile_file(file, choices, output=output, deny_warnings=deny_warnings)
    tell_diagnostics(screen, compilation.diagnostics, compilation.sources)
    for path in written:
        screen.say(shown_path(path.resolve(), Path.cwd()))
    return exits.OK
