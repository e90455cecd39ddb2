"""`trc breakers`: how the services stand that tasks need, and closing the circuit breaker of one that is up again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from trc import api
from trc.cli import exits
from trc.cli.documents import time_document
from trc.cli.options import json_option, no_color_option, part_of, project_option
from trc.cli.output import Screen
from trc.cli.quantities import count, moment
from trc.compiler.diagnostics.render.cells import visible


@click.group("breakers", subcommand_metavar="list|reset ...")
def command() -> None:
    """Look after the circuit breakers of services: while one is open, no attempt begins of a task that needs the service."""


command.params.append(no_color_option())
_part = part_of(command)


@_part("list")
@project_option
@json_option
def list_breakers(screen: Screen, project: Path) -> int:
    """List the services that tasks have told of, and how their breakers stand, in all runs that share the state."""
    found = api.breakers(project)
    if screen.wants_json:
        screen.document({"breakers": [_document(one) for one in found]})
    elif found:
        screen.table(("SERVICE", "STATE", "WHY"), [(visible(one.service), one.state, _why(one)) for one in found])
    else:
        screen.tell("no task has told of a service")
    return exits.OK


@_part("reset")
@click.argument("services", nargs=-1, required=True, metavar="SERVICE...")
@project_option
@json_option
def reset(screen: Screen, project: Path, services: tuple[str, ...]) -> int:
    """Close the breakers of services that are up again: who waits for one asks again within five seconds."""
    before = api.reset_breakers(project, services)
    if screen.wants_json:
        screen.document({"reset": [_document(one) for one in before]})
    for one in () if screen.wants_json else before:
        screen.tell(f"{visible(one.service)} was {one.state}, and is closed")
    return exits.OK


def _why(one: api.BreakerStatus) -> str:
    times = f", opened {count(one.opened, 'time')} in a row" if one.opened > 1 else ""
    match one.state:
        case "closed":
            last = f"{count(one.failures, 'failure')} in a row, the last at {moment(one.failed_at or 0.0)}"
            return last if one.failures else ""
        case "open":
            return (f"until {moment(one.until)}" if one.until else "the next attempt is a probe") + times
        case "half_open":
            probe = one.probe
            return (f"{probe.task} of run {probe.run} probes it" if probe else "the next attempt is a probe") + times


def _document(one: api.BreakerStatus) -> dict[str, Any]:
    probe = one.probe
    return {
        "service": one.service,
        "state": one.state,
        "failures": one.failures,
        "failed_at": time_document(one.failed_at),
        "until": time_document(one.until),
        "opened": one.opened,
        "probe": None if probe is None else {"run": probe.run, "task": probe.task, "attempt": probe.number},
    }
