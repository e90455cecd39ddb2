"""`trc status`: shows how far a run is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from trc import api
from trc.cli import exits
from trc.cli.documents import attempt_document, parts_document, run_document, task_document
from trc.cli.options import chosen_run, json_option, project_option, subcommand
from trc.cli.output import STATE_COLOURS, Colour, Screen
from trc.cli.progress import error_line, facts
from trc.cli.quantities import count, duration, moment
from trc.compiler.diagnostics.render.cells import visible
from trc.runtime.reported import in_words, last_verdicts
from trc.runtime.store.journal import TaskRecord
from trc.runtime.taskside.result import Verdict


@subcommand
@click.argument("run", required=False)
@project_option
@json_option
def command(screen: Screen, project: Path, run: str | None) -> int:
    """Show how far a run is, task by task.

    RUN is the id of a run or the beginning of one, or "latest", which is meant without it too.
    """
    status = api.status(project, chosen_run(run))
    if screen.wants_json:
        screen.document(
            {
                "run": run_document(status.run),
                "alive": status.alive,
                "paused": status.alive and status.wish == "pause",
                "tasks": [task_document(record) for record in status.tasks],
                "attempts": [attempt_document(attempt) for attempt in status.attempts],
                **(
                    {"partitions": {task: parts_document(one) for task, one in status.parts.items()}}
                    if status.parts
                    else {}
                ),
            }
        )
    else:
        _say_status(screen, status)
    return exits.OK


def _say_status(screen: Screen, status: api.RunStatus) -> None:
    run = status.run
    state = screen.paint(run.state, STATE_COLOURS.get(run.state, "yellow"), "bold")
    took = "" if run.ended_at is None else f", took {duration(run.ended_at - run.created_at)}"
    screen.say(f"run {run.id} of {visible(run.pipeline)}: {state}, began {moment(run.created_at)}{took}")
    if run.state == "running" and not status.alive:
        screen.say(f"  its process has died: `trc run {visible(run.file)}` goes on with it")
    elif status.alive and status.wish == "pause":
        screen.say("  paused: `trc resume` has it go on")
    if status.tasks:
        screen.say()
        verdicts = last_verdicts(status.attempts)
        colours: list[Colour] = [STATE_COLOURS.get(record.state, "yellow") for record in status.tasks]
        screen.table(
            ("STATE", "TASK", "TOOK", "TRIES", ""),
            [_row(record, verdicts.get(record.task, ()), _built(status, record.task)) for record in status.tasks],
            right=frozenset({2, 3}),
            colours=colours,
        )


def _built(status: api.RunStatus, task: str) -> str:
    """How many partitions of what a task wrote were computed for it."""
    parts = status.parts.get(task)
    if parts is None:
        return ""
    if parts.why:
        return f"not by {parts.column}: {parts.why}"
    computed = sum(one.run == status.run.id for one in parts.parts)
    return f"{count(computed)} of {count(len(parts.parts), 'partition')} computed"


def _row(record: TaskRecord, verdicts: Sequence[Verdict], built: str) -> tuple[str, str, str, str, str]:
    took = ""
    if record.started_at is not None and record.ended_at is not None:
        took = duration(record.ended_at - record.started_at)
    tries = str(record.attempt) if record.attempt else ""
    why = facts(record, ()).strip() if record.state not in {"success", "failure"} else ""
    warned = [f"{one.name}: {in_words(one)}" for one in verdicts if not one.passed and record.state == "success"]
    warned = [built, *warned] if built and record.state == "success" else warned
    told = why or (error_line(record) if record.error else visible("; ".join(warned)))
    return record.state, record.task, took, tries, told
