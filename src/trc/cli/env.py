"""`trc env`: looks after the environments that tasks run in."""

from __future__ import annotations

import click

from trc import api
from trc.cli import exits
from trc.cli.options import Age, json_option, no_color_option, subcommand
from trc.cli.output import Screen
from trc.cli.quantities import count, moment, size


@click.group("env", subcommand_metavar="list|gc ...")
def command() -> None:
    """Look after the environments that were built on this machine.

    They are built when a task first runs in them, and shared by all projects. They lie in the folder that TRC_CACHE
    names, else under "trc" in your cache folder.
    """


command.params.append(no_color_option())


@subcommand
@json_option
def list_environments(screen: Screen) -> int:
    """List the environments, with their size and when they were used last."""
    folder, found = api.environments()
    if screen.wants_json:
        screen.document({"folder": str(folder), "environments": found})
        return exits.OK
    if found:
        rows = [
            (one.name[:12], one.python or "-", size(one.size), "now" if one.is_used else moment(one.used_at))
            for one in found
        ]
        screen.table(("ENVIRONMENT", "PYTHON", "SIZE", "USED"), rows, right=frozenset({2}))
    screen.say(f"{count(len(found), 'environment')} in {folder}")
    return exits.OK


@subcommand
@click.option("--older-than", "age", type=Age(), default="30d", show_default=True, help="What was used since is kept.")
@click.option("--dry-run", "dry", is_flag=True, help="Only tell what would be removed.")
@json_option
def gc(screen: Screen, age: float, dry: bool) -> int:
    """Remove environments that no run has used for AGE (such as 12h or 30d), and never one in use.

    A run that needs one again builds it again.
    """
    found = api.collect_environments(age, dry=dry)
    if screen.wants_json:
        screen.document({"dry_run": dry, "environments": found})
    else:
        verb = "would remove" if dry else "removed"
        screen.tell(f"{verb} {count(len(found), 'environment')}, {size(sum(one.size for one in found))}")
    return exits.OK


command.add_command(list_environments, "list")
command.add_command(gc, "gc")
gc.short_help = "Remove what nobody has used for long."
list_environments.short_help = "List the environments."
