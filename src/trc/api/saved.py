"""Saves plans, tells whether they still hold, and carries them out."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

import trc
from trc.api.asked import to_asked
from trc.api.compiling import Compilation, load, of_target
from trc.api.denying import stop_at_warnings
from trc.api.ready import Ready
from trc.api.resting import before_compiling, chosen_variables, compiled_facts, names_now, names_of, stored_facts
from trc.api.running import RecordedStates, RunReport, conducted, forecast, report_of, runner_of, same_again
from trc.checking import moment_of
from trc.compiler.choices import NO_CHOICES, Choices
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.source import SourceFile
from trc.runtime import standing
from trc.runtime.clock import SystemClock
from trc.runtime.errors import Stopped, stopped
from trc.runtime.listing import relative
from trc.runtime.moved import Move, differing, moved
from trc.runtime.observe import Happening, Observer
from trc.runtime.plan import Plan
from trc.runtime.reported import recorded
from trc.runtime.running import OnConflict, Options, Runner
from trc.runtime.savedplan import (
    SavedChoices,
    SavedPlan,
    choices_of,
    file_of_plan,
    near,
    pipeline_of_plan,
    project_of_plan,
    read_plan,
    saved_plan,
)
from trc.runtime.store.journal import RunRecord
from trc.settings import Settings, settings_for, with_environment
from trc.telemetry import NO_TELEMETRY, Telemetry

__all__ = ["PlanStanding", "SavedReport", "file_of_plan", "plan_standing", "read_plan", "run_plan", "save_plan"]

_MOST_TOLD: Final = 40


@dataclass(frozen=True, slots=True)
class SavedReport:
    """A plan that was made to be saved, with the warnings about its pipeline."""

    saved: SavedPlan
    plan: Plan
    diagnostics: tuple[Diagnostic, ...]
    sources: Mapping[str, SourceFile]
    holds_moment: bool = False
    """Whether the pipeline's values hold the very moment of planning: then it is stale at once."""


@dataclass(frozen=True, slots=True)
class PlanStanding:
    """A saved plan, its pipeline's file, and what moved since it was made: it holds if nothing did."""

    plan: Plan
    file: Path
    moved: tuple[Move, ...]


def save_plan(
    path: Path,
    document: Path,
    choices: Choices = NO_CHOICES,
    *,
    force: bool = False,
    deny_warnings: bool = False,
    optimise: bool | None = None,
    selected: Sequence[str] = (),
    excluded: Sequence[str] = (),
) -> SavedReport:
    """What a run would do now, as `plan` tells it, to be written to the file `document`. Nothing is run."""
    settings, choices = settings_for(path, target=choices.target), with_environment(choices)
    compilation = load(path, settings, choices, moment_of(choices.at))
    ready = _ready(compilation, settings, optimise, selected, excluded)
    if deny_warnings:
        stop_at_warnings(ready.diagnostics, ready.sources)
    variables, project = chosen_variables(compilation, choices), settings.project
    with runner_of(ready, settings, None) as runner:
        foreseen = forecast(runner, path, settings, choices, ready, force=force)
        names = names_now(path, settings, ready, compilation, runner)
        early, late = before_compiling(settings, names, project), stored_facts(names, runner, project)
    made = SavedChoices(
        backend=choices.backend,
        target=choices.target,
        params=choices.params,
        params_file=None if choices.params_file is None else relative(str(choices.params_file.resolve()), str(project)),
        at=choices.at,
        environment=tuple(variables.items()),
        select=tuple(selected),
        exclude=tuple(excluded),
        force=force,
        optimise=optimise,
    )
    saved = saved_plan(
        document,
        project,
        trc=trc.__version__,
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        file=relative(str(path.resolve()), str(project)),
        choices=made,
        reads=names.reads,
        rests_on=early | compiled_facts(compilation, variables) | late,
        plan=foreseen.to_json(),
    )
    holds_moment = choices.at is None and "run.time" in compilation.context.used
    return SavedReport(saved, foreseen, ready.diagnostics, ready.sources, holds_moment)


def plan_standing(document: Path, saved: SavedPlan) -> PlanStanding:
    """Whether the saved plan that was read from `document` still holds."""
    with _looked_at(document, saved, _ignore, lambda _cancel: None) as found:
        return PlanStanding(saved.said, found.file, found.moved)


def run_plan(
    document: Path,
    saved: SavedPlan,
    *,
    on_conflict: OnConflict = "wait",
    workers: int | None = None,
    deny_warnings: bool = False,
    openlineage: str | None = None,
    telemetry: Telemetry = NO_TELEMETRY,
    asked: Mapping[str, str] | None = None,
    observe: Observer | None = None,
    tick: float | None = None,
    on_cancel: Callable[[Callable[[], None]], None] = lambda _cancel: None,
) -> RunReport:
    """Carries out the saved plan that was read from `document`, in a run of its own.

    Raises Stopped, and runs nothing, if anything moved that it rests on.
    """
    with _looked_at(document, saved, observe or _ignore, on_cancel, workers, asked) as found:
        if found.moved or found.runner is None or found.ready is None:
            raise _stale(document, saved, found.file, found.moved)
        runner, ready = found.runner, found.ready
        settings = replace(found.settings, telemetry=telemetry.over(found.settings.telemetry))
        runner.agree = partial(_agree, saved.said)
        if deny_warnings:
            stop_at_warnings(ready.diagnostics, ready.sources)
        standing.forget(standing.answer_path(standing.find_state(str(found.file)), str(found.file)))
        choices = saved.choices
        # To go on with what a dead process left would not be what the plan says.
        options = Options(choices.at, choices.force, True, on_conflict, tick, ready.optimise)
        compiled_for = choices_of(saved, project_of_plan(saved, document))
        same = partial(same_again, found.file, settings, compiled_for, moment_of(compiled_for.at), ready)
        try:
            outcome, problems = conducted(runner, ready, settings, options, same, openlineage)
        except _Moved as late:
            _give_up(runner, late.run)
            raise _stale(document, saved, found.file, late.moves) from None
        verdicts = recorded(runner.store, ready.spec, outcome.run.id)
    return report_of(ready, outcome, settings, verdicts, problems, runner.secrets)


