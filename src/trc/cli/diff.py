"""`trc diff`: shows what differs in meaning between two revisions of a project."""

from __future__ import annotations

from pathlib import Path

import click

from trc import api
from trc.cli import exits
from trc.cli.changes import document, tell_report
from trc.cli.failures import tell_diagnostics
from trc.cli.options import json_option, project_option, subcommand
from trc.cli.output import Screen


@subcommand
@click.argument("base")
@click.argument("head", required=False)
@click.option(
    "--merge-base", is_flag=True, help="Compare with the commit in which the histories parted, not with BASE."
)
@click.option("--exit-code", is_flag=True, help="Exit with 1 if something differs.")
@project_option
@json_option
def command(screen: Screen, base: str, head: str | None, merge_base: bool, exit_code: bool, project: Path) -> int:  # noqa: PLR0917 - click hands over by name
    """Show what differs in meaning between two revisions that git keeps.

    Without HEAD, BASE is compared with the files as they are now. Layout, comments and the order of things that do
    not depend on each other are no difference. Pipelines in Python are not run: only that their text differs is told.
    """
    report = api.diff(project, base, head, from_fork=merge_base)
    tell_diagnostics(screen, report.diagnostics, report.sources)
    if screen.wants_json:
        screen.document(document(report))
    else:
        tell_report(screen, report)
    if not report.is_complete:
        return exits.WRONG_PIPELINE
    return exits.FAILED if exit_code and report.differs else exits.OK
