"""`trc incremental summary`: how often tasks ran and were skipped, and what the skips have spared."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trc import api
from trc.cli import exits
from trc.cli.documents import time_document
from trc.cli.options import json_option, project_option, subcommand
from trc.cli.output import Screen
from trc.cli.quantities import count, duration, moment, size
from trc.compiler.diagnostics.render.cells import visible

if TYPE_CHECKING:
    from trc.runtime.savings import PipelineSavings, Tally


@subcommand
@click.argument("pipeline", required=False)
@click.option(
    "--last",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    metavar="N",
    help="Look at so many runs of each pipeline, the newest ones.",
)
@project_option
@json_option
def command(screen: Screen, pipeline: str | None, last: int, project: Path) -> int:
    """Tell how often tasks ran, were skipped and failed, and what the skips have spared.

    PIPELINE is a pipeline's name or its file; without it, all pipelines of the project are told. A skip has
    spared the time and the bytes of the task's last successful attempt before it.
    """
    found = api.incremental_summary(project, pipeline, last=last)
    if screen.wants_json:
        pipelines = [_pipeline(one) for one in found.pipelines]
        screen.document({"last": found.last, "pipelines": pipelines, "sums": _tally(found.sums)})
        return exits.OK
    for one in found.pipelines:
        _say(screen, one)
        screen.say()
    if not found.pipelines:
        screen.tell("no run is recorded")
    elif len(found.pipelines) > 1:
        screen.say(f"all pipelines: {_spared(found.sums)}")
    else:
        screen.say(_spared(found.sums))
    return exits.OK


def _say(screen: Screen, one: PipelineSavings) -> None:
    began = f" since {moment(one.runs[-1].created_at)}" if one.runs else ""
    screen.say(f"{screen.paint(visible(one.pipeline), 'bold')}: {count(len(one.runs), 'run')}{began}")
    heads = ("TASK", "RAN", "CHECKED", "SKIPPED", "FAILED", "OTHER", "SKIP RATE", "TIME SAVED", "NOT WRITTEN")
    rows = [_row(task, tally) for task, tally in one.tasks.items()]
    screen.table(heads, [*rows, _row("all", one.sums)], right=frozenset(range(1, len(heads))))


def _row(task: str, tally: Tally) -> tuple[str, ...]:
    rate = "" if tally.skip_rate is None else f"{tally.skip_rate:.0%}"
    counts = (tally.ran, tally.checked, tally.skipped, tally.failed, tally.other)
    spared = ("", "") if tally.skipped == tally.unknown else (duration(tally.seconds), size(tally.bytes))
    return (task, *map(count, counts), rate, *spared)


def _spared(tally: Tally) -> str:
    if not tally.skipped:
        return "nothing was skipped"
    told = f"{count(tally.skipped, 'skip')} saved {duration(tally.seconds)} of tasks' time, and {size(tally.bytes)} were not written again"
    return f"{told}; of {count(tally.unknown, 'skip')} no attempt is recorded" if tally.unknown else told


def _pipeline(one: PipelineSavings) -> dict[str, Any]:
    return {
        "pipeline": one.pipeline,
        "runs": len(one.runs),
        "first_run_at": time_document(one.runs[-1].created_at) if one.runs else None,
        "last_run_at": time_document(one.runs[0].created_at) if one.runs else None,
        "tasks": [{"task": task} | _tally(tally) for task, tally in one.tasks.items()],
        "sums": _tally(one.sums),
    }


def _tally(tally: Tally) -> dict[str, Any]:
    return {
        "ran": tally.ran,
        "checked": tally.checked,
        "skipped": tally.skipped,
        "failed": tally.failed,
        "other": tally.other,
        "skip_rate": None if tally.skip_rate is None else round(tally.skip_rate, 4),
        "seconds_saved": round(tally.seconds, 3),
        "bytes_saved": tally.bytes,
        "skips_unknown": tally.unknown,
    }
