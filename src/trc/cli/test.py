"""`trc test`: runs the tests of pipelines, on the rows that they give."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click

from trc.cli import exits
from trc.cli.failures import tell_diagnostics
from trc.cli.files import write_whole
from trc.cli.junit import junit
from trc.cli.options import choices_options, json_option, subcommand
from trc.cli.output import Colour, Screen
from trc.cli.quantities import count, duration
from trc.cli.rowdiff import diff_lines
from trc.compiler.choices import Choices
from trc.compiler.diagnostics.render import json as as_json
from trc.compiler.diagnostics.render.cells import visible
from trc.testing.compare import Row
from trc.testing.report import Compared, State, Tested, TestReport
from trc.testing.usecase import run_tests

_COLOURS: Final[dict[State, Colour]] = {"passed": "green", "failed": "red", "wrong": "red"}


@subcommand
@click.argument("paths", nargs=-1, metavar="[FILE|DIR...]", type=click.Path(path_type=Path))
@click.option(
    "-k", "pattern", metavar="PATTERN", help="Only tests with this in their names, ignoring case; * is any text."
)
@click.option("--junit", "junit_file", type=click.Path(path_type=Path), metavar="FILE", help="Write JUnit XML, too.")
@choices_options(backend=False)
@json_option
def command(
    screen: Screen, paths: tuple[Path, ...], pattern: str | None, junit_file: Path | None, choices: Choices
) -> int:
    """Run the tests of pipelines, on the rows that they give.

    Without a name, of all pipelines below the folder that you stand in. Queries run in an empty database in memory:
    no data is read, nothing is written, and no state is kept.
    """
    report = run_tests(paths or (Path(),), choices, pattern=pattern)
    tell_diagnostics(screen, report.diagnostics, report.sources)
    if junit_file is not None:
        write_whole(junit_file, junit(report))
    if screen.wants_json:
        screen.document(_document(report))
    else:
        _say(screen, report)
    if report.wrong or report.count("wrong"):
        return exits.WRONG_PIPELINE
    return exits.FAILED if report.count("failed") else exits.OK


def _say(screen: Screen, report: TestReport) -> None:
    files = {one.file for one in report.tests}
    for one in report.tests:
        shown = visible(f"{one.file}: {one.name}" if len(files) > 1 else one.name)
        screen.say(f"{screen.paint(one.state, _COLOURS[one.state])}  {shown}  {duration(one.seconds)}")
        for compared in one.compared:
            if compared.differences:
                screen.say(f"\n  {visible(compared.dataset)}")
                for line in diff_lines(compared, colour=screen.colour_out):
                    screen.say(f"  {line}")
                screen.say()
    states: tuple[State, ...] = ("passed", "failed", "wrong")
    counts = [f"{report.count(state):,} {state}" for state in states if report.count(state)]
    if report.wrong:
        counts.append(f"{count(len(report.wrong), 'pipeline')} with mistakes, not tested")
    told = ", ".join(counts) or "no tests"
    screen.say(f"{told} in {duration(report.seconds)}" if report.tests else told)


def _document(report: TestReport) -> dict[str, Any]:
    return {
        "tests": [_tested(one, report) for one in report.tests],
        "passed": report.count("passed"),
        "failed": report.count("failed"),
        "wrong": report.count("wrong"),
        "files_with_mistakes": list(report.wrong),
        "seconds": round(report.seconds, 3),
        "diagnostics": as_json.render(report.diagnostics, report.sources),
    }


def _tested(one: Tested, report: TestReport) -> dict[str, Any]:
    source = report.sources.get(one.span.file) if one.span else None
    return {
        "file": one.file,
        "line": source.position(one.span.start).line if source and one.span else None,
        "pipeline": one.pipeline,
        "name": one.name,
        "state": one.state,
        "seconds": round(one.seconds, 3),
        "datasets": [_compared(compared) for compared in one.compared],
        "diagnostics": as_json.render(one.diagnostics, report.sources),
    }


def _compared(compared: Compared) -> dict[str, Any]:
    return {
        "dataset": compared.dataset,
        "as_expected": compared.is_as_expected,
        "ordered": compared.ordered,
        "columns": [{"name": column.name, "type": column.type} for column in compared.columns],
        "expected_rows": compared.expected,
        "found_rows": compared.found,
        "differences": [
            {
                "kind": one.kind,
                "expected": _row(one.expected, compared),
                "found": _row(one.found, compared),
                "changed": [column.name for index, column in enumerate(compared.columns) if index in one.changed],
            }
            for one in compared.differences
        ],
    }


def _row(row: Row | None, compared: Compared) -> dict[str, str | None] | None:
    if row is None:
        return None
    return {column.name: value for column, value in zip(compared.columns, row, strict=True)}
