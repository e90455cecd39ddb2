"""The use cases of trc: values in, values out. Nothing here prints; what stops a command is raised as `Stopped`."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, TypeVar

import trc
from trc import broken
from trc.backends.artefacts import write
from trc.backends.base import Backend
from trc.backends.registry import backend_named
from trc.checking import CheckReport, check, moment_of, pipeline_files
from trc.compiler.checks.spots import query_path, secret_span
from trc.compiler.checks.target import check_target
from trc.compiler.choices import NO_CHOICES, Choices
from trc.compiler.compile import Compiled
from trc.compiler.compile import compile_file as run_compiler
from trc.compiler.context import Context
from trc.compiler.diagnostics.collector import Collector
from trc.compiler.diagnostics.deny import denied
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.frontends.suffixes import CODE
from trc.compiler.ir.uris import normalise
from trc.compiler.lineage.column import ColumnLineage, column_lineage
from trc.compiler.lineage.names import find_column, find_dataset
from trc.compiler.lineage.pictures import draw_column, draw_datasets, upstream_of
from trc.compiler.lineage.steps import Steps, steps_of
from trc.compiler.picture.dissolved import before_and_after
from trc.compiler.picture.dot import dot
from trc.compiler.picture.drawing import Drawing, draw
from trc.compiler.picture.html import html
from trc.compiler.picture.mermaid import mermaid
from trc.compiler.picture.svg import svg
from trc.compiler.source import SourceFile, Span
from trc.compiler.sql.facts import QueryFacts
from trc.compiler.tasktype import TaskType
from trc.compiler.templates.moments import end_of_day, logical_time, zone_named
from trc.contexts import backend_of, context_of, refusal_code, version_of
from trc.revisions.comparison import compare
from trc.revisions.report import DiffReport
from trc.revisions.side import Reader, UnreadSources
from trc.rewritten import rewritten
from trc.runtime import checked, proofs, speccache
from trc.runtime.backfill import Backfill, build_again
from trc.runtime.clock import SystemClock
from trc.runtime.drivers import boot_id, is_alive, this_driver
from trc.runtime.errors import Stopped, stopped
from trc.runtime.facts import Facts, compile_facts, run_facts
from trc.runtime.observe import Happening, Observer
from trc.runtime.optimising import Optimised
from trc.runtime.optimising import optimise as optimise_spec
from trc.runtime.orders import Places as StatePlaces
from trc.runtime.partitions import Manifest, newer_parts, parts_folder, read_manifest
from trc.runtime.plan import Plan
from trc.runtime.readsets import to_prove
from trc.runtime.reasons import Reason
from trc.runtime.running import OnConflict, Options, Outcome, Runner, RunSecrets
from trc.runtime.schemas import FileSchemas
from trc.runtime.selecting import Part, select
from trc.runtime.spec import PipelineSpec
from trc.runtime.specify import specify
from trc.runtime.storage.local import LocalStorage
from trc.runtime.store.journal import AttemptRecord, RunRecord, TaskRecord
from trc.runtime.store.results import Result, StoredOutput
from trc.runtime.store.sqlite import SqliteStore
from trc.runtime.taskside.result import Verdict
from trc.runtime.taskside.tuples import Columns
from trc.settings import (
    OPTIMISE,
    Settings,
    project_files,
    settings_for,
    settings_of,
    variables_of_secrets,
    with_environment,
)

__all__ = ["CheckReport", "check", "pipeline_files"]

Sources = Mapping[str, SourceFile]
_PICTURES = {"mermaid": mermaid, "dot": dot, "svg": svg, "html": html}


@dataclass(frozen=True, slots=True)
class Compilation:
    """A pipeline that can be run, with the warnings and notes about it."""

    spec: PipelineSpec
    compiled: Compiled
    diagnostics: tuple[Diagnostic, ...]
    sources: Sources
    context: Context
    backend: Backend

    @property
    def queries(self) -> dict[str, QueryFacts]:
        """What is proved about the queries of tasks that read one another, by task."""
        tasks = to_prove(self.spec)
        if not tasks:
            return {}
        # Proving takes many modules, and most commands ask for nothing of it.
        proving: Any = import_module("trc.compiler.lineage.facts")
        found: dict[str, QueryFacts] = proving.query_facts(self.compiled, self.context.sources, tasks)
        return found


@dataclass(frozen=True, slots=True)
class PlanReport:
    plan: Plan
    diagnostics: tuple[Diagnostic, ...]
    sources: Sources


@dataclass(frozen=True, slots=True)
class RunReport:
    """A run at its end.

    `diagnostics` tell of tasks that failed, and warn. `logs` are the last lines that failed tasks
    printed; `blocked` are the tasks that a failed one kept from running. `facts` are those behind
    a run that skipped everything, if they can all be told.
    """

    run: RunRecord
    plan: Plan
    resumed: bool
    tasks: tuple[TaskRecord, ...]
    outputs: Mapping[str, tuple[StoredOutput, ...]]
    diagnostics: tuple[Diagnostic, ...]
    sources: Sources
    logs: Mapping[str, str] = field(default_factory=dict[str, str])
    log_files: Mapping[str, str] = field(default_factory=dict[str, str])
    blocked: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    project: Path = Path()
    facts: Facts | None = None
    expectations: broken.Verdicts = field(default_factory=dict[str, "tuple[Verdict, ...]"])
    """By task, what its last attempt found of its rows."""


@dataclass(frozen=True, slots=True)
class RunStatus:
    """A run as it is recorded; `alive` says whether the process that drives it lives.

    `parts` tells, by task, what the outputs that it made by partition were put together of.
    """

    run: RunRecord
    tasks: tuple[TaskRecord, ...]
    attempts: tuple[AttemptRecord, ...]
    alive: bool
    parts: Mapping[str, Manifest] = field(default_factory=dict[str, Manifest])


@dataclass(frozen=True, slots=True)
class AttemptLog:
    attempt: AttemptRecord
    text: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a task ran or did not, the last time that it was asked; `result` is what is committed for it now.

    `parts` tells which partitions that was put together of, where the task is to run by partition, and `newer` counts
    those that are kept for an output that is yet to come.
    """

    pipeline: str
    task: str
    run: RunRecord
    record: TaskRecord
    reason: Reason
    attempts: tuple[AttemptRecord, ...]
    result: Result | None
    parts: Manifest | None = None
    newer: int = 0


