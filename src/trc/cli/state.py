"""`trc state`: looks after what a project remembers."""

from __future__ import annotations

from pathlib import Path

import click

from trc import api
from trc.cli import exits
from trc.cli.options import Age, json_option, no_color_option, project_option, subcommand
from trc.cli.output import Screen
from trc.cli.quantities import count, size
from trc.cli.state_file import export, take_in


@click.group("state", subcommand_metavar="gc|export|import ...")
def command() -> None:
    """Look after what a project remembers of its runs."""


command.params.append(no_color_option())


@subcommand
@click.option(
    "--keep",
    type=click.IntRange(min=0),
    default=50,
    show_default=True,
    metavar="N",
    help="Keep the newest N runs of each pipeline.",
)
@click.option("--older-than", "age", type=Age(), default="30d", show_default=True, help="What is younger is kept.")
@click.option("--dry-run", "dry", is_flag=True, help="Only tell what would be forgotten.")
@project_option
@json_option
def gc(screen: Screen, project: Path, keep: int, age: float, dry: bool) -> int:
    """Forget old runs with their logs, results that were replaced, and digests of files that are gone.

    Of each pipeline the newest runs are kept, all that is younger than AGE (such as 12h or 30d), runs that go on, and those
    that open dead letters or the last result of a task speak of. No data are removed. What is up to date stays so; a pipeline
    that is put back to what it was long ago may run again.
    """
    found = api.collect_garbage(project, keep=keep, age=age, dry=dry)
    if screen.wants_json:
        screen.document(
            {
                "dry_run": dry,
                "runs": list(found.runs),
                "results": found.results,
                "digests": found.digests,
                "paths": list(found.paths),
                "size": found.size,
            }
        )
    else:
        verb = "would forget" if dry else "forgot"
        told = (count(len(found.runs), "run"), count(found.results, "result"), count(found.digests, "digest"))
        screen.tell(f"{verb} {', '.join(told)}; {size(found.size)} of files")
    return exits.OK


command.add_command(gc, "gc")
gc.short_help = "Forget what no run will ask for again."
command.add_command(export, "export")
command.add_command(take_in, "import")
