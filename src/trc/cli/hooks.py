"""`trc hooks`: what hooks tell the outside, and what of it could not be delivered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from trc import api
from trc.cli import exits
from trc.cli.documents import time_document
from trc.cli.options import LATEST, json_option, no_color_option, part_of, project_option
from trc.cli.output import Screen
from trc.cli.quantities import count, moment
from trc.compiler.diagnostics.render.cells import visible
from trc.runtime.hooks import type_of
from trc.runtime.store.journal import Message


@click.group("hooks", subcommand_metavar="list|replay ...")
def command() -> None:
    """Look after what hooks tell the outside: each message is tried until its endpoint has taken it, or it is given up."""


command.params.append(no_color_option())
_part = part_of(command)


@_part("list")
@click.argument("run", required=False)
@click.option("--all", "settled", is_flag=True, help="Those that were delivered, too.")
@project_option
@json_option
def list_messages(screen: Screen, project: Path, run: str | None, settled: bool) -> int:
    """List the messages that are not delivered, newest first: of all runs, or of RUN.

    RUN is the id of a run or the beginning of one, or "latest".
    """
    is_newest = run == LATEST
    found = api.messages(project, None if is_newest else run, of_newest=is_newest, settled=settled)
    if screen.wants_json:
        screen.document({"messages": [_document(one) for one in found]})
    elif found:
        rows = [_row(one) for one in found]
        screen.table(("NUMBER", "STATE", "EVENT", "TASK", "RUN", "TRIES", "TO", ""), rows, right=frozenset({0, 5}))
    else:
        screen.tell("there are no messages" if settled else "all messages are delivered")
    return exits.OK


@_part("replay")
@click.argument("numbers", type=int, nargs=-1, metavar="[NUMBER]...")
@project_option
@json_option
def replay(screen: Screen, project: Path, numbers: tuple[int, ...]) -> int:
    """Deliver messages now, those that were given up as well; without a number, all that are not delivered."""
    found = api.replay_messages(project, numbers)
    left = [one for one in found if one.state != "delivered"]
    if screen.wants_json:
        screen.document({"messages": [_document(one) for one in found]})
    else:
        screen.tell(f"delivered {count(len(found) - len(left), 'message')} of {len(found):,}")
        for one in left:
            screen.tell(f"  {one.number}  {api.shown_url(one.url)}  {visible(one.error or 'not tried yet')}")
    return exits.FAILED if left else exits.OK


def _row(one: Message) -> tuple[str, ...]:
    told = one.error
    if one.state == "pending" and one.tries:
        told = f"{one.error}; again {moment(one.due_at)}"
    event = type_of(one.event, one.task)
    return str(one.number), one.state, event, one.task or "", one.run, str(one.tries), api.shown_url(one.url), told


def _document(one: Message) -> dict[str, Any]:
    return {
        "number": one.number,
        "id": one.id,
        "state": one.state,
        "event": type_of(one.event, one.task),
        "run": one.run,
        "task": one.task,
        "to": api.shown_url(one.url),
        "tries": one.tries,
        "error": one.error or None,
        "created_at": time_document(one.created_at),
        "due_at": time_document(one.due_at) if one.state == "pending" else None,
        "settled_at": time_document(one.settled_at),
    }