def _compile(path: Path, context: Context) -> Compiled:
    if context.choices.backend is not None:
        backend_named(context.choices.backend)
    return run_compiler(path, str(path), context)


def _refuse(compiled: Compiled, diagnostics: Sequence[Diagnostic]) -> Stopped:
    return Stopped(diagnostics, refusal_code(diagnostics), compiled.sources)


def load(path: Path, settings: Settings, choices: Choices, now: datetime) -> Compilation:
    """Compiles a pipeline that is going to be planned or run: what this version cannot run is refused."""
    context = context_of(settings, choices, now, must_settle=True)
    compiled = _compile(path, context)
    collect = Collector(list(compiled.diagnostics), list(compiled.allows))
    if collect.has_errors:
        raise _refuse(compiled, collect.sorted())
    backend = backend_of(choices, compiled)
    runs = {name: found.runs for name, found in context.task_types.items()}
    if compiled.pipeline is not None:
        check_target(compiled.pipeline, compiled.places, backend.capabilities, collect, runs)
    if collect.has_errors:
        raise Stopped(collect.sorted(), 2, compiled.sources)
    spec = specify(compiled, file=str(path), runs=runs, versions=version_of)
    # Notes say what cannot be checked: that is for `check`, not for each run.
    warnings = tuple(one for one in collect.sorted() if one.severity != "note")
    return Compilation(spec, compiled, warnings, compiled.sources, context, backend)


@dataclass(frozen=True, slots=True)
class Ready:
    """A pipeline to be planned or run at a logical time; `facts` are those behind its spec, if they can be told."""

    spec: PipelineSpec
    queries: Mapping[str, QueryFacts]
    facts: Facts | None
    backend: Backend
    logical_time: str
    diagnostics: tuple[Diagnostic, ...] = ()
    sources: Sources = field(default_factory=dict[str, SourceFile])
    compiled: Compiled | None = None
    holds_time: bool = False
    """Whether the spec holds something of its logical time."""
    optimise: bool = False
    """Whether it is to be optimised: as the command line says, else the target, else as trc does by itself."""
    part: Part | None = None
    """What the spec is of a pipeline, where not all of it was asked for."""

    def selected(self, patterns: Sequence[str]) -> Ready:
        """With the part of the pipeline that patterns name; all of it without any."""
        if not patterns:
            return self
        part = select(self.spec, patterns)
        if self.optimise:
            part = part.without(optimise_spec(self.spec, self.queries, part).dead)
        return replace(self, spec=part.spec, part=part)


