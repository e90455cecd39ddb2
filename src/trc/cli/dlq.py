"""`trc dlq`: the dead letters, which tasks leave that failed for good."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from trc import api
from trc.cli import exits
from trc.cli.cells import visible_lines
from trc.cli.documents import time_document
from trc.cli.driving import exit_code, watched
from trc.cli.live import FRAME
from trc.cli.options import json_option, no_color_option, part_of, project_option
from trc.cli.output import Screen
from trc.cli.progress import failure_line
from trc.cli.quantities import count, moment
from trc.cli.summary import run_report_document, summarise
from trc.compiler.diagnostics.render.cells import visible


@click.group("dlq", subcommand_metavar="list|show|replay|drop ...")
def command() -> None:
    """Look after tasks that failed for good: each has left a dead letter.

    A letter holds the task's error, the end of its log, and the order of its last attempt. It is
    settled when its task succeeds in its run after all, or when it is dropped.
    """


command.params.append(no_color_option())
_part = part_of(command)
_NUMBERS = click.argument("numbers", type=int, nargs=-1, required=True, metavar="NUMBER...")


@_part("list")
@click.option("--all", "settled", is_flag=True, help="Those that are settled, too.")
@project_option
@json_option
def list_letters(screen: Screen, project: Path, settled: bool) -> int:
    """List the dead letters that are open, newest first."""
    found = api.letters(project, settled=settled)
    if screen.wants_json:
        screen.document({"letters": [_document(one) for one in found]})
    elif found:
        screen.table(("NUMBER", "STATE", "TASK", "RUN", "DIED", ""), [_row(one) for one in found], right=frozenset({0}))
    else:
        screen.tell("there are no dead letters")
    return exits.OK


@_part("show")
@click.argument("number", type=int)
@project_option
@json_option
def show(screen: Screen, project: Path, number: int) -> int:
    """Show a dead letter: how its task failed, the end of its log, and its order."""
    found = api.letter(project, number)
    if screen.wants_json:
        screen.document({**_document(found), "log": found.letter.log, "order": found.letter.order})
        return exits.OK
    letter, run = found.letter, found.run
    screen.say(f"dead letter {letter.number}: {visible(letter.task)} of {visible(run.pipeline)}, {_state(found)}")
    screen.say(f"  run {letter.run}, attempt {letter.attempt}, {moment(letter.died_at)}")
    screen.say(f"  {failure_line(letter.error)}")
    if letter.kind == "unknown_outcome":
        screen.say("  whether its last attempt had its effect is not known, and the task is not idempotent")
    if letter.log.strip():
        screen.say("  the end of its log:")
        for line in visible_lines(letter.log):
            screen.say(screen.paint(f"  │ {line}".rstrip(), "dim"))
    if letter.order is not None:
        screen.say("  its order:")
        for line in json.dumps(letter.order, indent=2, ensure_ascii=False).splitlines():
            screen.say(f"  {visible(line)}")
    return exits.OK


@_part("replay")
@_NUMBERS
@click.option("--workers", type=click.IntRange(min=1), metavar="N", help="How many tasks run at a time.")
@project_option
@json_option
def replay(screen: Screen, project: Path, numbers: tuple[int, ...], workers: int | None) -> int:
    """Take up the runs of dead letters again, as "trc retry" does: a letter whose task succeeds is settled.

    A task whose outcome is unknown is tried again by this alone.
    """
    folder, documents, worst = Path.cwd(), list[Any](), exits.OK
    for run, tasks in api.runs_of_letters(project, numbers).items():
        with watched(screen, folder) as interruption:
            report = api.retry(
                project,
                run,
                vouched=tasks,
                workers=workers,
                observe=interruption.watch,
                tick=FRAME,
                on_cancel=interruption.listen,
            )
        documents.append(run_report_document(report))
        worst = max(worst, exit_code(report.run.state, interruption.asked))
        if not screen.wants_json:
            summarise(screen, report, folder)
        if interruption.asked:
            break
    if screen.wants_json:
        screen.document({"runs": documents})
    return worst


@_part("drop")
@_NUMBERS
@project_option
@json_option
def drop(screen: Screen, project: Path, numbers: tuple[int, ...]) -> int:
    """Settle dead letters without another attempt: all of them, or none if one is not open."""
    dropped = api.drop_letters(project, numbers)
    if screen.wants_json:
        screen.document({"dropped": [one.number for one in dropped]})
    else:
        screen.tell(f"dropped {count(len(dropped), 'dead letter')}")
    return exits.OK


def _state(one: api.Letter) -> str:
    if one.letter.state == "open" and one.since is not None:
        return "open, succeeded since in another run"
    return one.letter.state


def _row(one: api.Letter) -> tuple[str, str, str, str, str, str]:
    letter = one.letter
    return str(letter.number), _state(one), letter.task, letter.run, moment(letter.died_at), failure_line(letter.error)


def _document(one: api.Letter) -> dict[str, Any]:
    letter = one.letter
    return {
        "number": letter.number,
        "state": letter.state,
        "kind": letter.kind,
        "pipeline": one.run.pipeline,
        "run": letter.run,
        "task": letter.task,
        "attempt": letter.attempt,
        "error": dict(letter.error),
        "died_at": time_document(letter.died_at),
        "settled_at": time_document(letter.settled_at),
        "succeeded_since": time_document(one.since),
    }
