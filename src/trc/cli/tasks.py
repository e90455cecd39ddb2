"""`trc tasks`: lists the task types, their parameters, and an example of each."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import yaml

from trc import api
from trc.api.tasktypes import Parameter, TaskKind
from trc.cli import exits
from trc.cli.options import json_option, project_option, subcommand
from trc.cli.output import Screen
from trc.compiler.diagnostics.render.cells import visible


@subcommand
@click.argument("name", required=False, metavar="[TYPE]")
@project_option
@json_option
def command(screen: Screen, name: str | None, project: Path) -> int:
    """List the task types; of one, its parameters and an example."""
    found = api.task_kinds(project, name)
    if screen.wants_json:
        screen.document({"types": [_document(one) for one in found]})
    elif name is None:
        screen.table(("TYPE", "WHAT IT DOES"), [(visible(one.name), visible(one.summary)) for one in found])
    else:
        _say(screen, found[0])
    return exits.OK


def _say(screen: Screen, kind: TaskKind) -> None:
    screen.say(f"{screen.paint(visible(kind.name), 'bold')}: {visible(kind.summary)}")
    if not kind.is_run:
        screen.say("It is checked, and not run by this version.")
    if kind.requires:
        screen.say(f"In an environment of its own it brings: {', '.join(map(visible, kind.requires))}")
    screen.say()
    screen.table(("PARAMETER", "TAKES", "DEFAULT", ""), [_row(one) for one in kind.parameters])
    if kind.example:
        screen.say()
        node: dict[str, Any] = {"id": "example", "type": kind.name, "params": dict(kind.example)}
        screen.say(yaml.safe_dump([node], sort_keys=False, allow_unicode=True, width=100).rstrip())


def _row(one: Parameter) -> tuple[str, str, str, str]:
    default = "required" if one.is_required else "" if one.default in (None, [], {}) else _plain(one.default)
    return visible(one.name), visible(one.kind), visible(default), visible(one.description)


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _document(kind: TaskKind) -> dict[str, Any]:
    return {**asdict(kind), "example": dict(kind.example)}