def prepare(path: Path, settings: Settings, choices: Choices, now: datetime, *, optimise: bool | None = None) -> Ready:
    """The pipeline as it was compiled before, if nothing that was looked at then has moved; else compiled now.

    Whether it is to be optimised is left to its target by None.
    """
    began_ns, state, pipeline = time.time_ns(), str(settings.state), str(path)
    asked = choices.told()
    kept = speccache.recall(state, pipeline, trc.__version__, asked)
    if kept is not None:
        spec, queries, facts, around = kept
        moment = logical_time(choices.at, now, zone_named(around.zone))
        if around.date in (None, _date(moment, around.zone)):
            backend = backend_named(around.backend)
            holds_time = around.date is not None
            wanted = around.optimise if optimise is None else optimise
            return Ready(spec, queries, facts, backend, moment.isoformat(), holds_time=holds_time, optimise=wanted)
    compilation = load(path, settings, choices, now)
    settled, used = compilation.compiled.settled, compilation.context.used
    assert settled is not None
    queries, of_target = _proved(path, settings, compilation), _of_target(compilation)
    behind = _compile_facts(path, compilation)
    # Warnings are told each time, so they are found each time.
    if behind is not None and not compilation.diagnostics:
        date = _date(settled.moment, settled.zone) if used else None
        around = speccache.Circumstances(compilation.backend.name, settled.zone, date, of_target)
        speccache.remember(
            state,
            pipeline,
            trc.__version__,
            asked,
            began_ns=began_ns,
            spec=compilation.spec,
            queries=queries,
            facts=behind,
            circumstances=around,
        )
    return Ready(
        compilation.spec,
        queries,
        behind,
        compilation.backend,
        settled.moment.isoformat(),
        compilation.diagnostics,
        compilation.sources,
        compilation.compiled,
        holds_time=bool(used),
        optimise=of_target if optimise is None else optimise,
    )


def _proved(path: Path, settings: Settings, compilation: Compilation) -> dict[str, QueryFacts]:
    """As `Compilation.queries`; what was proved of a query before is not proved again."""
    tasks = to_prove(compilation.spec)
    if not tasks:
        return {}
    proving: Any = import_module("trc.compiler.lineage.facts")
    world = checked.world()
    proved = proving.Proved(proofs.recall(settings.state, path, world))
    found: dict[str, QueryFacts] = proving.query_facts(compilation.compiled, compilation.context.sources, tasks, proved)
    if proved.now != proved.before:
        proofs.keep(settings.state, path, world, proved.now)
    return found


def _is_optimised(compilation: Compilation, asked: bool | None) -> bool:
    """The command line decides, then the target. A task that is not to be optimised stays so in either case."""
    return _of_target(compilation) if asked is None else asked


def _of_target(compilation: Compilation) -> bool:
    """Whether runs are optimised where nobody says so on the command line."""
    settled = compilation.compiled.settled
    of_target = settled.optimise if settled is not None else None
    return OPTIMISE if of_target is None else of_target


def _date(moment: datetime, zone: str) -> str:
    return moment.astimezone(zone_named(zone)).date().isoformat()


def _compile_facts(path: Path, compilation: Compilation) -> Facts | None:
    """What the compiler looked at, with the files whose columns it asked for.

    None for a pipeline that is code: nobody knows what it has looked at.
    """
    if path.suffix.lower() == CODE:
        return None
    context, project = compilation.context, compilation.context.project
    if "run.time" in context.used and context.choices.at is None:
        return None
    looked_at = {str(project / name): content is not None for name, content in context.seen.items()}
    looked_at[str(path.absolute())] = True
    if context.choices.params_file is not None:
        looked_at[str(context.choices.params_file.absolute())] = True
    looked_at |= {str(one): one.is_file() for one in project_files(path)}
    looked_at |= dict.fromkeys(_own_code(context.task_types), True)
    globs = [normalise(pattern, str(project)) for pattern in context.listed]
    columns_of = context.sources.asked if isinstance(context.sources, FileSchemas) else ()
    facts = compile_facts(looked_at, [*globs, *columns_of])
    settled = compilation.compiled.settled
    if facts is None or settled is None or "run.date" not in context.used or context.choices.at is not None:
        return facts
    return replace(facts, expires=end_of_day(settled.moment, zone_named(settled.zone)))


