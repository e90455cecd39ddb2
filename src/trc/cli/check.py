"""`trc check`: looks for mistakes, runs no task."""

from __future__ import annotations

from pathlib import Path

import click

from trc.checking import check
from trc.cli import exits
from trc.cli.findings import FORMS, Form, tell_findings
from trc.cli.options import choices_options, deny_option, json_option, subcommand
from trc.cli.output import Screen
from trc.cli.quantities import count
from trc.compiler.choices import Choices
from trc.runtime.errors import Stopped


@subcommand
@click.argument("paths", nargs=-1, required=True, metavar="FILE|DIR...", type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(FORMS), default="human", show_default=True)
@click.option("--no-cache", is_flag=True, help="Look at every file again, whether or not it changed.")
@click.option("--online", is_flag=True, help="Look at sources on S3 and on the web, too.")
@deny_option
@choices_options(backend=False)
@json_option
def command(  # noqa: PLR0917 - click passes them by name
    screen: Screen,
    paths: tuple[Path, ...],
    form: Form,
    no_cache: bool,
    online: bool,
    deny_warnings: bool,
    choices: Choices,
) -> int:
    """Look for mistakes in pipelines, without running anything.

    A folder stands for all pipelines below it; of those in Python, for the files that trc.toml lists, since these
    are run to tell what they build. Mistakes are told on standard error, all that can be found in one go; in the
    other formats they are printed on standard output.
    """
    form = "json" if screen.wants_json else form
    try:
        report = check(paths, choices, remembers=not no_cache, deny_warnings=deny_warnings, online=online)
    except Stopped as stop:
        # People are told by whoever tells why a command ended, and so is the reader of --json.
        if form != "human" and not screen.wants_json:
            tell_findings(screen, form, stop.diagnostics, stop.sources)
        raise
    tell_findings(screen, form, report.diagnostics, report.sources, report.files)
    wrong = any(diagnostic.severity == "error" for diagnostic in report.diagnostics)
    if form == "human" and not wrong:
        found = "no errors" if report.diagnostics else "no mistakes"
        screen.say(f"{count(len(report.files), 'file')} checked: {found}")
    return exits.WRONG_PIPELINE if wrong else exits.OK
