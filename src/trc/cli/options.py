"""Arguments and options that several commands share, and what makes a function a command."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import click

LATEST: Final = "latest"
"""What a user may write for the newest run."""


def _set_json(ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:
    if wanted:
        root = ctx.find_root()
        root.obj = ctx.obj = root.obj.as_json()


def _drop_colour(ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:
    if wanted:
        root = ctx.find_root()
        root.obj = ctx.obj = root.obj.without_colour()


json_option: Final = click.option(
    "--json",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_set_json,
    help="Print one JSON document on standard output.",
)
backend_option: Final = click.option(
    "--backend", default="local", show_default=True, metavar="NAME", help="Where tasks run."
)
at_option: Final = click.option(
    "--at", metavar="TIME", help="The run's logical time, such as 2026-01-15 or 2026-01-15T02:00+01:00."
)
force_option: Final = click.option("--force", is_flag=True, help="Run tasks that are up to date, too.")
project_option: Final = click.option(
    "--project",
    type=click.Path(path_type=Path),
    default=Path(),
    metavar="FOLDER",
    help="The project's folder; without it, the one that you stand in.",
)
file_argument: Final = click.argument("file", type=click.Path(path_type=Path))


def subcommand(function: Callable[..., int]) -> click.Command:
    """Makes a function the command of its module's name: it is given the `Screen`, and returns the exit code."""
    made = click.command(function.__module__.rpartition(".")[2])(click.pass_obj(function))
    made.params.append(
        click.Option(
            ["--no-color"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_drop_colour,
            help="Print without colours.",
        )
    )
    return made


def chosen_run(run: str | None) -> str | None:
    """The run that the user means; None is the newest."""
    return None if run == LATEST else run
