"""`trc report`: writes what a run left behind as one HTML page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import click

from trc import api
from trc.cli import exits
from trc.cli.documents import attempt_document, run_document, task_document, time_document
from trc.cli.files import write_whole
from trc.cli.options import chosen_run, json_option, project_option, subcommand
from trc.cli.output import Screen
from trc.cli.page.page import page

_SCREEN: Final = Path("-")


@subcommand
@click.argument("run", required=False)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write here, not to report-<run>.html; - is standard output.",
)
@project_option
@json_option
def command(screen: Screen, project: Path, run: str | None, output: Path | None) -> int:
    """Write what a run left behind as one HTML page, complete in itself.

    RUN is the id of a run or the beginning of one, or "latest", which is meant without it too. With --json the
    facts are printed as a document, or written to FILE.
    """
    account = api.run_account(project, chosen_run(run))
    if screen.wants_json:
        text = json.dumps(_document(account), indent=2, ensure_ascii=False)
        place = output or _SCREEN
    else:
        text, place = page(account), output or Path(f"report-{account.run.id}.html")
    if place == _SCREEN:
        screen.say(text.rstrip("\n"))
    else:
        write_whole(place, text.rstrip("\n") + "\n")
        screen.tell(f"written to {place}")
    return exits.OK


def _document(account: api.RunAccount) -> dict[str, Any]:
    return {
        "run": run_document(account.run),
        "alive": account.alive,
        "at": time_document(account.at),
        "tasks": [_task(one) for one in account.tasks],
        "needs": None if account.needs is None else {task: list(needs) for task, needs in account.needs.items()},
        "critical_path": [
            {"task": one.task, "waited_seconds": round(one.waited, 3), "seconds": round(one.took, 3)}
            for one in account.path
        ],
    }


def _task(task: api.TaskAccount) -> dict[str, Any]:
    told = task_document(task.record)
    del told["outputs"]
    return {
        **told,
        "type": task.type or None,
        "cpu_seconds": task.cpu_seconds,
        "peak_memory": task.peak_memory,
        "rows": task.rows,
        "size": task.size,
        "attempts": [attempt_document(one) for one in task.attempts],
    }
