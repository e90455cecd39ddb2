"""`trc cancel`: ends a run that another process drives, in order."""

from __future__ import annotations

from pathlib import Path

import click

from trc import api
from trc.cli import exits
from trc.cli.documents import run_document, task_document
from trc.cli.options import chosen_run, json_option, project_option, subcommand, task_option
from trc.cli.output import Screen
from trc.compiler.diagnostics.render.cells import visible


@subcommand
@click.argument("run", required=False)
@task_option
@project_option
@json_option
def command(screen: Screen, project: Path, run: str | None, task: str | None) -> int:
    """End a run that another process drives, as Ctrl-C there would.

    RUN is the id of a run or the beginning of one, or "latest", which is meant without it too.
    What runs is stopped, nothing half-written stays, and what is done stays done. A run whose
    process has died ends at once: "trc run" does not go on with it any more.
    With --task, one task alone is ended: what needs its success does not run, and all others go on.
    """
    if task is not None:
        return _one_task(screen, project, run, task)
    record, alive = api.wish(project, chosen_run(run), "cancel")
    if screen.wants_json:
        screen.document({"run": run_document(record), "wish": "cancel"})
    else:
        screen.tell(f"run {record.id} is asked to end" if alive else f"run {record.id} is canceled")
    return exits.OK


def _one_task(screen: Screen, project: Path, run: str | None, task: str) -> int:
    record = api.wish_of_task(project, chosen_run(run), task, "cancel")
    if screen.wants_json:
        screen.document({"task": task_document(record), "wish": "cancel"})
    else:
        screen.tell(f'task "{visible(record.task)}" of run {record.run} is asked to end')
    return exits.OK
