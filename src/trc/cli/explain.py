"""`trc explain`: tells why a task ran or was skipped, or what a code means."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path
from typing import Final

import click

from trc import api
from trc.cli import exits
from trc.cli.cells import cut
from trc.cli.documents import (
    attempt_document,
    output_document,
    parts_document,
    reason_document,
    run_document,
    task_document,
)
from trc.cli.markdown import readable
from trc.cli.options import chosen_run, json_option, project_option, subcommand
from trc.cli.output import STATE_COLOURS, Screen, shown_path
from trc.cli.progress import error_line
from trc.cli.quantities import count, duration, moment, size
from trc.compiler.diagnostics.render.cells import visible
from trc.error_codes import explain_code
from trc.runtime.partitions import Manifest, shown
from trc.runtime.reasons import Change
from trc.runtime.reported import in_words, verdicts_of
from trc.runtime.store.journal import AttemptRecord
from trc.runtime.store.results import StoredOutput

_CODE: Final = re.compile(r"TRC\d\w{0,3}", re.IGNORECASE)
_LONGEST_VALUE: Final = 160
_CHANGED_LINES_TOLD: Final = 20


@subcommand
@click.argument("subject", metavar="TASK|CODE")
@click.option("--run", metavar="RUN", help="Ask about this run, not the last one that the task was part of.")
@project_option
@json_option
def command(screen: Screen, subject: str, run: str | None, project: Path) -> int:
    """Tell why a task ran or was skipped, or what a code such as TRC402 means.

    Write task:NAME or code:TRC402 where a word could be either.
    """
    kind, colon, name = subject.partition(":")
    if (colon and kind == "code") or _CODE.fullmatch(subject):
        return _explain_code(screen, name or subject)
    return _explain_task(screen, name if colon and kind == "task" else subject, chosen_run(run), project)


def _explain_code(screen: Screen, code: str) -> int:
    found = explain_code(code)
    if screen.wants_json:
        severity = found.severities[0]
        screen.document({"code": found.code, "title": found.title, "severity": severity, "page": found.page})
    else:
        screen.say(readable(found.page, screen))
    return exits.OK


def _explain_task(screen: Screen, name: str, run: str | None, project: Path) -> int:
    found = api.explain_task(project, name, run=run)
    outputs = found.result.outputs if found.result else ()
    if screen.wants_json:
        screen.document(
            {
                "pipeline": found.pipeline,
                "run": run_document(found.run),
                "task": task_document(found.record, outputs),
                "reason": reason_document(found.reason),
                "attempts": [attempt_document(attempt) for attempt in found.attempts],
                **({"whole": [attempt_document(attempt) for attempt in found.whole]} if found.whole else {}),
                "outputs": [output_document(output) for output in outputs],
                **({"known_by": {one.field: one.value for one in found.known_by}} if found.known_by else {}),
                **({} if found.parts is None else {"partitions": parts_document(found.parts)}),
            }
        )
        return exits.OK
    _say_reason(screen, found)
    for attempt in (*found.attempts, *found.whole):
        of_all = "of all items together, " if attempt.task != found.record.task else ""
        screen.say(f"  {of_all}{_attempt_line(attempt)}")
        for verdict in verdicts_of(attempt):
            screen.say(f"    {visible(verdict.name)}: {visible(in_words(verdict))}")
            if verdict.kept:
                screen.say(f"      the rows: {visible(shown_path(verdict.kept, Path.cwd()))}")
    for output in outputs:
        screen.say(f"  {_output_line(output)}")
    if found.parts is not None:
        _say_parts(screen, found.parts)
    if found.newer:
        screen.say(f"  {count(found.newer, 'partition')} kept for an output that is yet to come")
    return exits.OK


def _say_parts(screen: Screen, parts: Manifest) -> None:
    """Which partitions the output was put together of, built by which code in which run."""
    if parts.why:
        screen.say(f"  not by {visible(parts.column)}, but over all of it: {visible(parts.why)}")
        return
    screen.say()
    rows = [
        (shown(one.label), count(one.rows), size(one.size), moment(one.built_at), one.run, one.code[:8])
        for one in parts.parts
    ]
    screen.table((parts.column.upper(), "ROWS", "SIZE", "BUILT", "RUN", "CODE"), rows, right=frozenset({1, 2}))


def _say_reason(screen: Screen, found: api.Explanation) -> None:
    record, run = found.record, found.run
    state = screen.paint(record.state, STATE_COLOURS.get(record.state, "yellow"), "bold")
    screen.say(f"{visible(found.pipeline)}.{visible(found.task)}: {state} in run {run.id} of {moment(run.created_at)}")
    if found.reason.code:
        verb = (
            "skipped"
            if record.state == "skipped"
            else "ran"
            if found.attempts or record.state == "success"
            else "did not run"
        )
        screen.say(f"  {verb}: {visible(found.reason.sentence())}")
    if record.blocked_by:
        screen.say(f"  blocked by {visible(record.blocked_by)}, which failed")
    if record.error is not None:
        screen.say(f"  failed: {error_line(record)}")
    for change in found.reason.changes:
        screen.say(f"    {screen.paint(visible(change.field), 'bold')}")
        for line in _change_lines(change):
            screen.say(f"      {screen.paint(line, 'red' if line.startswith('-') else 'green')}")
    for part in found.known_by:
        screen.say(f"    {visible(part.field)}: {cut(visible(part.value), _LONGEST_VALUE)}")


def _change_lines(change: Change) -> Iterator[str]:
    """The old value and the new; of long texts, the lines that differ."""
    old = [] if change.old is None else change.old.splitlines()
    new = [] if change.new is None else change.new.splitlines()
    lines = [line for line in unified_diff(old, new, n=0, lineterm="") if not line.startswith(("---", "+++", "@@"))]
    for line in lines[:_CHANGED_LINES_TOLD]:
        yield cut(visible(f"{line[0]} {line[1:]}"), _LONGEST_VALUE)
    if len(lines) > _CHANGED_LINES_TOLD:
        yield f"  and {count(len(lines) - _CHANGED_LINES_TOLD, 'more line')}"


def _attempt_line(attempt: AttemptRecord) -> str:
    took = ""
    if attempt.started_at is not None and attempt.ended_at is not None:
        took = f" in {duration(attempt.ended_at - attempt.started_at)}"
    log = f", log {visible(shown_path(attempt.log, Path.cwd()))}" if attempt.log else ""
    return f"attempt {attempt.number}: {attempt.state}{took}{log}"


def _output_line(output: StoredOutput) -> str:
    if output.is_view:
        return f"{visible(output.name)}: not stored, computed within the tasks that read it"
    rows = "" if output.rows is None else f", {count(output.rows, 'row')}"
    same = f", the same as {visible(output.home)}" if output.home else ""
    return f"{visible(output.name)}: {visible(shown_path(output.path, Path.cwd()))}{rows}, {size(output.size)}{same}"
