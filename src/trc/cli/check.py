"""`trc check`: looks for mistakes, runs no task."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Literal

import click

from trc.checking import CheckReport, begin
from trc.cli import exits
from trc.cli.failures import tell_diagnostics
from trc.cli.options import choices_options, json_option, subcommand
from trc.cli.output import Screen
from trc.cli.quantities import count
from trc.compiler.choices import Choices
from trc.compiler.diagnostics.render import json as as_json


@subcommand
@click.argument("paths", nargs=-1, required=True, metavar="FILE|DIR...", type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(["human", "json"]), default="human", show_default=True)
@click.option("--no-cache", is_flag=True, help="Compile every file anew; keep nothing.")
@choices_options(backend=False)
@json_option
def command(
    screen: Screen, paths: tuple[Path, ...], form: Literal["human", "json"], no_cache: bool, choices: Choices
) -> int:
    """Look for mistakes in pipelines, without running anything.

    A folder stands for all pipelines below it; of those in Python, for the files that trc.toml lists, since these
    are run to tell what they build. Mistakes are told on standard error, all that can be found in one go; as JSON
    they are printed on standard output.
    """
    report = _check(paths, choices, cached=not no_cache)
    if form == "json" or screen.wants_json:
        diagnostics = as_json.render(report.diagnostics, report.sources)
        screen.document({"files": report.files, "diagnostics": diagnostics})
    else:
        tell_diagnostics(screen, report.diagnostics, report.sources)
    wrong = any(diagnostic.severity == "error" for diagnostic in report.diagnostics)
    if form == "human" and not screen.wants_json and not wrong:
        screen.say(f"{count(len(report.files), 'file')} checked: no mistakes")
    return exits.WRONG_PIPELINE if wrong else exits.OK


def _check(paths: tuple[Path, ...], choices: Choices, *, cached: bool) -> CheckReport:
    checking = begin(paths, choices, cached=cached)
    if not checking.missing:
        return checking.report()
    # The compiler is loaded only now: most of a check of little that changed is loading it.
    report: CheckReport = import_module("trc.api").finish(checking)
    return report
