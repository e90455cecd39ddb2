"""`trc logs`: shows what tasks printed."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

import click

from trc import api
from trc.cli import exits
from trc.cli.cells import visible_lines
from trc.cli.documents import attempt_document
from trc.cli.options import chosen_run, json_option, project_option, subcommand
from trc.cli.output import Screen

_BETWEEN_LOOKS: Final = 0.2
"""Seconds between two looks at what tasks have printed."""


@subcommand
@click.argument("run", required=False)
@click.argument("task", required=False)
@click.option("--follow", "-f", is_flag=True, help="Show what they print as they print it, until the run ends.")
@project_option
@json_option
def command(screen: Screen, project: Path, run: str | None, task: str | None, follow: bool) -> int:
    """Show what tasks printed, attempt by attempt.

    RUN is the id of a run or the beginning of one, or "latest", which is meant without it too.
    Without TASK, all tasks of the run are shown.
    """
    if follow:
        if screen.wants_json:
            raise click.UsageError("--follow shows lines as they come, and --json one document at the end: take one")
        return _follow(screen, project, chosen_run(run), task)
    found = api.logs(project, chosen_run(run), task)
    if screen.wants_json:
        screen.document({"attempts": [attempt_document(log.attempt) | {"text": log.text} for log in found]})
        return exits.OK
    for log in found:
        attempt = log.attempt
        # The heads go beside the result, so that a single log can be piped on as it is.
        screen.tell(screen.paint_err(f"{attempt.task}, attempt {attempt.number}: {attempt.state}", "bold"))
        _say_text(screen, log.text)
        if not log.is_here:
            screen.tell(f"there is no log on this machine: it lay at {attempt.log}")
    if not found:
        screen.tell("no task has begun an attempt in this run")
    return exits.OK


def _follow(screen: Screen, project: Path, run: str | None, task: str | None) -> int:
    shown = ""
    for piece in api.follow_logs(project, run, task, lambda: time.sleep(_BETWEEN_LOOKS)):
        attempt = piece.attempt
        if attempt.token != shown:
            shown = attempt.token
            screen.tell(screen.paint_err(f"{attempt.task}, attempt {attempt.number}", "bold"))
        _say_text(screen, piece.text)
    return exits.OK


def _say_text(screen: Screen, text: str) -> None:
    if not screen.out.isatty():
        screen.out.write(text)
    elif text:
        for line in visible_lines(text):
            screen.say(line)
    screen.out.flush()
