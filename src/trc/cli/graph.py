"""`trc graph`: draws a pipeline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import click

from trc import api
from trc.cli import exits
from trc.cli.files import write_whole
from trc.cli.options import choices_options, file_argument, json_option, subcommand
from trc.cli.output import Screen
from trc.compiler.choices import Choices

Form = Literal["mermaid", "dot", "svg", "html", "json"]


@subcommand
@file_argument
@click.option(
    "--format",
    "form",
    type=click.Choice(["mermaid", "dot", "svg", "html", "json"]),
    help="The form; by default the one that the suffix of -o tells, else mermaid.",
)
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Write here, not to the screen.")
@click.option("--optimised", is_flag=True, help="As it is written, and beside it as it runs.")
@choices_options(backend=False)
@json_option
def command(  # noqa: PLR0917 - click passes them by name
    screen: Screen, file: Path, choices: Choices, form: Form | None, output: Path | None, optimised: bool
) -> int:
    """Draw a pipeline.

    The SVG and the HTML page are complete in themselves.
    """
    chosen = "json" if screen.wants_json else form or _form_of(output)
    if chosen == "json":
        text = json.dumps(api.graph_json(file, choices, optimised=optimised), indent=2, ensure_ascii=False)
    else:
        text = api.graph(file, choices, form=chosen, optimised=optimised)
    if output is None:
        screen.say(text.rstrip("\n"))
    else:
        write_whole(output, text.rstrip("\n") + "\n")
        screen.tell(f"written to {output}")
    return exits.OK


def _form_of(output: Path | None) -> Form:
    match "" if output is None else output.suffix.lower():
        case ".svg":
            return "svg"
        case ".html" | ".htm":
            return "html"
        case ".dot" | ".gv":
            return "dot"
        case ".json":
            return "json"
        case _:
            return "mermaid"