def _own_code(types: Mapping[str, TaskType]) -> Iterator[str]:
    """The files that trc and the task types were loaded from: whoever works on them sees what they do.

    What translates other dialects is among them, where it was needed: another version may translate otherwise.
    """
    roots = {"trc", "sqlglot", *(type(one).__module__.partition(".")[0] for one in types.values())}
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file is not None and name.partition(".")[0] in roots:
            yield file


def compile_file(
    path: Path, choices: Choices = NO_CHOICES, *, output: Path | None = None, deny_warnings: bool = False
) -> tuple[Compilation, tuple[Path, ...]]:
    """Writes what the backend deploys; answers the files written, by default under the project's `build/`."""
    settings = settings_for(path)
    compilation = load(path, settings, with_environment(choices), moment_of(choices.at))
    if deny_warnings:
        _stop_at_warnings(compilation)
    pipeline = compilation.compiled.pipeline
    assert pipeline is not None
    folder = output or settings.project / "build" / pipeline.name
    return compilation, write(folder, compilation.backend.emit(pipeline, compilation.spec))


def emit(
    path: Path,
    what: Literal["ir", "plan", "sql"],
    choices: Choices = NO_CHOICES,
    *,
    deny_warnings: bool = False,
    optimise: bool | None = None,
) -> str:
    """The IR, the plan against nothing stored, or each task's SQL as it is written and as it runs, as text."""
    settings, choices, now = settings_for(path), with_environment(choices), moment_of(choices.at)
    if what == "ir":
        compiled = _compiled(path, settings, choices, now)
        if deny_warnings:
            _stop_at_warnings(compiled)
        assert compiled.pipeline is not None
        return compiled.pipeline.dump().decode()
    compilation = load(path, settings, choices, now)
    if deny_warnings:
        _stop_at_warnings(compilation)
    assert compilation.compiled.pipeline is not None
    if what == "plan":
        artefacts = compilation.backend.emit(compilation.compiled.pipeline, compilation.spec)
        return artefacts["plan.json"].decode()
    keepings = _optimised(compilation, optimise=optimise).keepings
    return "\n".join(f"-- {told}\n{text.rstrip()}\n" for told, text in rewritten(compilation.spec, keepings))


def _optimised(compilation: Compilation, *, optimise: bool | None) -> Optimised:
    """How outputs are kept when everything is to be run."""
    if not _is_optimised(compilation, optimise):
        return Optimised({}, ())
    return optimise_spec(compilation.spec, compilation.queries)


def _compiled(path: Path, settings: Settings, choices: Choices, now: datetime) -> Compiled:
    """A pipeline without mistakes, to be looked at: values that nobody gave stay open."""
    return _looked_at(path, context_of(settings, choices, now), choices)


def _looked_at(path: Path, context: Context, choices: Choices) -> Compiled:
    compiled = _compile(path, context)
    if compiled.has_errors or compiled.pipeline is None:
        raise _refuse(compiled, compiled.diagnostics)
    backend_of(choices, compiled)
    return compiled


def _stop_at_warnings(found: Compiled | Compilation | Ready) -> None:
    """Stops the command, as an error would, where there is a warning."""
    if any(one.severity == "warning" for one in found.diagnostics):
        raise Stopped(denied(found.diagnostics), 2, found.sources)


def plan(
    path: Path,
    choices: Choices = NO_CHOICES,
    *,
    force: bool = False,
    deny_warnings: bool = False,
    optimise: bool | None = None,
    selected: Sequence[str] = (),
) -> PlanReport:
    """What a run would do now, and why. Nothing is run; only digests of files are remembered.

    `selected` are patterns that name the tasks to be run, with what they need; without any, all are.
    """
    settings, choices = settings_for(path), with_environment(choices)
    ready = prepare(path, settings, choices, moment_of(choices.at), optimise=optimise)
    ready = ready.selected(selected)
    if deny_warnings:
        _stop_at_warnings(ready)
    with runner_of(ready, settings, None) as runner:
        runner.unchanged = _Unchanged(path, settings, choices, ready)
        foreseen = runner.plan(Options(at=choices.at, force=force, optimise=ready.optimise), ready.logical_time)
    return PlanReport(foreseen, ready.diagnostics, ready.sources)


