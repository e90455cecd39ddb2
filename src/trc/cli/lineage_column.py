"""`trc lineage column`: draws what a column is made of, back to the sources."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import click

from trc import api
from trc.cli import exits
from trc.cli.options import choices_options, file_argument, json_option, subcommand
from trc.cli.output import Screen
from trc.cli.trees import Branch, tree_lines
from trc.compiler.choices import Choices
from trc.compiler.diagnostics.render.cells import visible
from trc.compiler.lineage.column import Cause, ColumnLineage, Made
from trc.compiler.picture.dot import dot
from trc.compiler.picture.mermaid import mermaid


@subcommand
@file_argument
@click.argument("column", metavar="DATASET.COLUMN")
@click.option(
    "--format",
    "form",
    type=click.Choice(["tree", "mermaid", "dot"]),
    default="tree",
    help="The form; a tree, if not told.",
)
@choices_options(backend=False)
@json_option
def command(screen: Screen, file: Path, column: str, choices: Choices, form: Literal["tree", "mermaid", "dot"]) -> int:
    """Show what a column is made of, back to the sources.

    A column gets into another as it is (identity), through an expression (transformed) or from many rows
    (aggregated). Below stands what decides about the rows, and so bears on every column.
    """
    report = api.column_of(file, column, choices)
    if screen.wants_json:
        screen.document(report.lineage.to_json())
    elif form == "tree":
        for line in _lines(report.lineage):
            screen.say(line)
    else:
        screen.say({"mermaid": mermaid, "dot": dot}[form](report.drawing()).rstrip("\n"))
    return exits.OK


def _lines(lineage: ColumnLineage) -> Iterator[str]:
    yield from tree_lines(_branch(lineage.tree))
    rows = [one for one in lineage.rows if one.column is not None]
    for head, causes in (("its values also depend on", lineage.unseen), ("its rows depend on", rows)):
        if causes:
            yield ""
            yield head
            for one in causes:
                yield f"  {_called(one)}  {', '.join(one.how)}"
    for dataset, reason in lineage.unknown:
        yield ""
        yield f"unknown behind {visible(dataset)}: {reason}"


def _branch(made: Made) -> Branch:
    name = f"{made.dataset}.{made.column}" if made.column is not None else f"the rows of {made.dataset}"
    words = [f"{', '.join(made.how)}: {name}" if made.how else name]
    if made.type:
        words.append(made.type)
    if made.kind != "task":
        words.append(f"({made.kind})")
    elif made.unknown is not None:
        words.append("(unknown)")
    elif made.is_repeated:
        words.append("(shown above)")
    return Branch(" ".join(words), tuple(map(_branch, made.causes)))


def _called(cause: Cause) -> str:
    return visible(f"{cause.dataset}.{cause.column}")
