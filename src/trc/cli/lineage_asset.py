"""`trc lineage asset`: follows a dataset or a file through the runs that made it, and those that read it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from trc import api
from trc.api.tracing import Direction
from trc.cli import exits
from trc.cli.documents import time_document
from trc.cli.lineage_words import Disk, file_words, made_words, output_words, read_document, read_words, source_document
from trc.cli.options import json_option, project_option, subcommand
from trc.cli.output import Screen
from trc.cli.trees import Branch, tree_lines
from trc.compiler.diagnostics.render.cells import visible
from trc.runtime.lineage.query import DEEPEST, Made, Traced, Unknown


@subcommand
@click.argument("asset", metavar="DATASET|PATH")
@click.option(
    "--direction",
    type=click.Choice(["up", "down", "both"]),
    default="both",
    show_default=True,
    help="What it was made of (up), or what came of it (down).",
)
@click.option(
    "--depth", type=click.IntRange(1, DEEPEST), default=DEEPEST, metavar="N", help="Follow at most this many steps."
)
@click.option("--at", metavar="TIME", help="As it was recorded by then, such as 2026-01-15T02:00+01:00; else now.")
@project_option
@json_option
def command(  # noqa: PLR0917 - click passes them by name
    screen: Screen, project: Path, asset: str, direction: Direction, depth: int, at: str | None
) -> int:
    """Follow a dataset or a file through the runs that made it, and those that read it.

    It is named as pipeline.task, as pipeline.task.output, or by the path of an output or of a source file. All
    pipelines that share the project's state are looked at.
    """
    found = api.asset_lineage(project, asset, direction=direction, depth=depth, at=at)
    if screen.wants_json:
        screen.document(
            {
                "at": time_document(found.at),
                "asset": source_document(found.what, found.on_disk),
                **({} if found.up is None else {"up": [_document(one, found.on_disk) for one in found.up]}),
                **({} if found.down is None else {"down": [_document(one, found.on_disk) for one in found.down]}),
            }
        )
        return exits.OK
    _say(screen, found)
    return exits.OK


def _say(screen: Screen, found: api.AssetLineage) -> None:
    disk = found.on_disk
    if isinstance(found.what, Made):
        screen.say(visible(made_words(found.what)))
        screen.say(visible(f"  {output_words(found.what.output, disk)}"))
    else:
        screen.say(visible(f"{file_words(found.what, disk)}: a source, no run made it"))
    for head, branches, is_up in (("made of", found.up, True), ("read by", found.down, False)):
        if branches is None or (is_up and not isinstance(found.what, Made)):
            continue
        screen.say()
        if not branches:
            screen.say(f"{head} nothing that is recorded")
            continue
        for line in tree_lines(Branch(head, tuple(_branch(one, disk, is_up=is_up) for one in branches))):
            screen.say(line)


def _branch(traced: Traced, disk: Disk, *, is_up: bool) -> Branch:
    text = _words(traced, disk, is_up=is_up)
    if traced.is_repeated:
        text += " (shown above)"
    if traced.is_cut:
        text += " (more beyond --depth)"
    return Branch(text, tuple(_branch(one, disk, is_up=is_up) for one in traced.below))


def _words(traced: Traced, disk: Disk, *, is_up: bool) -> str:
    match traced.what:
        case Unknown() if traced.read is None:
            return traced.what.why
        case Made() if not is_up and traced.read is not None:
            return f"{made_words(traced.what)}, which read {read_words(traced.read, traced.read, disk)}"
        case _:
            assert traced.read is not None
            return read_words(traced.read, traced.what, disk)


def _document(traced: Traced, disk: Disk) -> dict[str, Any]:
    told = source_document(traced.what, disk)
    if traced.read is not None:
        read = read_document(traced.read, traced.read, disk)
        told["read"] = {"name": read["name"], "known_by": read["known_by"], "for": read["for"]}
    marks = {"repeated": True} if traced.is_repeated else {"cut": True} if traced.is_cut else {}
    return {**told, **marks, "below": [_document(one, disk) for one in traced.below]}