@dataclass(slots=True)
class _Unchanged:
    """Compares new queries with those of the last run; only a plan that is asked to pays for it."""

    path: Path
    settings: Settings
    choices: Choices
    ready: Ready
    _compilation: Compilation | None = None

    def __call__(self, task: str, before: str, columns: Columns) -> bool:
        facts = self.ready.queries.get(task)
        if facts is None or facts.undetermined or facts.inexact:
            return False
        if self._compilation is None:
            choices = replace(self.choices, at=self.choices.at or self.ready.logical_time)
            self._compilation = load(self.path, self.settings, choices, moment_of(choices.at))
        one: Any = import_module("trc.compiler.lineage.unchanged")
        found: bool = one.unchanged(
            self._compilation.compiled, self._compilation.context.sources, task, before, [name for name, _ in columns]
        )
        return found


def run(
    path: Path,
    choices: Choices = NO_CHOICES,
    *,
    force: bool = False,
    new: bool = False,
    on_conflict: OnConflict = "wait",
    workers: int | None = None,
    deny_warnings: bool = False,
    optimise: bool | None = None,
    selected: Sequence[str] = (),
    backfill: Backfill | None = None,
    observe: Observer | None = None,
    tick: float | None = None,
    on_cancel: Callable[[Callable[[], None]], None] = lambda _cancel: None,
) -> RunReport:
    """Runs a pipeline, or goes on with its unfinished run.

    Without `optimise`, each output is stored as its query makes it; None leaves that to the target. `selected` are patterns that name the tasks to be
    run, with what they need; without any, all are. The partitions of a `backfill` are built again, whatever is kept of them.
    `tick` is how often, in seconds, `observe` is told that time has passed. `on_cancel` is given a
    function that ends the run when it is called, from a signal handler too.
    """
    settings, choices, now = settings_for(path, workers=workers), with_environment(choices), moment_of(choices.at)

    def prepared(choices: Choices, now: datetime) -> Ready:
        return prepare(path, settings, choices, now, optimise=optimise).selected(selected)

    ready = prepared(choices, now)
    if ready.holds_time and choices.at is None and not (force or new or backfill):
        ready = _as_left(settings, choices, ready, prepared)
    if deny_warnings:
        _stop_at_warnings(ready)
    with runner_of(ready, settings, observe, on_cancel) as runner:
        again = build_again(ready.spec, runner.partitions(), backfill) if backfill is not None else {}
        options = Options(choices.at, force, new, on_conflict, tick, ready.optimise, again)
        outcome = runner.run(options, ready.logical_time)
        verdicts = broken.recorded(runner.store, ready.spec, outcome.run.id)
    has_news = any(record.state == "failure" for record in outcome.tasks) or broken.has_broken(verdicts)
    if has_news and ready.compiled is None:
        ready = _compiled_again(path, settings, choices, now, ready)
    return _report(ready, outcome, settings, verdicts)


def _as_left(
    settings: Settings, choices: Choices, ready: Ready, prepared: Callable[[Choices, datetime], Ready]
) -> Ready:
    """As of the time of an unfinished run that can go on: its values are those of its own logical time."""
    if not settings.database.is_file():
        return ready
    with SqliteStore(settings.database) as store:
        clock, drivers = SystemClock(), store.drivers()
        running = [one for one in store.runs(state="running", limit=1000) if one.pipeline == ready.spec.name]
        here, moment = this_driver(clock), clock.now()
        left = [one for one in running if one.driver not in drivers or not is_alive(*drivers[one.driver], moment, here)]
    for one in left:
        if one.digest == ready.spec.digest:
            return ready
        try:
            found = prepared(replace(choices, at=one.logical_time), datetime.now(UTC))
        except Stopped:
            continue
        if found.spec.digest == one.digest:
            return found
    return ready


def _run_facts(ready: Ready, outcome: Outcome) -> Facts | None:
    """What stands behind a run that skipped everything, so that the next need not look again at all of it."""
    # Warnings are told by each run: an answer that is kept would tell none.
    if ready.facts is None or ready.diagnostics or not outcome.tasks:
        return None
    if any(record.state != "skipped" for record in outcome.tasks):
        return None
    outputs = [output for made in outcome.outputs.values() for output in made]
    return run_facts(ready.spec, ready.facts, outcome.stored, outputs)


def _compiled_again(path: Path, settings: Settings, choices: Choices, now: datetime, ready: Ready) -> Ready:
    """With the places in the file that a failure is shown at; without, if the file says something else by now."""
    try:
        compilation = load(path, settings, replace(choices, at=choices.at or ready.logical_time), now)
    except Stopped:
        return ready
    if compilation.spec.digest != (ready.part.whole if ready.part else ready.spec).digest:
        return ready
    return replace(ready, sources=compilation.sources, compiled=compilation.compiled)


