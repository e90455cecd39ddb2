"""`trc lineage table`: draws which datasets a dataset is made of."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import click

from trc import api
from trc.api import DatasetReport
from trc.cli import exits
from trc.cli.options import choices_options, file_argument, json_option, subcommand
from trc.cli.output import Screen
from trc.cli.trees import Branch, tree_lines
from trc.compiler.choices import Choices
from trc.compiler.lineage.steps import Derived, Step
from trc.compiler.picture.dot import dot
from trc.compiler.picture.mermaid import mermaid


@subcommand
@file_argument
@click.argument("dataset", required=False)
@click.option(
    "--format",
    "form",
    type=click.Choice(["tree", "mermaid", "dot"]),
    default="tree",
    help="The form; a tree, if not told.",
)
@choices_options(backend=False)
@json_option
def command(
    screen: Screen, file: Path, dataset: str | None, choices: Choices, form: Literal["tree", "mermaid", "dot"]
) -> int:
    """Show which datasets DATASET is made of, back to the sources; without DATASET, for each that no other reads."""
    report = api.dataset_lineage(file, dataset, choices)
    if screen.wants_json:
        steps = [report.steps[name] for name in report.datasets]
        screen.document({"pipeline": report.pipeline, "datasets": [_document(step) for step in steps]})
    elif form == "tree":
        shown: set[str] = set()
        for root in _roots(report):
            for line in tree_lines(_branch(report, root, shown)):
                screen.say(line)
    else:
        screen.say({"mermaid": mermaid, "dot": dot}[form](report.drawing()).rstrip("\n"))
    return exits.OK


def _roots(report: DatasetReport) -> list[str]:
    """The datasets that none of the others reads."""
    read = {name for one in report.datasets for name in _reads(report.steps[one])}
    return [name for name in report.datasets if name not in read]


def _branch(report: DatasetReport, name: str, shown: set[str]) -> Branch:
    step = report.steps[name]
    reads = _reads(step)
    text = f"{name} ({step.type if isinstance(step, Derived) else step.kind})"
    if reads and name in shown:
        return Branch(f"{text} (shown above)")
    shown.add(name)
    return Branch(text, tuple(_branch(report, one, shown) for one in reads))


def _reads(step: Step) -> tuple[str, ...]:
    return step.reads if isinstance(step, Derived) else ()


def _document(step: Step) -> dict[str, Any]:
    if isinstance(step, Derived):
        return {"dataset": step.dataset, "kind": "task", "task": step.task, "reads": list(step.reads)}
    return {"dataset": step.dataset, "kind": step.kind, "task": None, "reads": []}
