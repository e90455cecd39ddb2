"""The words after a run: what it made and where, what failed and why, and what to ask next."""

from __future__ import annotations

import io
import shlex
from pathlib import Path
from typing import Final

from trc.api import RunReport
from trc.cli.cells import visible_lines
from trc.cli.documents import is_checked_only, run_document, task_document
from trc.cli.failures import tell_diagnostics
from trc.cli.output import STATE_COLOURS, Screen, shown_path, table
from trc.cli.progress import Story
from trc.cli.quantities import count, duration, names, size
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.diagnostics.render import human
from trc.compiler.diagnostics.render import json as as_json
from trc.compiler.diagnostics.render.cells import visible
from trc.runtime.folders import STATE_FOLDER
from trc.runtime.observe import Happening, RunFinished, RunOpened, TaskMoved
from trc.runtime.store.results import StoredOutput

_OUTPUTS_TOLD: Final = 30
_WORDS: Final = (
    ("success", "ran"),
    ("checked", "checked"),
    ("skipped", "skipped"),
    ("failure", "failed"),
    ("upstream_failed", "blocked"),
    ("omitted", "omitted"),
    ("canceled", "canceled"),
)


def summarise(screen: Screen, report: RunReport, folder: Path) -> None:
    """Prints the end of a run for people: failures on standard error, the rest on standard output."""
    if not screen.is_log:
        _tell_failures(screen, report, folder)
    screen.say(_headline(screen, report))
    _say_outputs(screen, report, folder)
    _say_hints(screen, report, folder)


def nothing_to_do(report: RunReport, folder: Path) -> str:
    """What a run that skipped everything has to say, to be said again as long as nothing moves."""
    made = io.StringIO()
    screen = Screen(made, io.StringIO())
    story = Story(screen, folder)
    story.lines(RunOpened(report.run, report.plan, resumed=False))
    moves: list[Happening] = [
        *(TaskMoved(record) for record in report.tasks),
        RunFinished(report.run, report.run.state),
    ]
    told = [line for move in moves for line in story.lines(move)]
    up_to_date = count(len(report.tasks), "task")
    screen.say(f"{visible(report.run.pipeline)}: nothing to do: {up_to_date} up to date since run {report.run.id}")
    _say_outputs(screen, report, folder)
    return "\n".join([*told, made.getvalue()])


def run_report_document(report: RunReport) -> dict[str, object]:
    """The end of a run for programs."""
    return {
        "run": run_document(report.run),
        "resumed": report.resumed,
        "left_out": list(report.plan.left_out),
        "tasks": [task_document(record, report.outputs.get(record.task, ())) for record in report.tasks],
        "blocked": {task: list(others) for task, others in report.blocked.items()},
        "expectations": {task: [one.to_dict() for one in found] for task, found in report.expectations.items()},
        "logs": dict(report.log_files),
        "diagnostics": as_json.render(report.diagnostics, report.sources),
    }


def _tell_failures(screen: Screen, report: RunReport, folder: Path) -> None:
    """Each failure with the end of its log and the tasks that it blocked; then what else there is to warn of."""
    failed = {record.task for record in report.tasks if record.state == "failure"}
    failures = [one for one in report.diagnostics if one.task in failed and one.severity == "error"]
    tell_diagnostics(screen, [one for one in report.diagnostics if one not in failures], report.sources)
    for failure in failures:
        screen.tell()
        _tell_failure(screen, report, failure, folder)
    if failures:
        screen.tell()


def _tell_failure(screen: Screen, report: RunReport, failure: Diagnostic, folder: Path) -> None:
    task = failure.task or ""
    told = human.render([failure], report.sources, screen.colour_err)
    screen.tell(told.rpartition("\n\n")[0])  # without the line that counts: each failure stands by itself
    log = report.logs.get(task, "")
    if log.strip():
        screen.tell(f"  the end of its log, {visible(shown_path(report.log_files.get(task, ''), folder))}:")
        for line in visible_lines(log):
            screen.tell(screen.paint_err(f"  │ {line}".rstrip(), "dim"))
    blocked = report.blocked.get(task, ())
    if blocked:
        screen.tell(f"  not run because of it: {names(blocked)}")


def _headline(screen: Screen, report: RunReport) -> str:
    run = report.run
    states = ["checked" if is_checked_only(record) else record.state for record in report.tasks]
    parts = [f"{count(states.count(state))} {word}" for state, word in _WORDS if state in states]
    parts += [f"{count(len(report.plan.left_out))} left out"] if report.plan.left_out else []
    seconds = "" if run.ended_at is None or report.resumed else f" in {duration(run.ended_at - run.created_at)}"
    state = screen.paint(run.state, STATE_COLOURS.get(run.state, "yellow"), "bold")
    return f"{visible(run.pipeline)}: {state}{seconds}: {', '.join(parts) or 'no tasks'}"


def _say_outputs(screen: Screen, report: RunReport, folder: Path) -> None:
    """What someone outside may read, a line each; what only the pipeline reads is counted."""
    made = {file.path: file for outputs in report.outputs.values() for one in outputs for file in one.files}.values()
    public = [output for output in made if not output.is_view and f"/{STATE_FOLDER}/" not in output.path]
    rows = [_output_row(output, folder) for output in public[:_OUTPUTS_TOLD]]
    for line in table(rows, right=frozenset({1, 2})):
        screen.say(f"  {line}")
    if len(public) > _OUTPUTS_TOLD:
        screen.say(f"  and {count(len(public) - _OUTPUTS_TOLD, 'more output')}")


def _output_row(output: StoredOutput, folder: Path) -> tuple[str, str, str]:
    rows = "" if output.rows is None else count(output.rows, "row")
    return shown_path(output.path, folder), rows, size(output.size)


def _say_hints(screen: Screen, report: RunReport, folder: Path) -> None:
    where = (
        "" if folder.is_relative_to(report.project) else f" --project {shlex.quote(shown_path(report.project, folder))}"
    )
    failed = next((record.task for record in report.tasks if record.state == "failure"), None)
    task = failed or next((record.task for record in report.tasks), "TASK")
    hints = [f"run {report.run.id}", f"trc explain {task}{where}"]
    hints.append(f"trc logs {report.run.id} {failed}{where}" if failed else f"trc status {report.run.id}{where}")
    screen.say(screen.paint(" · ".join(hints), "dim"))
