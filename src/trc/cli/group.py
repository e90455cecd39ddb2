"""The commands of `trc`: a group that loads a command's module only when the command is called."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from importlib import import_module
from typing import Any, Final

import click

import trc
from trc.cli import exits
from trc.compiler.diagnostics.nearest import did_you_mean

COMMANDS: Final = {
    "init": "Make a small working project to start from.",
    "check": "Look for mistakes in pipelines, without running any task.",
    "lint": "Tell what pipelines compute for nobody.",
    "lock": "Resolve what tasks require, and write it into trc.lock.",
    "build": "Build what tasks run in, before they run; or trc's own image.",
    "compile": "Write a pipeline's plan and its intermediate representation.",
    "test": "Run the tests of pipelines, on the rows that they give.",
    "plan": "Show what a run would do, and why.",
    "run": "Run what has changed since it last succeeded.",
    "backfill": "Build partitions of a range again.",
    "verify": "Prove that optimising changes no result: run both ways, and compare.",
    "cancel": "End a run that another process drives.",
    "pause": "Have a run begin nothing more.",
    "resume": "Have a paused run go on.",
    "retry": "Take up a run again: all that did not succeed in it.",
    "dlq": "List, show, replay or drop the dead letters: tasks that failed for good.",
    "hooks": "List or replay what hooks could not tell the outside.",
    "breakers": "List the circuit breakers of services, or close one by hand.",
    "runs": "List the runs of this project, newest first.",
    "status": "Show how far a run is, task by task.",
    "logs": "Show what tasks printed.",
    "report": "Write what a run left behind as one HTML page.",
    "state": "Look after what a project remembers: forget what is old.",
    "env": "List the environments that tasks run in, and remove those that nobody uses.",
    "doctor": "Tell whether cache and state can be trusted and written.",
    "explain": "Tell why a task ran or was skipped, or what a code means.",
    "incremental": "Tell what running only what changed comes to.",
    "tasks": "List the task types, their parameters, and an example of each.",
    "graph": "Draw a pipeline.",
    "schema": "Show the columns of each dataset, and their types.",
    "lineage": "Show what a column or a dataset is made of.",
    "diff": "Show what differs in meaning between two revisions.",
    "fmt": "Lay pipelines out in the one canonical way.",
    "convert": "Say a pipeline in another language.",
    "lsp": "Serve an editor: mistakes as you type, completion, hover.",
}
"""Every command, in the order of the work, with the line that `trc --help` shows for it."""


class LazyGroup(click.Group):
    """A group whose commands live in modules of their own: `trc.cli.<name>`, each with a `command`."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"trc.cli.{cmd_name}").command
        command.short_help = COMMANDS[cmd_name]
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            hint = "".join(f"; {line}" for line in did_you_mean(name, COMMANDS))
            raise click.UsageError(f'there is no command "{name}"{hint}', ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        screen = import_module("trc.cli.output").Screen
        ctx.obj = screen.of(sys.stdout, sys.stderr, os.environ, colour=not ctx.params.pop("no_color"))
        told: Callable[[click.Context], AbstractContextManager[None]] = import_module("trc.cli.failures").told
        with told(ctx):
            return super().invoke(ctx)


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    subcommand_metavar="COMMAND ...",
)
@click.version_option(trc.__version__, prog_name="trc", message="%(prog)s %(version)s")
@click.option("--no-color", is_flag=True, help="Print without colours; so does the variable NO_COLOR.")
def group() -> None:
    """Compile data pipelines, and run what has changed."""


def run(arguments: Sequence[str]) -> int:
    """Runs the command line, and answers with the exit code."""
    try:
        code = group.main(arguments, prog_name="trc", standalone_mode=False)
    except click.Abort:
        return exits.INTERRUPTED
    except click.ClickException as error:
        error.show()
        return exits.WRONG_USAGE
    return code if isinstance(code, int) else exits.OK
