"""`trc resume`: has a paused run go on."""

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
    """Have a run go on that "trc pause" has paused.

    RUN is the id of a run or the beginning of one, or "latest", which is meant without it too.
    With --task, one task goes on that "trc pause --task" has paused.
    """
    if task is not None:
        return _one_task(screen, project, run, task)
    record, _ = api.wish(project, chosen_run(run), "run")
    if screen.wants_json:
        screen.document({"run": run_document(record), "wish": "run"})
    else:
        screen.tell(f"run {record.id} goes on")
    return exits.OK


def _one_task(screen: Screen, project: Path, run: str | None, task: str) -> int:
    record = api.wish_of_task(project, chosen_run(run), task, "run")
    if screen.wants_json:
        screen.document({"task": task_document(record), "wish": "run"})
    else:
        screen.tell(f'task "{visible(record.task)}" of run {record.run} goes on')
    return exits.OK