@dataclass(frozen=True, slots=True)
class _Found:
    """A saved plan against the world of now; `runner` and `ready` are there unless what moved kept from looking on."""

    file: Path
    settings: Settings
    moved: tuple[Move, ...]
    ready: Ready | None = None
    runner: Runner | None = None


class _Moved(Exception):  # noqa: N818 - a signal, not an error
    """Something moved between the look at a saved plan and the beginning of its run."""

    def __init__(self, run: str, moves: tuple[Move, ...]) -> None:
        super().__init__(run)
        self.run = run
        self.moves = moves


def _agree(said: Plan, run: RunRecord, plan: Plan) -> None:
    """Ends a run that would begin with another forecast than the plan's: nothing of it has been done then."""
    moves = differing(said, plan)
    if moves:
        raise _Moved(run.id, moves)


@contextmanager
def _looked_at(  # noqa: PLR0917 - all that a run is given
    document: Path,
    saved: SavedPlan,
    observe: Observer,
    on_cancel: Callable[[Callable[[], None]], None],
    workers: int | None = None,
    asked: Mapping[str, str] | None = None,
) -> Iterator[_Found]:
    """Looks again at all that a saved plan rests on; its runner is open meanwhile."""
    file, project = pipeline_of_plan(saved, document), project_of_plan(saved, document)
    settings, names = settings_for(file, workers=workers, target=saved.choices.target), names_of(saved)
    settings = replace(settings, asked=asked or {})
    now = before_compiling(settings, names, project)
    early = moved(saved.rests_on, now)
    if any(one.kind == "state" for one in early):
        yield _Found(file, settings, early)
        return
    choices = choices_of(saved, project)
    made = saved.choices
    try:
        compilation = load(file, settings, choices, moment_of(choices.at))
        ready = _ready(compilation, settings, made.optimise, made.select, made.exclude)
    except Stopped:
        if not early:
            raise
        # As the files are now, there is no pipeline; that they are others is what there is to tell.
        yield _Found(file, settings, early)
        return
    # What is not set any more chooses as it did; what is set now may say something else.
    variables = dict(choices.environment) | chosen_variables(compilation, with_environment(choices))
    with runner_of(ready, settings, observe, on_cancel) as runner:
        names_chosen = sorted(ready.part.chosen) if ready.part else ()
        runner.asked = to_asked(choices, names_chosen, optimise=made.optimise, force=made.force)
        now |= compiled_facts(compilation, variables) | stored_facts(names, runner, project)
        found = moved(saved.rests_on, now)
        if not found:
            foreseen = forecast(runner, file, settings, choices, ready, force=saved.choices.force)
            found = differing(saved.said, foreseen)
        yield _Found(file, settings, found, ready, runner)


def _ready(
    compilation: Compilation,
    settings: Settings,
    optimise: bool | None,
    selected: Sequence[str],
    excluded: Sequence[str],
) -> Ready:
    """Compiled now in any case: what a plan rests on is what this compilation has looked at."""
    settled = compilation.compiled.settled
    assert settled is not None
    ready = Ready(
        compilation.spec,
        compilation.queries,
        None,
        compilation.backend,
        settled.moment.isoformat(),
        compilation.diagnostics,
        compilation.sources,
        compilation.compiled,
        holds_time=bool(compilation.context.used),
        optimise=of_target(compilation) if optimise is None else optimise,
    )
    return ready.selected(selected, excluded, RecordedStates(ready, settings))


def _give_up(runner: Runner, run: str) -> None:
    """Ends a run that was recorded, and of which nothing was done."""
    with runner.store.transaction() as change:
        record = runner.store.run(run)
        assert record is not None
        change.put_run(replace(record, state="canceled", ended_at=SystemClock().now()))
        change.release(run)


def _stale(document: Path, saved: SavedPlan, file: Path, moves: Sequence[Move]) -> Stopped:
    told = [one.text for one in moves[:_MOST_TOLD]]
    told += [f"and {len(moves) - _MOST_TOLD} more"] if len(moves) > _MOST_TOLD else []
    words = ["trc", "plan", str(file), *_options(saved.choices, project_of_plan(saved, document)), "-o", str(document)]
    remedy = f"look at it, and plan again: `{shlex.join(words)}`"
    return stopped("TRC633", f'the plan "{document}" is stale: {told[0]}', *told[1:], remedy, exit_code=2)


def _options(choices: SavedChoices, project: Path) -> Iterator[str]:
    """The options that a plan was made with, as they are written."""
    file = None if choices.params_file is None else str(near(project / choices.params_file))
    pairs = [
        ("--backend", choices.backend),
        ("--target", choices.target),
        *(("--param", f"{name}={value}") for name, value in choices.params),
        ("--params", file),
        ("--at", choices.at),
        *(("--select", one) for one in choices.select),
        *(("--exclude", one) for one in choices.exclude),
    ]
    for option, value in pairs:
        if value is not None:
            yield from (option, value)
    if choices.force:
        yield "--force"
    if choices.optimise is not None:
        yield "--optimise" if choices.optimise else "--no-optimise"


def _ignore(_happening: Happening) -> None:
    """Nobody watches."""