@contextmanager
def runner_of(
    ready: Ready,
    settings: Settings,
    observe: Observer | None,
    on_cancel: Callable[[Callable[[], None]], None] = lambda _cancel: None,
) -> Iterator[Runner]:
    """All that planning or running a pipeline needs, with its state open."""
    with SqliteStore(settings.database) as store:
        storage = LocalStorage(store, settings.state, boot_id(), time.time_ns)
        yield Runner(
            ready.spec,
            store,
            storage,
            settings.state,
            SystemClock(),
            lambda: ready.backend.executor(settings.workers, settings.state),
            observe or _ignore,
            time.sleep,
            on_cancel,
            _secrets(ready.spec, settings),
            ready.queries,
            part=ready.part,
        )


def _secrets(spec: PipelineSpec, settings: Settings) -> RunSecrets | None:
    """What fetches the secrets of a pipeline. Only those that have some pay for loading it."""
    if not any(task.secrets for task in spec.tasks):
        return None
    resolver: Any = import_module("trc.runtime.secrets.resolver")
    found: RunSecrets = resolver.secrets_of_run(settings.project, variables_of_secrets(), time.monotonic)
    return found


def _ignore(_happening: Happening) -> None:
    """Nobody watches."""


def _report(ready: Ready, outcome: Outcome, settings: Settings, verdicts: broken.Verdicts) -> RunReport:
    failed = [record for record in outcome.tasks if record.state == "failure"]
    places = StatePlaces(settings.state)
    files = {one.task: places.log(one.run, one.task, one.attempt) for one in outcome.tasks if one.attempt}
    blocked: dict[str, tuple[str, ...]] = {}
    for record in outcome.tasks:
        if record.blocked_by is not None:
            blocked[record.blocked_by] = (*blocked.get(record.blocked_by, ()), record.task)
    return RunReport(
        outcome.run,
        outcome.plan,
        outcome.resumed,
        outcome.tasks,
        outcome.outputs,
        (
            *ready.diagnostics,
            *broken.warnings(ready.compiled, verdicts),
            *(
                broken.failure(ready.compiled, record, verdicts.get(record.task, ()))
                or _failure(ready.compiled, record)
                for record in failed
            ),
        ),
        ready.sources,
        {record.task: tail(files[record.task]) for record in failed if record.task in files},
        files,
        blocked,
        settings.project,
        _run_facts(ready, outcome),
        verdicts,
    )


_FAILURE_CODES = {
    "signal": "TRC602",
    "lost": "TRC602",
    "timeout": "TRC603",
    "input_moved": "TRC604",
    "output_missing": "TRC605",
    "input_missing": "TRC608",
    "memory": "TRC610",
    "publish": "TRC611",
    "fenced": "TRC611",
    "expectation": "TRC630",
    "unchecked": "TRC632",
    "secret_missing": "TRC612",
    "secret_unreachable": "TRC613",
    "secret_unusable": "TRC614",
    "secret_package": "TRC615",
}


def _failure(compiled: Compiled | None, record: TaskRecord) -> Diagnostic:
    """A failed task as a diagnostic: at its SQL where the engine named a place, else at its name."""
    error = record.error or {}
    code = _FAILURE_CODES.get(error.get("reason", ""), "TRC601")
    span = _failure_span(compiled, record.task, error) if compiled else None
    lines = str(error.get("message", "")).strip().splitlines() or ["it gave no reason"]
    kind = f"{error['type']}: " if error.get("type") else ""
    tried = f" after {record.attempt} attempts" if record.attempt > 1 else ""
    return Diagnostic(
        code,
        f'task "{record.task}" failed{tried}: {kind}{lines[0]}',
        span,
        related=(),
        help=tuple(line for line in lines[1:] if line.strip()),
        task=record.task,
    )


def _failure_span(compiled: Compiled, name: str, error: Mapping[str, Any]) -> Span | None:
    task = compiled.pipeline.task(name) if compiled.pipeline else None
    if task is not None and str(error.get("reason", "")).startswith("secret_"):
        return secret_span(compiled.places, task, str(error.get("message", "")))
    offset: int | None = error.get("query_offset")
    path = query_path(task) if task else None
    if offset is not None and path is not None:
        place = compiled.places.within(path, offset, offset + 1)
        if place is not None:
            return place
    return compiled.places.span("tasks", name)


