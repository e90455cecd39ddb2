"""`trc plan`: shows what a run would do, and why."""

from __future__ import annotations

from pathlib import Path

import click

from trc import api
from trc.cli import exits
from trc.cli.failures import tell_diagnostics
from trc.cli.files import write_whole
from trc.cli.options import (
    choices_options,
    deny_option,
    exclude_option,
    file_argument,
    force_option,
    json_option,
    optimise_option,
    select_option,
    subcommand,
)
from trc.cli.output import Screen
from trc.cli.plantable import say_plan
from trc.cli.saved import is_saved_plan, read_saved, say_standing
from trc.compiler.choices import Choices
from trc.runtime.plan import PLAN_SUFFIX


@subcommand
@file_argument
@choices_options()
@force_option
@deny_option
@optimise_option
@select_option
@exclude_option
@click.option(
    "--explain", is_flag=True, help="Also tell which partitions are computed, how outputs will be kept, and why."
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar=f"FILE{PLAN_SUFFIX}",
    help='Save the plan, for "trc run FILE.trcplan" to carry out.',
)
@json_option
def command(  # noqa: PLR0917 - click passes them by name
    screen: Screen,
    file: Path,
    choices: Choices,
    force: bool,
    deny_warnings: bool,
    optimise: bool | None,
    selected: tuple[str, ...],
    excluded: tuple[str, ...],
    explain: bool,
    output: Path | None,
) -> int:
    """Show what a run would do, and why.

    Nothing is run. "maybe" is decided when what the task reads is there. FILE is a pipeline, or a plan
    that was saved before: then it is told whether it still holds.
    """
    if is_saved_plan(file):
        if output is not None:
            raise click.UsageError(f'"{file}" is saved already: -o takes the plan of a pipeline')
        saved = read_saved(file, choices, force=force, optimise=optimise, selected=selected, excluded=excluded)
        say_standing(screen, api.plan_standing(file, saved), saved, explain=explain)
        return exits.OK
    if output is None:
        report = api.plan(
            file,
            choices,
            force=force,
            deny_warnings=deny_warnings,
            optimise=optimise,
            selected=selected,
            excluded=excluded,
        )
    else:
        if not is_saved_plan(output):
            raise click.UsageError(f'-o takes a name that ends in "{PLAN_SUFFIX}", not "{output}"')
        made = api.save_plan(
            file,
            output,
            choices,
            force=force,
            deny_warnings=deny_warnings,
            optimise=optimise,
            selected=selected,
            excluded=excluded,
        )
        write_whole(output, made.saved.to_text())
        if made.holds_moment:
            screen.tell("hint: the pipeline's values hold the time of day, and it passes: plan with --at TIME")
        report = api.PlanReport(made.plan, made.diagnostics, made.sources)
    tell_diagnostics(screen, report.diagnostics, report.sources)
    if screen.wants_json:
        screen.document(report.plan.to_json())
    else:
        say_plan(screen, report.plan, explain=explain)
        if output is not None:
            screen.say(f"saved: `trc run {output}` carries it out")
    return exits.OK
