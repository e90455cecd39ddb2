"""`trc pause`: has a run begin nothing more."""

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
    """Have a run begin nothing more until "trc resume". What runs may end.

    RUN is the id of a run or the beginning of one, or "latest", which is meant without it too.
    A run that is taken up by another process goes on.
    With --task, one task alone does not begin; all others go on.
    """
    if task is not None:
        return _one_task(screen, project, run, task)
    record, _ = api.wish(project, chosen_run(run), "pause")
    if screen.wants_json:
        screen.document({"run": run_document(record), "wish": "pause"})
    else:
        screen.tell(f"run {record.id} begins nothing more: `trc resume` has it go on")
    return exits.OK


def _one_task(screen: Screen, project: Path, run: str | None, task: str) -> int:
    record = api.wish_of_task(project, chosen_run(run), task, "pause")
    if screen.wants_json:
        screen.document({"task": task_document(record), "wish": "pause"})
    else:
        screen.tell(
            f'task "{visible(record.task)}" of run {record.run} begins nothing more: `trc resume --task {visible(record.task)}` has it go on'
        )
    return exits.OK
