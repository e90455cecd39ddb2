"""Plans and runs pipelines."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trc.api.asked import to_asked
from trc.api.denying import stop_at_warnings
from trc.api.images import with_digests
from trc.api.preparing import prepare
from trc.api.ready import Ready
from trc.api.stores import is_begun, opened
from trc.checking import moment_of
from trc.compiler.choices import NO_CHOICES, Choices
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.source import SourceFile
from trc.runtime import shapes
from trc.runtime.backfill import Backfill, build_again
from trc.runtime.bus import Bus
from trc.runtime.clock import SystemClock
from trc.runtime.drivers import boot_id, is_driven
from trc.runtime.errors import Stopped
from trc.runtime.executor import Executor, Severed, Unavailable
from trc.runtime.facts import Facts, run_facts
from trc.runtime.hooks import has_hooks
from trc.runtime.logs import tail
from trc.runtime.observe import Happening, MessagesTried, Observer, RunFinished, RunOpened, TaskMoved, TasksAdded
from trc.runtime.orders import Places as StatePlaces
from trc.runtime.plan import Plan
from trc.runtime.reported import Verdicts, has_broken, recorded
from trc.runtime.running import OnConflict, Options, Outcome, Runner, RunSecrets
from trc.runtime.scheduler.budget import START
from trc.runtime.selecting import below
from trc.runtime.spec import PipelineSpec, remote_schemes
from trc.runtime.storage.base import Storage
from trc.runtime.storage.local import LocalStorage
from trc.runtime.store.journal import RunRecord, TaskRecord
from trc.runtime.store.results import StoredOutput
from trc.runtime.taskside.result import Verdict
from trc.runtime.taskside.tuples import Columns
from trc.settings import Settings, settings_for, variables_of_secrets, with_environment
from trc.telemetry import NO_TELEMETRY, Telemetry

if TYPE_CHECKING:
    from trc.api.compiling import Compilation


@dataclass(frozen=True, slots=True)
class PlanReport:
    plan: Plan
    diagnostics: tuple[Diagnostic, ...]
    sources: Mapping[str, SourceFile]


@dataclass(frozen=True, slots=True)
class Again:
    """A run to take up again, by its whole id; the task `start` and all below it run although they succeeded.

    Tasks whose outcome is unknown are tried again where they are `vouched` for.
    """

    run: str
    start: str | None = None
    vouched: frozenset[str] = frozenset()


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
    sources: Mapping[str, SourceFile]
    logs: Mapping[str, str] = field(default_factory=dict[str, str])
    log_files: Mapping[str, str] = field(default_factory=dict[str, str])
    blocked: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    project: Path = Path()
    facts: Facts | None = None
    expectations: Verdicts = field(default_factory=dict[str, "tuple[Verdict, ...]"])
    """By task, what its last attempt found of its rows."""


def plan(
    path: Path,
    choices: Choices = NO_CHOICES,
    *,
    force: bool = False,
    deny_warnings: bool = False,
    optimise: bool | None = None,
    selected: Sequence[str] = (),
    excluded: Sequence[str] = (),
) -> PlanReport:
    """What a run would do now, and why. Nothing is run; only digests of files are remembered.

    `selected` name the tasks to be run, with what they need; without any, all are, but those that `excluded` name.
    """
    settings, choices = settings_for(path, target=choices.target), with_environment(choices)
    ready = prepare(path, settings, choices, moment_of(choices.at), optimise=optimise)
    ready = ready.selected(selected, excluded, RecordedStates(ready, settings))
    if deny_warnings:
        stop_at_warnings(ready.diagnostics, ready.sources)
    with runner_of(ready, settings, None) as runner:
        foreseen = forecast(runner, path, settings, choices, ready, force=force)
    return PlanReport(foreseen, ready.diagnostics, ready.sources)


def forecast(runner: Runner, path: Path, settings: Settings, choices: Choices, ready: Ready, *, force: bool) -> Plan:
    """What a run would do now; what new queries leave as it was is told, too."""
    runner.unchanged = _Unchanged(path, settings, choices, ready)
    return runner.plan(Options(at=choices.at, force=force, optimise=ready.optimise), ready.logical_time)


@dataclass(slots=True)
class RecordedStates:
    """Which tasks are changed, new, or failed in the last run: found out once a selection asks for it."""

    ready: Ready
    settings: Settings
    _found: dict[str, frozenset[str]] = field(default_factory=dict[str, "frozenset[str]"])

    def __call__(self, state: str) -> frozenset[str]:
        if not self._found:
            with runner_of(self.ready, self.settings, None) as runner:
                options = Options(optimise=self.ready.optimise)
                plan = runner.plan(options, self.ready.logical_time)
                last = runner.store.runs(pipeline=self.ready.spec.name, limit=1)
                records = runner.store.tasks(last[0].id) if last else []
            known = {task.name for task in self.ready.spec.tasks}
            codes = {one.task: one.reason.code for one in plan.tasks if one.action == "run"}
            self._found = {
                "new": frozenset(task for task, code in codes.items() if code == "first"),
                "changed": frozenset(task for task, code in codes.items() if code in ("first", "changed")),
                "failed": frozenset(one.task for one in records if one.state == "failure") & known,
            }
        return self._found[state]


@dataclass(slots=True)
class _Unchanged:
    """Compares new queries with those of the last run. Who asks pays for it, by compiling the pipeline."""

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
            loaded: Compilation = _compiling().load(self.path, self.settings, choices, moment_of(choices.at))
            self._compilation = loaded
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
    excluded: Sequence[str] = (),
    backfill: Backfill | None = None,
    again: Again | None = None,
    submission: str | None = None,
    openlineage: str | None = None,
    telemetry: Telemetry = NO_TELEMETRY,
    asked: Mapping[str, str] | None = None,
    observe: Observer | None = None,
    tick: float | None = None,
    on_cancel: Callable[[Callable[[], None]], None] = lambda _cancel: None,
) -> RunReport:
    """Runs a pipeline, or goes on with its unfinished run.

    Without `optimise`, each output is stored as its query makes it; None leaves that to the target. `selected` name the tasks to be
    run, with what they need; without any, all are, but those that `excluded` name. The partitions of a `backfill` are built again, whatever is kept of them.
    The run `again` goes on although it has ended, with all that did not succeed in it. Raises `Submitted` with the run that was
    submitted under the key `submission` before; one whose process has died is gone on with.
    OpenLineage events go to the file or the URL `openlineage`, or to that of the settings; what is lost of them is warned of.
    What `telemetry` leaves open of logs, metrics and traces is as the settings have it; what is `asked` of the backend goes before
    what they say of it. Raises `UnfitOption` where it is asked for what it does not have.
    `tick` is how often, in seconds, `observe` is told that time has passed. `on_cancel` is given a
    function that ends the run when it is called, from a signal handler too.
    """
    settings, now = settings_for(path, workers=workers, target=choices.target), moment_of(choices.at)
    settings = replace(settings, telemetry=telemetry.over(settings.telemetry), asked=asked or {})
    if again is None:
        choices = with_environment(choices)

    def prepared(choices: Choices, now: datetime) -> Ready:
        found = prepare(path, settings, choices, now, optimise=optimise)
        return found.selected(selected, excluded, RecordedStates(found, settings))

    ready = prepared(choices, now)
    if ready.holds_time and choices.at is None and not (force or new or backfill):
        ready = _as_left(settings, choices, ready, prepared)
    if deny_warnings:
        stop_at_warnings(ready.diagnostics, ready.sources)
    redo = below(ready.spec, again.start) if again is not None and again.start is not None else frozenset[str]()
    with runner_of(ready, settings, observe, on_cancel) as runner:
        # By name: what a selection names may be other tasks the next time.
        names = sorted(ready.part.chosen) if ready.part else ()
        runner.asked = to_asked(choices, names, optimise=optimise, force=force, backfill=backfill)
        anew = build_again(ready.spec, runner.partitions(), backfill) if backfill is not None else {}
        runner.unchanged = _Unchanged(path, settings, choices, ready)
        retried, vouched = (None, frozenset[str]()) if again is None else (again.run, again.vouched)
        options = Options(
            choices.at, force, new, on_conflict, tick, ready.optimise, anew, retried, redo, submission, vouched
        )
        same = partial(same_again, path, settings, choices, now, ready)
        outcome, problems = conducted(runner, ready, settings, options, same, openlineage)
        verdicts = recorded(runner.store, ready.spec, outcome.run.id)
        if runner.store.next_message_at() is not None:
            # The next run has to deliver it, and not to answer at a glance.
            ready = replace(ready, facts=None)
    has_news = any(record.state == "failure" for record in outcome.tasks) or has_broken(verdicts)
    if has_news and ready.compiled is None:
        ready = _compiled_again(path, settings, choices, now, ready)
    return report_of(ready, outcome, settings, verdicts, problems, runner.secrets)


def conducted(  # noqa: PLR0917 - all that a run is conducted with
    runner: Runner,
    ready: Ready,
    settings: Settings,
    options: Options,
    load: Callable[[], Compilation | None],
    openlineage: str | None = None,
) -> tuple[Outcome, Sequence[Diagnostic]]:
    """Runs it, keeps its shape, and tells OpenLineage events where it is to; answers also what is to be warned of.

    `load` compiles the pipeline as it was, where the events tell of columns; None where it is another by now.
    """
    shapes.keep(settings.state, ready.spec)
    bus = Bus()
    bus.subscribe("progress", runner.observe)
    runner.observe = bus
    with (
        _listening(runner, settings, bus),
        _hooks(runner, settings, bus.problems),
        _lineage(runner, ready, settings, openlineage, load, bus),
    ):
        try:
            outcome = runner.run(options, ready.logical_time)
        except Unavailable as error:
            raise _unavailable(error, ready, load) from error
    return outcome, bus.problems


def _unavailable(error: Unavailable, ready: Ready, load: Callable[[], Compilation | None]) -> Stopped:
    """Told once, at the first task that was to run, and not once for each."""
    compiled, sources = ready.compiled, ready.sources
    if compiled is None and (compilation := load()) is not None:
        compiled, sources = compilation.compiled, compilation.sources
    failures: Any = import_module("trc.api.failures")
    told = failures.unavailable(compiled, error.failure, error.tasks, had_begun=isinstance(error, Severed))
    return Stopped([told], 1, sources)


@contextmanager
def _listening(runner: Runner, settings: Settings, bus: Bus) -> Iterator[None]:
    """Meanwhile, logs, metrics and traces are told of the run, if any are to be."""
    if not settings.telemetry.has_any:
        yield
        return
    telemetry: Any = import_module("trc.api.telemetry")
    with telemetry.listening(settings.telemetry, runner, bus):
        yield


@contextmanager
def _hooks(runner: Runner, settings: Settings, problems: list[Diagnostic]) -> Iterator[None]:
    """Meanwhile, what hooks tell is delivered, that of runs before as well; a run without any loads nothing for it."""
    if not has_hooks(runner.spec) and runner.store.next_message_at() is None:
        yield
        return
    api: Any = import_module("trc.api.hooks")
    delivering = api.delivering(settings, problems)
    runs: list[str] = []
    agreed = runner.agree

    def agree(run: RunRecord, plan: Plan) -> None:
        runs.append(run.id)
        agreed(run, plan)

    runner.agree, runner.wake = agree, delivering.courier.wake
    try:
        yield
    except BaseException:
        # Whoever ends it now does not want to wait.
        delivering.courier.close(0.0)
        raise
    delivering.close(runs[-1])
    if delivering.courier.counts:
        runner.observe(MessagesTried(dict(delivering.courier.counts)))


@contextmanager
def _lineage(  # noqa: PLR0917 - all that a run is conducted with
    runner: Runner,
    ready: Ready,
    settings: Settings,
    target: str | None,
    load: Callable[[], Compilation | None],
    bus: Bus,
) -> Iterator[None]:
    """Meanwhile, the run tells OpenLineage events, if it is to tell any."""
    told = settings.openlineage if target is None else settings.openlineage.told_to(target)
    if told.file is None and told.url is None:
        yield
        return
    telling: Any = import_module("trc.api.openlineage")
    with telling.telling(told, ready.spec, runner.store, load, settings) as (events, written):
        bus.subscribe("openlineage", events, (RunOpened, TaskMoved, TasksAdded, RunFinished))
        yield
    bus.problems.extend(written.problems)


def _as_left(
    settings: Settings, choices: Choices, ready: Ready, prepared: Callable[[Choices, datetime], Ready]
) -> Ready:
    """As of the time of an unfinished run that can go on: its values are those of its own logical time."""
    if not is_begun(settings):
        return ready
    with opened(settings) as store:
        running = [one for one in store.runs(state="running", limit=1000) if one.pipeline == ready.spec.name]
        drivers = store.drivers()
        left = [one for one in running if not is_driven(one, drivers, SystemClock())]
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
    # So is the outside: hooks of the pipeline are called for each.
    if ready.facts is None or ready.diagnostics or ready.spec.hooks or not outcome.tasks:
        return None
    if any(record.state != "skipped" for record in outcome.tasks):
        return None
    if any(record.reason.get("code") == "deduped" for record in outcome.tasks):
        # Another task's end was this one's, once: it is asked for anew by each run.
        return None
    outputs = [file for made in outcome.outputs.values() for output in made for file in output.files]
    # The lists of items that tasks are repeated for.
    repeated = [outcome.stored[task.name] for task in ready.spec.tasks if task.each and task.name in outcome.stored]
    outputs += [output for result in repeated for output in result.outputs]
    return run_facts(ready.spec, ready.facts, outcome.stored, outputs)


def _compiled_again(path: Path, settings: Settings, choices: Choices, now: datetime, ready: Ready) -> Ready:
    """With the places in the file that a failure is shown at; without, if the file says something else by now."""
    compilation = same_again(path, settings, choices, now, ready)
    if compilation is None:
        return ready
    return replace(ready, sources=compilation.sources, compiled=compilation.compiled)


def same_again(path: Path, settings: Settings, choices: Choices, now: datetime, ready: Ready) -> Compilation | None:
    """The pipeline, compiled once more; None if the file says something else by now."""
    try:
        found: Compilation = _compiling().load(
            path, settings, replace(choices, at=choices.at or ready.logical_time), now
        )
    except Stopped:
        return None
    return found if found.spec.digest == (ready.part.whole if ready.part else ready.spec).digest else None


@contextmanager
def runner_of(
    ready: Ready,
    settings: Settings,
    observe: Observer | None,
    on_cancel: Callable[[Callable[[], None]], None] = lambda _cancel: None,
) -> Iterator[Runner]:
    """All that planning or running a pipeline needs, with its state open."""
    spec = with_digests(ready.spec, ready.backend, settings.of_backend(ready.backend.name))
    with opened(settings) as store:
        storage: Storage = LocalStorage(store, settings.state, boot_id(), time.time_ns)

        def executor() -> Executor:
            of_backend = settings.of_backend(ready.backend.name)
            return ready.backend.executor(settings.workers, settings.state, settings.max_async, of_backend)

        secrets = _secrets(ready.spec, settings)
        if remote_schemes(ready.spec):
            objects: Any = import_module("trc.api.objects")
            values = secrets.values if secrets is not None else None
            storage, executor = objects.with_objects(
                ready.spec, storage, settings.state, executor, settings.network, settings.s3, values
            )
        yield Runner(
            spec,
            store,
            storage,
            settings.state,
            SystemClock(),
            executor,
            observe or _ignore,
            time.sleep,
            on_cancel,
            secrets,
            ready.queries,
            part=ready.part,
            start_timeout=settings.start_timeout or START,
            network=settings.network.told,
        )


def _secrets(spec: PipelineSpec, settings: Settings) -> RunSecrets | None:
    """What fetches the secrets of a pipeline. Only those that have some pay for loading it."""
    if not any(task.secrets for task in spec.tasks):
        return None
    resolver: Any = import_module("trc.runtime.secrets.resolver")
    found: RunSecrets = resolver.secrets_of_run(settings.project, variables_of_secrets(), time.monotonic)
    return found


def _compiling() -> Any:
    """What was compiled before is run without a compiler."""
    return import_module("trc.api.compiling")


def _ignore(_happening: Happening) -> None:
    """Nobody watches."""


def report_of(  # noqa: PLR0917 - all that is known of a run at its end
    ready: Ready,
    outcome: Outcome,
    settings: Settings,
    verdicts: Verdicts,
    problems: Sequence[Diagnostic] = (),
    secrets: RunSecrets | None = None,
) -> RunReport:
    """A run at its end, with what is to be told of it."""
    failed = [record for record in outcome.tasks if record.state == "failure"]
    places = StatePlaces(settings.state)
    files = {one.task: places.log(one.run, one.task, one.attempt) for one in outcome.tasks if one.attempt}
    blocked: dict[str, tuple[str, ...]] = {}
    for record in outcome.tasks:
        if record.blocked_by is not None:
            blocked[record.blocked_by] = (*blocked.get(record.blocked_by, ()), record.task)
    diagnostics = (*ready.diagnostics, *_told(ready, outcome, failed, verdicts), *problems)
    if settings.telemetry.has_log:
        telemetry: Any = import_module("trc.api.telemetry")
        telemetry.log_diagnostics(settings.telemetry, ready.spec, outcome.run.id, diagnostics, secrets)
    return RunReport(
        outcome.run,
        outcome.plan,
        outcome.resumed,
        outcome.tasks,
        outcome.outputs,
        diagnostics,
        ready.sources,
        {record.task: tail(files[record.task]) for record in failed if record.task in files},
        files,
        blocked,
        settings.project,
        # Where runs tell of themselves, one with nothing to do tells so each time.
        None if settings.telemetry.has_any else _run_facts(ready, outcome),
        verdicts,
    )


def _told(ready: Ready, outcome: Outcome, failed: Sequence[TaskRecord], verdicts: Verdicts) -> Iterator[Diagnostic]:
    """What went wrong. Where nothing did, nothing is loaded to tell it."""
    if failed or has_broken(verdicts):
        failures: Any = import_module("trc.api.failures")
        yield from failures.warnings(ready.compiled, verdicts)
        yield from failures.failures(ready.compiled, failed, verdicts)
    elif outcome.run.state == "failure" and all(record.state != "upstream_failed" for record in outcome.tasks):
        yield import_module("trc.api.failures").overdue(ready.compiled, outcome.run)