_TAIL = 20


def tail(path: str, lines: int = _TAIL) -> str:
    """The last lines of a log file; nothing where there is none."""
    try:
        with Path(path).open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - 64 * 1024))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


@contextmanager
def _recorded(folder: Path) -> Iterator[SqliteStore]:
    """The store of the project that a folder lies in."""
    settings = settings_of(folder)
    if not settings.database.is_file():
        raise stopped(
            "TRC609", f'no run is recorded in "{settings.project}"', "run a pipeline with `trc run FILE` first"
        )
    with SqliteStore(settings.database) as store:
        yield store


def runs(folder: Path, *, limit: int = 20) -> tuple[RunRecord, ...]:
    """The project's runs, newest first."""
    with _recorded(folder) as store:
        return tuple(store.runs(limit=limit))


def status(folder: Path, run: str | None = None) -> RunStatus:
    """How a run stands: the newest one, or the one whose id begins so."""
    with _recorded(folder) as store:
        record = _find_run(store, run)
        clock = SystemClock()
        driver = store.drivers().get(record.driver)
        alive = driver is not None and is_alive(driver[0], driver[1], clock.now(), this_driver(clock))
        return RunStatus(
            record,
            tuple(store.tasks(record.id)),
            tuple(store.attempts(record.id)),
            alive and record.state == "running",
            dict(_parts(settings_of(folder).state, record, store)),
        )


def _parts(state: Path, run: RunRecord, store: SqliteStore) -> Iterator[tuple[str, Manifest]]:
    for name, result in store.latest(run.pipeline).items():
        found = read_manifest(parts_folder(state, run.pipeline, name), result.key) if result.run == run.id else None
        if found is not None:
            yield name, found


def _find_run(store: SqliteStore, run: str | None) -> RunRecord:
    if run is None:
        newest = store.runs(limit=1)
        if not newest:
            raise stopped("TRC609", "no run is recorded", "run a pipeline with `trc run FILE` first")
        return newest[0]
    found = store.run(run)
    if found is None:
        raise stopped("TRC609", f'no single run has an id that begins with "{run}"', "`trc runs` lists them")
    return found


def logs(folder: Path, run: str | None = None, task: str | None = None) -> tuple[AttemptLog, ...]:
    """What the attempts of a run printed, oldest first; of one task, or of all."""
    with _recorded(folder) as store:
        record = _find_run(store, run)
        attempts = store.attempts(record.id, task)
        known = {one.task for one in store.tasks(record.id)}
    if task is not None and task not in known:
        raise stopped("TRC609", f'run {record.id} has no task "{task}"', f"it has: {', '.join(sorted(known))}")
    return tuple(AttemptLog(attempt, _read_log(attempt.log)) for attempt in attempts)


def _read_log(path: str) -> str:
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return ""


def explain_task(folder: Path, name: str, *, run: str | None = None) -> Explanation:
    """Why a task ran or was skipped in a run: by default the last that it was part of."""
    with _recorded(folder) as store:
        candidates = [_find_run(store, run)] if run else store.runs(limit=1000)
        for record in candidates:
            found = next((one for one in store.tasks(record.id) if one.task.casefold() == name.casefold()), None)
            if found is not None:
                result = store.latest(record.pipeline).get(found.task)
                where = parts_folder(settings_of(folder).state, record.pipeline, found.task)
                parts = read_manifest(where, result.key) if result is not None else None
                return Explanation(
                    record.pipeline,
                    found.task,
                    record,
                    found,
                    Reason.from_json(found.reason),
                    tuple(store.attempts(record.id, found.task)),
                    result,
                    parts,
                    len(newer_parts(where)),
                )
        known = sorted({one.task for one in store.tasks(candidates[0].id)}) if candidates else []
    raise stopped("TRC609", f'no run has a task "{name}"', f"the last one has: {', '.join(known)}")


def diff(folder: Path, base: str, head: str | None = None, *, from_fork: bool = False) -> DiffReport:
    """What differs in meaning between two revisions of the pipelines below a folder; without `head`, to its files.

    What is written is compared: no choice is made, no data is read and no code is run. With `from_fork`, the
    base is the commit in which the history of the other side left that of `base`.
    """
    now = datetime.now(UTC)

    def compiled(file: Path) -> Compiled:
        context = context_of(settings_for(file), NO_CHOICES, now)
        name = Path(os.path.relpath(file)) if file.is_relative_to(Path.cwd()) else file
        return run_compiler(file, str(name), replace(context, python=None, sources=UnreadSources()))

    return compare(folder, base, head, Reader(pipeline_files, compiled), from_fork=from_fork)


