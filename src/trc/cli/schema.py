"""`trc schema`: shows which columns datasets have, and of which types."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from trc import api
from trc.cli import exits
from trc.cli.options import choices_options, file_argument, json_option, subcommand
from trc.cli.output import Screen
from trc.compiler.choices import Choices
from trc.compiler.ir.types import Known, Unknown
from trc.compiler.lineage.steps import Origin, Step


@subcommand
@file_argument
@click.argument("dataset", required=False)
@click.option("--online", is_flag=True, help="Look at sources on S3 and on the web, too.")
@choices_options(backend=False)
@json_option
def command(screen: Screen, file: Path, dataset: str | None, online: bool, choices: Choices) -> int:
    """Show the columns of DATASET, or of every dataset, with DuckDB's types.

    What cannot be known before a run is said to be unknown, with the reason.
    """
    report = api.schema(file, dataset, choices, online=online)
    steps = [report.steps[name] for name in report.datasets]
    if screen.wants_json:
        screen.document({"pipeline": report.pipeline, "datasets": [_document(step) for step in steps]})
        return exits.OK
    for index, step in enumerate(steps):
        if index:
            screen.say()
        _show(screen, step)
    return exits.OK


def _show(screen: Screen, step: Step) -> None:
    screen.say(f"{screen.paint(step.dataset, 'bold')}  {screen.paint(_origin(step), 'dim')}")
    match step.schema:
        case Unknown(reason):
            screen.say(f"  {screen.paint('unknown', 'yellow')}: {reason}")
        case Known(columns):
            longest = max((len(column.name) for column in columns), default=0)
            for column in columns:
                screen.say(f"  {column.name.ljust(longest)}  {column.type}")


def _origin(step: Step) -> str:
    """What the dataset is, and who says which columns it has."""
    if isinstance(step.schema, Unknown):
        return _what(step)
    return f"{_what(step)}, {_told(step)}"


def _what(step: Step) -> str:
    return step.kind if isinstance(step, Origin) else step.type


def _told(step: Step) -> str:
    if isinstance(step, Origin):
        return "declared" if step.is_declared else "read from the file"
    return "inferred" if step.is_inferred else "declared"


def _document(step: Step) -> dict[str, Any]:
    known = step.schema.columns if isinstance(step.schema, Known) else None
    reason = step.schema.reason if isinstance(step.schema, Unknown) else None
    return {
        "dataset": step.dataset,
        "kind": step.kind if isinstance(step, Origin) else "task",
        "task": None if isinstance(step, Origin) else step.task,
        "told": None if known is None else _told(step).partition(" ")[0],
        "columns": None if known is None else [{"name": one.name, "type": one.type} for one in known],
        "unknown": reason,
    }
