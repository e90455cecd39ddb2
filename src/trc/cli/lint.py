"""`trc lint`: tells what a pipeline computes for nobody."""

from __future__ import annotations

from pathlib import Path

import click

from trc.cli import exits
from trc.cli.findings import FORMS, Form, tell_findings
from trc.cli.options import choices_options, deny_option, json_option, subcommand
from trc.cli.output import Screen
from trc.cli.quantities import count
from trc.compiler.choices import Choices
from trc.linting import lint


@subcommand
@click.argument("paths", nargs=-1, required=True, metavar="FILE|DIR...", type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(FORMS), default="human", show_default=True)
@deny_option
@choices_options(backend=False)
@json_option
def command(screen: Screen, paths: tuple[Path, ...], form: Form, deny_warnings: bool, choices: Choices) -> int:
    """Tell what pipelines compute for nobody, without running anything.

    A column is dead if no result and no expectation depends on it, through whatever tasks. What cannot be
    proved counts as read.
    """
    form = "json" if screen.wants_json else form
    report = lint(paths, choices, deny_warnings=deny_warnings)
    tell_findings(screen, form, report.diagnostics, report.sources, report.files)
    wrong = any(diagnostic.severity == "error" for diagnostic in report.diagnostics)
    if form == "human" and not report.diagnostics:
        screen.say(f"{count(len(report.files), 'file')} looked at: nothing to say")
    return exits.WRONG_PIPELINE if wrong else exits.OK