def require_extra(extra: str, package: str) -> None:
    """Stops a command whose optional package is not installed."""
    if find_spec(package) is None:
        remedy = f"install it: pip install 'trc-pipelines[{extra}]'"
        raise stopped("TRC620", f'"trc {extra}" needs the package "{package}", which is not installed', remedy)


def graph(
    path: Path,
    choices: Choices = NO_CHOICES,
    *,
    form: Literal["mermaid", "dot", "svg", "html"],
    optimised: bool = False,
) -> str:
    """The pipeline's picture in one of the forms; `optimised`: as it is written, and beside it as it runs."""
    return _PICTURES[form](_both(path, choices) if optimised else _drawing(path, choices))


def graph_json(path: Path, choices: Choices = NO_CHOICES, *, optimised: bool = False) -> dict[str, Any]:
    """The pipeline's nodes and edges."""
    return (_both(path, choices) if optimised else _drawing(path, choices)).to_json()


def _both(path: Path, choices: Choices) -> Drawing:
    settings, choices = settings_for(path), with_environment(choices)
    compilation = load(path, settings, choices, moment_of(choices.at))
    keepings = _optimised(compilation, optimise=True).keepings
    return before_and_after(
        _drawing(path, choices),
        {name: keeping.shape for name, keeping in keepings.items()},
        {name: len(keeping.columns) for name, keeping in keepings.items()},
        {name: keeping.same_as for name, keeping in keepings.items() if keeping.same_as},
    )


@dataclass(frozen=True, slots=True)
class DatasetReport:
    """The datasets that were asked for, among all of a pipeline, each after those that it is made of."""

    pipeline: str
    steps: Steps
    datasets: tuple[str, ...]

    def drawing(self) -> Drawing:
        """The datasets, and which of them are made of which."""
        return draw_datasets(self.steps, self.pipeline, self.datasets)


@dataclass(frozen=True, slots=True)
class ColumnReport:
    """What a column is made of, back to the sources."""

    steps: Steps
    lineage: ColumnLineage

    def drawing(self) -> Drawing:
        """The column and all that it depends on."""
        return draw_column(self.lineage, self.steps)


def schema(path: Path, dataset: str | None = None, choices: Choices = NO_CHOICES) -> DatasetReport:
    """The columns of a dataset, or of all, as far as they are known before a run."""
    pipeline, steps = _steps(path, choices)
    return DatasetReport(pipeline, steps, tuple(steps) if dataset is None else (_found(find_dataset(steps, dataset)),))


def dataset_lineage(path: Path, dataset: str | None = None, choices: Choices = NO_CHOICES) -> DatasetReport:
    """A dataset and all that it is made of, or all datasets."""
    pipeline, steps = _steps(path, choices)
    if dataset is None:
        return DatasetReport(pipeline, steps, tuple(steps))
    return DatasetReport(pipeline, steps, upstream_of(steps, _found(find_dataset(steps, dataset))))


def column_of(path: Path, name: str, choices: Choices = NO_CHOICES) -> ColumnReport:
    """The lineage of the column that `name`, such as `report.revenue`, means."""
    _, steps = _steps(path, choices)
    found = _found(find_column(steps, name))
    return ColumnReport(steps, column_lineage(steps, found.dataset, found.column))


def _steps(path: Path, choices: Choices) -> tuple[str, Steps]:
    settings, choices = settings_for(path), with_environment(choices)
    context = context_of(settings, choices, moment_of(choices.at))
    compiled = _looked_at(path, context, choices)
    assert compiled.pipeline is not None
    return compiled.pipeline.name, steps_of(compiled, context.sources)


_Answer = TypeVar("_Answer")


def _found(answer: _Answer | Diagnostic) -> _Answer:
    if isinstance(answer, Diagnostic):
        raise Stopped([answer], 3)
    return answer


def _drawing(path: Path, choices: Choices) -> Drawing:
    compiled = _compiled(path, settings_for(path), with_environment(choices), moment_of(choices.at))
    assert compiled.pipeline is not None
    assert compiled.graph is not None
    return draw(compiled.pipeline, compiled.graph)
