"""`trc lineage run`: tells what the tasks of a run read and wrote."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from trc import api
from trc.cli import exits
from trc.cli.documents import run_document, time_document
from trc.cli.lineage_words import Disk, made_document, output_words, read_document, read_words
from trc.cli.options import chosen_run, json_option, project_option, subcommand
from trc.cli.output import STATE_COLOURS, Screen
from trc.cli.quantities import moment
from trc.compiler.diagnostics.render.cells import visible
from trc.runtime.lineage.query import Made


@subcommand
@click.argument("run", required=False)
@project_option
@json_option
def command(screen: Screen, project: Path, run: str | None) -> int:
    """Tell what the tasks of a run read and wrote, by which key and attempt.

    RUN is the id of a run or the beginning of one, or "latest", which is meant without it too.
    """
    found = api.run_lineage(project, chosen_run(run))
    if screen.wants_json:
        tasks = [_document(one, found.on_disk) for one in found.tasks]
        screen.document({"run": run_document(found.run), "tasks": tasks})
        return exits.OK
    state = screen.paint(found.run.state, STATE_COLOURS.get(found.run.state, "yellow"), "bold")
    screen.say(f"run {found.run.id} of {visible(found.run.pipeline)}: {state}, began {moment(found.run.created_at)}")
    for task in found.tasks:
        screen.say()
        for line in _lines(task, found.on_disk):
            screen.say(line)
    return exits.OK


def _lines(task: api.TaskLineage, disk: Disk) -> Iterator[str]:
    name, commit = visible(task.record.task), task.commit
    if commit is None:
        yield f"{name}: {task.unknown}"
        return
    key = f", key {commit.key[:12]}" if commit.key is not None else ""
    yield f"{name}: attempt {commit.attempt}{key}"
    for read, source in task.reads or ():
        yield visible(f"  read   {read_words(read, source, disk)}")
    if task.unknown:
        yield f"  {task.unknown}"
    for output in commit.outputs:
        yield visible(f"  wrote  {output.name}: {output_words(output, disk)}")


def _document(task: api.TaskLineage, disk: Disk) -> dict[str, Any]:
    commit = task.commit
    return {
        "task": task.record.task,
        "state": task.record.state,
        "attempt": None if commit is None else commit.attempt,
        "key": None if commit is None else commit.key,
        "committed_at": None if commit is None else time_document(commit.at),
        "reads": None if task.reads is None else [read_document(read, source, disk) for read, source in task.reads],
        "not_known": task.unknown or None,
        "writes": [] if commit is None else [made_document(Made(commit, output), disk) for output in commit.outputs],
    }
