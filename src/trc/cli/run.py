"""`trc run`: runs what has changed since it last succeeded."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import click

import trc
from trc import api
from trc.cli import exits
from trc.cli.documents import run_document
from trc.cli.driving import exit_code, tell_end, watched
from trc.cli.live import FRAME
from trc.cli.options import (
    backend_options,
    choices_options,
    deny_option,
    exclude_option,
    file_argument,
    force_option,
    json_option,
    optimise_option,
    select_option,
    subcommand,
    telemetry_options,
)
from trc.cli.output import Screen
from trc.cli.saved import is_saved_plan, read_saved
from trc.cli.summary import nothing_to_do
from trc.compiler.choices import Choices
from trc.runtime import standing
from trc.runtime.running import Submitted
from trc.runtime.store.journal import RunRecord
from trc.telemetry import Telemetry


@subcommand
@file_argument
@choices_options()
@force_option
@deny_option
@optimise_option
@select_option
@exclude_option
@click.option("--new", is_flag=True, help="Start a new run, even if an unfinished one could go on.")
@click.option(
    "--on-conflict",
    type=click.Choice(["wait", "fail"]),
    default="wait",
    show_default=True,
    help="What to do while another run writes the same output.",
)
@click.option(
    "--idempotency-key",
    "submission",
    metavar="KEY",
    help="Answer with the run that was submitted under this key before, if there is one.",
)
@click.option("--workers", type=click.IntRange(min=1), metavar="N", help="How many tasks run at a time.")
@click.option(
    "--openlineage",
    metavar="FILE|URL",
    help="Append OpenLineage events to a file, a line each, or post them to a URL; without it, where trc.toml says, if it does.",
)
@backend_options()
@telemetry_options
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
    new: bool,
    submission: str | None,
    on_conflict: Literal["wait", "fail"],
    workers: int | None,
    openlineage: str | None,
    telemetry: Telemetry,
    asked: Mapping[str, str],
) -> int:
    """Run what has changed since it last succeeded.

    FILE is a pipeline, or a plan that "trc plan -o" has saved: then that is carried out, if it still holds.
    Goes on with this pipeline's unfinished run if the process that drove it has died. Ctrl-C ends
    the run in order: nothing half-written stays, and what is done stays done.
    """
    folder, began_ns = Path.cwd(), time.time_ns()
    if submission is not None and (new or is_saved_plan(file) or not submission.strip()):
        raise click.UsageError("--idempotency-key takes a text, and goes neither with --new nor with a saved plan")
    if is_saved_plan(file):
        saved = read_saved(file, choices, force=force, optimise=optimise, selected=selected, excluded=excluded)
        with watched(screen, folder) as interruption:
            report = api.run_plan(
                file,
                saved,
                on_conflict=on_conflict,
                workers=workers,
                deny_warnings=deny_warnings,
                openlineage=openlineage,
                telemetry=telemetry,
                asked=asked,
                observe=interruption.watch,
                tick=FRAME,
                on_cancel=interruption.listen,
            )
        return tell_end(screen, report, folder, interruption)
    answer = standing.answer_path(standing.find_state(str(file)), str(file))
    standing.forget(answer)
    try:
        with watched(screen, folder) as interruption:
            report = api.run(
                file,
                choices,
                force=force,
                new=new,
                submission=submission,
                on_conflict=on_conflict,
                workers=workers,
                deny_warnings=deny_warnings,
                optimise=optimise,
                selected=selected,
                excluded=excluded,
                openlineage=openlineage,
                telemetry=telemetry,
                asked=asked,
                observe=interruption.watch,
                tick=FRAME,
                on_cancel=interruption.listen,
            )
    except Submitted as first:
        return _tell_first(screen, first.run)
    is_plain = (
        choices.is_plain
        and not (force or new or workers or selected or excluded or openlineage or telemetry.has_any or asked)
        and optimise is None
        and on_conflict == "wait"
    )
    if report.facts is not None and is_plain:
        standing.remember(
            answer,
            str(file),
            trc.__version__,
            began_ns=began_ns,
            present=report.facts.present,
            absent=report.facts.absent,
            expires=report.facts.expires,
            answer=nothing_to_do(report, folder),
        )
    return tell_end(screen, report, folder, interruption)


def _tell_first(screen: Screen, run: RunRecord) -> int:
    """The run that was submitted before is the answer; one that goes on is told of, and not waited for."""
    if screen.wants_json:
        screen.document({"run": run_document(run), "submitted_before": True})
    else:
        screen.tell(f"run {run.id} was submitted under this key: {run.state}; `trc status {run.id}` shows it")
    return exits.OK if run.state == "running" else exit_code(run.state, interrupted=False)
