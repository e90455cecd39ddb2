"""`trc state export` and `trc state import`: all that a project remembers, as one file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import click

from trc import api
from trc.cli import exits
from trc.cli.options import json_option, project_option, subcommand
from trc.cli.output import Screen
from trc.cli.quantities import count

_NAMES: Final = {
    "run": "run",
    "task": "task",
    "attempt": "attempt",
    "letter": "dead letter",
    "result": "result",
}
"""What people are told that the lines of a file tell of: neither what is cached, nor which result is a task's last."""

_file: Final = click.argument("file", type=click.Path(path_type=Path))


@subcommand
@_file
@project_option
@json_option
def export(screen: Screen, file: Path, project: Path) -> int:
    """Write all that is recorded to FILE: runs with their tasks, attempts and dead letters, results, digests.

    The file is the same whatever store it comes from, and is written whole or not at all. Data and logs are not part of it.
    """
    counts = api.write_state(project, file)
    if screen.wants_json:
        screen.document({"file": str(file), "records": _records(counts)})
    else:
        screen.tell(f"wrote {_told(counts)} to {file}")
    return exits.OK


export.short_help = "Write all that is recorded to a file."


@subcommand
@_file
@project_option
@json_option
def take_in(screen: Screen, file: Path, project: Path) -> int:
    """Take in what `trc state export` wrote to FILE, all of it or nothing.

    What is recorded here stays: runs that are known are left as they are, and of two results under one key the later counts.
    A second time changes nothing.
    """
    taken, where = api.take_state(project, file)
    if screen.wants_json:
        screen.document(
            {"file": str(file), "state": where, "records": _records(taken.counts), "known_runs": taken.known}
        )
    else:
        known = f"; {count(taken.known, 'run')} known before, left as they are" if taken.known else ""
        screen.tell(f"took in {_told(taken.counts)}{known}")
    return exits.OK


take_in.short_help = "Take in what an export wrote."


def _records(counts: Mapping[str, int]) -> Mapping[str, int]:
    return {name: counts.get(name, 0) for name in (*_NAMES, "digest")}


def _told(counts: Mapping[str, int]) -> str:
    return ", ".join(count(counts.get(name, 0), word) for name, word in _NAMES.items())
