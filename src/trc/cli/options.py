"""Arguments and options that several commands share, and what makes a function a command."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Literal

import click

from trc.cli.output import Screen
from trc.compiler.choices import Choices, UnfitOption
from trc.telemetry import Telemetry

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
_BACKEND: Final = click.option(
    "--backend", metavar="NAME", help="Where tasks run; without it, where the target says, else on this machine."
)
_TARGET: Final = click.option("--target", metavar="NAME", help="One of the pipeline's targets; else TRC_TARGET.")
_PARAM: Final = click.option(
    "--param", "param", multiple=True, metavar="NAME=VALUE", help="The value of a parameter; may be repeated."
)
_PARAMS: Final = click.option(
    "--params",
    "params_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Values of parameters, as YAML, JSON or TOML.",
)
_AT: Final = click.option(
    "--at", metavar="TIME", help="The run's logical time, such as 2026-01-15 or 2026-01-15T02:00+01:00."
)
force_option: Final = click.option("--force", is_flag=True, help="Run tasks that are up to date, too.")
optimise_option: Final = click.option(
    "--optimise/--no-optimise",
    default=None,
    help="Do not store what no task reads of an output, or store all; results are the same. Without it, as the target says.",
)
select_option: Final = click.option(
    "--select",
    "selected",
    multiple=True,
    metavar="TASKS",
    help="Only these tasks, and what they need: a name, stg_*, +name, name+, tag:x, state:changed; may be repeated.",
)
exclude_option: Final = click.option(
    "--exclude", "excluded", multiple=True, metavar="TASKS", help="Not these tasks, named as for --select."
)
deny_option: Final = click.option(
    "--deny-warnings", is_flag=True, help="Count warnings as mistakes; comments in the files can allow some."
)
task_option: Final = click.option("--task", metavar="TASK", help="One task of the run, and not the whole of it.")
project_option: Final = click.option(
    "--project",
    type=click.Path(path_type=Path),
    default=Path(),
    metavar="FOLDER",
    help="The project's folder; without it, the one that you stand in.",
)
_LOG_FILE: Final = click.option(
    "--log-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Append what happens in the run here, a line each; without it, where trc.toml says, if it does.",
)
_LOG_FORMAT: Final = click.option(
    "--log-format",
    type=click.Choice(["json", "human"]),
    help="How these lines are written; without --log-file, to standard error in the place of progress.",
)
_METRICS: Final = click.option(
    "--metrics",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Keep Prometheus metrics in this file, for node-exporter; without it, where trc.toml says, if it does.",
)
_TRACES: Final = click.option(
    "--traces/--no-traces",
    default=None,
    help="Send the run's spans by OTLP, to where the variables OTEL_* say; without it, as trc.toml says.",
)
_POLICIES: Final = click.Choice(["missing", "always", "never"])
_BUILD: Final = click.option(
    "--build",
    type=_POLICIES,
    help="Whether containers' images are built; without it, as trc.toml says, else what is missing.",
)
_PULL: Final = click.option(
    "--pull",
    type=_POLICIES,
    help="Whether images are pulled from registries; without it, as trc.toml says, else what is missing.",
)
_NETWORK: Final = click.option(
    "--network",
    metavar="NAME",
    help="The network that containers see, such as none; without it, as trc.toml says, else bridge.",
)
file_argument: Final = click.argument("file", type=click.Path(path_type=Path))


class Age(click.ParamType[float]):
    """A duration as pipelines write it, in seconds."""

    name = "AGE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        # Loaded where an age is given: most commands take none.
        duration: Any = import_module("trc.compiler.ir.values").Duration
        try:
            return float(duration.parse(value).seconds)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def subcommand(function: Callable[..., int]) -> click.Command:
    """Makes a function the command of its module's name: it is given the `Screen`, and returns the exit code."""
    made = click.command(function.__module__.rpartition(".")[2])(click.pass_obj(function))
    made.params.append(no_color_option())
    return made


def part_of(group: click.Group) -> Callable[[str], Callable[[Callable[..., int]], click.Command]]:
    """What makes a function the command of a name in the group, as `subcommand` does by itself."""

    def named(name: str) -> Callable[[Callable[..., int]], click.Command]:
        def decorate(function: Callable[..., int]) -> click.Command:
            made = subcommand(function)
            group.add_command(made, name)
            return made

        return decorate

    return named


def no_color_option() -> click.Option:
    """What every command and every group of commands understands."""
    return click.Option(
        ["--no-color"],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_drop_colour,
        help="Print without colours.",
    )


def choices_options(*, backend: bool = True) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Gives a command the options by which a user chooses, as one argument `choices`."""

    def decorate(function: Callable[..., int]) -> Callable[..., int]:
        @wraps(function)
        def chosen(
            *arguments: Any,
            target: str | None,
            param: tuple[str, ...],
            params_file: Path | None,
            at: str | None,
            backend: str | None = None,
            **others: Any,
        ) -> int:
            pairs = tuple(map(_pair, param))
            return function(*arguments, choices=Choices(backend, target, pairs, params_file, at), **others)

        given = chosen
        for option in (_AT, _PARAMS, _PARAM, _TARGET, *((_BACKEND,) if backend else ())):
            given = option(given)
        return given

    return decorate


def backend_options(*, network: bool = True) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Gives a command the options that go before what `trc.toml` says of the backend, as one argument `asked`."""

    def decorate(function: Callable[..., int]) -> Callable[..., int]:
        @wraps(function)
        def asking(
            *arguments: Any, build: str | None, pull: str | None, network: str | None = None, **others: Any
        ) -> int:
            given = {"build": build, "pull": pull, "network": network}
            asked = {name: value for name, value in given.items() if value is not None}
            try:
                return function(*arguments, asked=asked, **others)
            except UnfitOption as error:
                raise click.UsageError(str(error)) from error

        found = asking
        for option in (*((_NETWORK,) if network else ()), _PULL, _BUILD):
            found = option(found)
        return found

    return decorate


def telemetry_options(function: Callable[..., int]) -> Callable[..., int]:
    """Gives a command the options by which a run tells machines of itself, as one argument `telemetry`."""

    @wraps(function)
    def telling(
        screen: Screen,
        *arguments: Any,
        log_file: Path | None,
        log_format: Literal["json", "human"] | None,
        metrics: Path | None,
        traces: bool | None,
        **others: Any,
    ) -> int:
        telemetry = Telemetry(log_file, log_format, metrics_file=metrics, traces=traces)
        is_on_screen = log_format is not None and log_file is None
        return function(screen.as_log() if is_on_screen else screen, *arguments, telemetry=telemetry, **others)

    given = telling
    for option in (_TRACES, _METRICS, _LOG_FORMAT, _LOG_FILE):
        given = option(given)
    return given


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise click.UsageError(f'--param takes NAME=VALUE, not "{text}"')
    return name.strip(), value


def chosen_run(run: str | None) -> str | None:
    """The run that the user means; None is the newest."""
    return None if run == LATEST else run
