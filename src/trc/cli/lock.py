"""`trc lock`: writes down what the environments of a project's tasks hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from trc import api
from trc.cli import exits
from trc.cli.findings import tell_findings
from trc.cli.options import json_option, project_option, subcommand
from trc.cli.output import Screen, shown_path
from trc.cli.quantities import count
from trc.compiler.diagnostics.render.cells import visible


@subcommand
@click.argument("files", nargs=-1, metavar="[FILE...]", type=click.Path(path_type=Path))
@click.option("--check", is_flag=True, help="Only tell whether the lock file is up to date; needs no network.")
@click.option("--upgrade", is_flag=True, help="Take the newest versions that the requirements allow.")
@click.option(
    "--upgrade-package",
    "packages",
    multiple=True,
    metavar="NAME",
    help="Take the newest version of this package; may be repeated.",
)
@project_option
@json_option
def command(  # noqa: PLR0917 - click passes them by name
    screen: Screen, files: tuple[Path, ...], check: bool, upgrade: bool, packages: tuple[str, ...], project: Path
) -> int:
    """Resolve what tasks require, and write it into trc.lock: each package with its version and hashes.

    Every pipeline of the project is read, or only FILEs: what others have locked then stays. What is locked already
    stays as it is. Commit the file: plan and run take what it says, and nothing but this command changes it.
    """
    if check and (upgrade or packages):
        raise click.UsageError("--check changes nothing: leave out what is to be upgraded")
    found = api.lock(project, files, check=check, upgrade=packages, upgrade_all=upgrade)
    tell_findings(screen, "human", found.diagnostics, found.sources)
    if screen.wants_json:
        screen.document(_document(found))
    else:
        _say(screen, found, check=check)
    return exits.OK if found.is_current else exits.FAILED


def _say(screen: Screen, found: api.LockReport, *, check: bool) -> None:
    file = shown_path(found.file, Path.cwd())
    if check:
        if found.is_current:
            screen.say(f"{file} is up to date: {count(len(found.environments), 'environment')}")
        return
    if not found.environments and not found.dropped:
        screen.say("no task asks for an environment of its own: there is nothing to lock")
        return
    for one in found.environments:
        if one.is_changed:
            verb = "locked" if one.before is None else "changed"
            packages = count(len(one.environment.versions()), "package")
            tasks = visible(", ".join(one.tasks))
            screen.say(f"{screen.paint(verb, 'green')}  Python {one.environment.python}, {packages}: {tasks}")
            for name, was, now in api.lock_differences(one) if one.before is not None else ():
                screen.say(f"  {name}  {was or '(absent)'} -> {now or '(absent)'}")
    dropped = f", {count(found.dropped, 'environment')} dropped" if found.dropped else ""
    verb = "written" if found.is_written else "up to date"
    screen.say(f"{file}: {count(len(found.environments), 'environment')}, {verb}{dropped}")


def _document(found: api.LockReport) -> dict[str, Any]:
    return {
        "file": str(found.file),
        "is_current": found.is_current,
        "is_written": found.is_written,
        "dropped": found.dropped,
        "environments": [
            {
                "python": one.environment.python,
                "digest": one.environment.digest,
                "tasks": one.tasks,
                "is_changed": one.is_changed,
                "packages": one.environment.versions(),
            }
            for one in found.environments
        ],
    }
