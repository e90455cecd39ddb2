"""Opens a run or takes up one whose driver died, and drives it to its end."""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Protocol

from trc.compiler.sql.facts import QueryFacts
from trc.runtime.ahead import needed
from trc.runtime.attempts import Attempts, Secrets
from trc.runtime.clock import Clock
from trc.runtime.drivers import LEASE, RENEW, is_driven, retired, this_driver
from trc.runtime.errors import stopped
from trc.runtime.executor import Executor, Severed, Unavailable
from trc.runtime.forecast import forecast
from trc.runtime.hooks import Hooks, has_hooks
from trc.runtime.listing import Dataset
from trc.runtime.loop import KeepAlive, Loop, require_own
from trc.runtime.observe import Observer, RunFinished, RunOpened, Waiting
from trc.runtime.optimising import Optimised, Queries, optimise
from trc.runtime.orders import Orders, Places
from trc.runtime.partitions import Partitions
from trc.runtime.plan import Plan
from trc.runtime.planner import Planner, Unchanged
from trc.runtime.readsets import read_sets
from trc.runtime.reasons import Reason
from trc.runtime.repeated import items_beneath, task_called
from trc.runtime.scheduler.budget import START, limits_of
from trc.runtime.scheduler.machine import Machine
from trc.runtime.selecting import Part
from trc.runtime.sharing import in_order
from trc.runtime.spec import PipelineSpec, TaskSpec, locations, sources_read
from trc.runtime.storage.base import Storage
from trc.runtime.store.journal import Driver, Journal, RunRecord, RunState, TaskRecord
from trc.runtime.store.results import Result, Results, StoredOutput
from trc.runtime.sweep import sweep_intermediates
from trc.runtime.taskside.records import record

OnConflict = Literal["wait", "fail"]
_AS_WRITTEN = Optimised({}, ())


class RunSecrets(Secrets, Protocol):
    """What a run asks of its secrets."""

    def version(self, ref: str) -> str | Reason:
        """The version of a secret that is numbered, or why nobody can tell it."""
        ...

    def known(self) -> Collection[str]:
        """The values that were fetched so far, to be masked in what is told of the run."""
        ...


class Store(Journal, Results, Protocol):
    """A store that keeps both runs and results."""


@record(frozen=True, slots=True)
class Options:
    """What a user says about a run. `at` is its logical time, ISO 8601 with zone, None for now."""

    at: str | None = None
    force: bool = False
    new: bool = False
    on_conflict: OnConflict = "wait"
    tick: float | None = None
    optimise: bool = False
    again: Mapping[str, frozenset[str | None]] = field(default_factory=dict[str, frozenset[str | None]])
    """By task, the values of the partitions to build again whatever is kept of them."""
    retry: str | None = None
    """The run to take up again although it has ended; None for an unfinished one, or a new one."""
    redo: frozenset[str] = frozenset()
    """The tasks that run again in it although they succeeded."""
    submission: str | None = None
    """The key under which the run is submitted: where one was before, that one answers for it."""
    vouched: frozenset[str] = frozenset()
    """The tasks that are tried again although they may have had their effect."""


class Submitted(Exception):  # noqa: N818 - an answer, not an error
    """A run was submitted under this key before, and goes on or has ended: it is the answer."""

    def __init__(self, run: RunRecord) -> None:
        super().__init__(run.id)
        self.run = run


@record(frozen=True, slots=True)
class Outcome:
    """A run at its end. `outputs` are those of all tasks that succeeded or were up to date."""

    run: RunRecord
    plan: Plan
    resumed: bool
    tasks: tuple[TaskRecord, ...]
    outputs: Mapping[str, tuple[StoredOutput, ...]]
    stored: Mapping[str, Result]
    """What was committed before the run, by task."""


@dataclass(slots=True)
class Runner:
    """All that running a pipeline needs of the world."""

    spec: PipelineSpec
    store: Store
    storage: Storage
    state: Path
    clock: Clock
    executor: Callable[[], Executor]
    observe: Observer
    pause: Callable[[float], None]
    on_cancel: Callable[[Callable[[], None]], None]
    secrets: RunSecrets | None = None
    """Fetches secrets, and tells their versions; None where no task is given one."""
    queries: Queries = field(default_factory=dict[str, QueryFacts])
    """What is known of the pipeline's queries, by task."""
    unchanged: Unchanged | None = None
    """Tells what new queries leave as it was."""
    part: Part | None = None
    """What `spec` is of a pipeline, where it is not all of it."""
    asked: str = ""
    """The choices that the run is asked for with, as JSON, for whoever takes it up again."""
    agree: Callable[[RunRecord, Plan], None] = lambda _run, _plan: None
    """Sees what a run is about to do when it is open and nothing has begun; what this raises ends it there."""
    wake: Callable[[], None] = lambda: None
    """Has the messages delivered that hooks have written down."""
    start_timeout: float = START
    """Seconds within which an attempt has to begin that was handed over."""
    trace: Callable[[str], Mapping[str, str]] | None = None
    """Answers the variables that name a task's span, for what its attempts tell themselves; None where no traces are told."""
    network: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """The hosts and networks that tasks may call beyond public addresses, as their orders tell it."""

    def plan(self, options: Options, logical_time: str) -> Plan:
        """What a run would do now."""
        optimised = self._optimised(options)
        planner = self._planner(options, optimised, None)
        plan = self._plan(planner, optimised, logical_time, tells_spared=True)
        self.storage.flush()
        return plan

    def run(self, options: Options, logical_time: str) -> Outcome:
        """Runs the pipeline, or goes on with the run that was left unfinished."""
        driver = this_driver(self.clock)
        self.store.enrol(driver, self.clock.now() + LEASE)
        run, resumed = self._open(driver, options, logical_time)
        try:
            return self._drive(run, driver, options, resumed)
        finally:
            self.storage.flush()

    def _open(self, driver: Driver, options: Options, logical_time: str) -> tuple[RunRecord, bool]:
        """Claims a run for this driver, with the locations that it may publish to."""
        uris = locations(self.spec)
        told: str | None = None
        while True:
            dead = self._dead()
            if options.retry is not None:
                left: RunRecord | None = self._ended(options.retry, bool(options.redo))
            elif options.submission is not None:
                left = self._submitted(options.submission, options.at, logical_time)
            else:
                left = next((one for one in dead if self._can_resume(one, options, logical_time)), None)
            # What the others hold would keep everyone waiting.
            for one in dead:
                if left is None or one.id != left.id:
                    self._give_up(one, self.clock.now())
            self.wake()
            run, resumed = self._claim(left, driver, logical_time, options.submission)
            holders = self._take(run, left, uris, driver)
            if holders is None:
                continue
            if not holders:
                self._sweep_staging(run)
                return run, resumed
            uri, holder = next(iter(holders.items()))
            if options.on_conflict == "fail":
                raise stopped(
                    "TRC607",
                    f'run {holder} is writing "{uri}"',
                    "wait for it, or leave out `--on-conflict fail` to wait here",
                    exit_code=1,
                )
            if told != holder:
                told = holder
                self.observe(Waiting(uri, holder))
            self.store.enrol(driver, self.clock.now() + LEASE)
            self.pause(0.2)

    def _dead(self) -> list[RunRecord]:
        """The unfinished runs whose driver is dead, newest first."""
        running = self.store.runs(state="running", limit=1000)
        # Read after the runs: each of them has a driver here, also one that began just now.
        drivers = self.store.drivers()
        return [run for run in running if not is_driven(run, drivers, self.clock)]

    def _submitted(self, submission: str, at: str | None, logical_time: str) -> RunRecord | None:
        """The unfinished run that was submitted under the key before, if nobody drives it any more; None for the first.

        Raises `Submitted` where that run answers for this one, and Stopped where it is another one's key.
        """
        found = self.store.submitted(self.spec.name, submission)
        if found is None:
            return None
        remedy = "submit what is another run under another key"
        if found.asked != self.asked or (at is not None and found.logical_time != logical_time):
            told = f'the key "{submission}" is that of run {found.id}, which was asked for with other values'
            raise stopped("TRC619", told, remedy)
        if found.state != "running" or is_driven(found, self.store.drivers(), self.clock):
            raise Submitted(found)
        if found.digest != self.spec.digest:
            told = (
                f'run {found.id} of the key "{submission}" is unfinished, and "{found.file}" says something else by now'
            )
            raise stopped("TRC619", told, remedy)
        return found

    def _ended(self, run: str, has_redo: bool) -> RunRecord:
        """The run to take up again; raises Stopped where that would be another run, or would do nothing."""
        found = self.store.run(run)
        assert found is not None, "whoever asks has looked it up"
        if is_driven(found, self.store.drivers(), self.clock):
            raise stopped("TRC628", f"run {found.id} is still running", "wait for its end, or stop it with Ctrl-C")
        if found.digest != self.spec.digest:
            raise stopped(
                "TRC628",
                f'"{found.file}" says something else than when run {found.id} began',
                "`trc run` runs it as it is now, and skips what is up to date",
            )
        if found.state == "success" and not has_redo:
            raise stopped(
                "TRC628", f"run {found.id} succeeded: nothing is to be retried", "say from which task with --from TASK"
            )
        return found

    def _give_up(self, run: RunRecord, now: float) -> None:
        """Lets go of a dead driver's run, unless another command has taken it up meanwhile."""
        with self.store.transaction() as change:
            if self.store.run(run.id) != run:
                return
            if run.pipeline == self.spec.name:
                abandoned = replace(run, state="abandoned", ended_at=now)
                change.put_run(abandoned)
                if self.spec.hooks:
                    change.put_messages(list(Hooks(self.spec, run, self.clock).of_end(abandoned)))
            change.release(run.id)

    def _sweep_staging(self, own: RunRecord) -> None:
        """Removes what attempts of dead drivers left behind: those of live runs are in the journal."""
        self.storage.sweep(
            lambda: {
                attempt.token
                for other in self.store.runs(state="running", limit=1000)
                if other.id != own.id
                for attempt in self.store.attempts(other.id)
                if attempt.state in {"claimed", "running"}
            }
        )

    def _can_resume(self, run: RunRecord, options: Options, logical_time: str) -> bool:
        same = run.pipeline == self.spec.name and run.digest == self.spec.digest
        same_time = options.at is None or logical_time == run.logical_time
        return same and same_time and not (options.new or options.force or options.again)

    def _claim(
        self, left: RunRecord | None, driver: Driver, logical_time: str, submission: str | None
    ) -> tuple[RunRecord, bool]:
        if left is not None:
            # What ended and is taken up again has all that a run may take once more.
            began_at = left.began_at if left.state == "running" else self.clock.now()
            taken = replace(
                left, driver=driver.id, resumed=left.resumed + 1, state="running", ended_at=None, began_at=began_at
            )
            return taken, True
        now = self.clock.now()
        run = RunRecord(
            id=_run_id(now),
            pipeline=self.spec.name,
            file=self.spec.file,
            digest=self.spec.digest,
            logical_time=logical_time,
            driver=driver.id,
            created_at=now,
            began_at=now,
            asked=self.asked,
            submission=submission,
        )
        return run, False

    def _take(
        self, run: RunRecord, left: RunRecord | None, uris: list[str], driver: Driver
    ) -> Mapping[str, str] | None:
        """Records the run with all its locations, or nothing: then answers who holds them.

        None if the run that was `left` is no longer what it was, or another was submitted under its key meanwhile.
        """
        holders: Mapping[str, str] = {}
        with _undone_if(lambda: bool(holders)), self.store.transaction() as change:
            if left is not None and self.store.run(left.id) != left:
                return None
            if left is None and run.submission is not None and self.store.submitted(run.pipeline, run.submission):
                return None
            change.put_run(run)
            if left is not None:
                # Who takes it up wants it to go on. What its dead driver took is none of its own any more.
                change.put_wish(run.id, "run")
                change.forget_task_wishes(run.id)
                change.release(run.id)
            holders = change.acquire(uris, run.id, driver.id)
            if holders:
                raise _Undo
        return holders

    def _drive(self, run: RunRecord, driver: Driver, options: Options, resumed: bool) -> Outcome:
        previous = self.store.tasks(run.id) if resumed else []
        previous = [one._replace(error=None) if one.task in options.vouched else one for one in previous]
        executor = self.executor()
        try:
            # Passes work on queries: to be told for each task that it has none is of use to plans alone.
            optimised = self._optimised(options) if self.queries else _AS_WRITTEN
            planner = self._planner(options, optimised, run if resumed else None, run.id)
            executor.expect(_first(self.spec, planner.stored))
            plan = self._plan(planner, optimised, run.logical_time)
            settled = self._settled(plan, planner)
            self.agree(run, plan)
            self.observe(RunOpened(run, plan, resumed))
            hooks = Hooks(self.spec, run, self.clock, previous) if has_hooks(self.spec) else None
            try:
                executor.prepare(needed(self.spec, plan))
            except Unavailable:
                # Whoever hears of runs that fail hears of this one.
                self._end(run, "failure", hooks, ())
                raise
            attempts = self._attempts(run, planner, optimised)
            machine = self._machine(run, plan, executor, optimised, previous, resumed=resumed)
            letters = self.store.letters(run=run.id, limit=len(self.spec.tasks)) if resumed else ()
            loop = Loop(
                self.spec,
                run,
                machine,
                planner,
                attempts,
                executor,
                self.store,
                self.clock,
                self.observe,
                KeepAlive(self.store, driver, LEASE, RENEW),
                settled,
                hooks,
                self.wake,
                {letter.task for letter in letters},
                tick=options.tick,
            )
            self.on_cancel(loop.cancel)
            try:
                state = loop.run()
            except Severed:
                # The run is left as that of a dead driver is: the next one takes it up.
                self.store.enrol(retired(driver), self.clock.now())
                raise
        finally:
            executor.close()
        ended = self._end(run, state, hooks, machine.records.values())
        keys = {result.key for result in planner.stored.values()} | attempts.committed
        made = [*attempts.outputs.values(), *(result.outputs for result in planner.stored.values())]
        keys |= {Path(one.path).parent.name for outputs in made for one in outputs if one.home}
        sweep_intermediates(self.store, self.state, self.spec.name, run.id, keys)
        tasks = items_beneath(machine.records.values())
        return Outcome(ended, plan, resumed, tasks, _outputs(settled), planner.stored)

    def _attempts(self, run: RunRecord, planner: Planner, optimised: Optimised) -> Attempts:
        orders = Orders(
            self.spec,
            Places(self.state),
            self.storage,
            run.id,
            run.logical_time,
            optimised.keepings,
            planner.read_sets.asked,
            planner.stored,
            self.network,
        )
        tasks = {task.name: task for task in self.spec.tasks}
        return Attempts(tasks, planner, orders, self.storage, self.clock, secrets=self.secrets, trace=self.trace)

    def _machine(
        self,
        run: RunRecord,
        plan: Plan,
        executor: Executor,
        optimised: Optimised,
        previous: Sequence[TaskRecord],
        *,
        resumed: bool,
    ) -> Machine:
        return Machine(
            run.id,
            # To list items once more is harmless, whatever is then done for each of them.
            [
                replace(task, idempotent=True, is_async=False, twins=(), breaker=None) if task.each else task
                for task in in_order(self.spec.tasks, optimised.keepings)
            ],
            {task.task: task for task in plan.tasks},
            executor.slots,
            random.Random(),  # noqa: S311 - spreads retries, guards nothing
            token=_token,
            resumed=previous,
            attempts=self.store.attempts(run.id) if resumed else (),
            async_slots=executor.async_slots,
            limits=limits_of(self.spec, run, self.start_timeout),
        )

    def _end(self, run: RunRecord, state: RunState, hooks: Hooks | None, tasks: Iterable[TaskRecord]) -> RunRecord:
        ended = replace(run, state=state, ended_at=self.clock.now())
        with self.store.transaction() as change:
            require_own(change, run)
            change.put_run(ended)
            change.release(run.id)
            if hooks is not None:
                change.put_messages(list(hooks.of_end(ended, tasks)))
        self.wake()
        self.observe(RunFinished(ended, state))
        return ended

    def _plan(self, planner: Planner, optimised: Optimised, logical_time: str, *, tells_spared: bool = False) -> Plan:
        left_out = self.part.left_out if self.part is not None else ()
        found = forecast(planner, logical_time, tells_spared=tells_spared)
        return replace(found, notes=optimised.notes, left_out=left_out)

    def _optimised(self, options: Options) -> Optimised:
        """How outputs are to be kept."""
        if options.optimise:
            return optimise(self.spec, self.queries, self.part)
        return _AS_WRITTEN

    def partitions(self, run: str | None = None) -> Partitions | None:
        """What answers for the tasks that are to run by partition; None where there are none."""
        if all(task.partition is None for task in self.spec.tasks):
            return None
        return Partitions(self.spec, self.state, self.storage, self.queries, self.clock.now(), run)

    def _planner(
        self, options: Options, optimised: Optimised, resumed: RunRecord | None, run: str | None = None
    ) -> Planner:
        tasks, places = {task.name: task for task in self.spec.tasks}, Places(self.state)

        def here(result: Result) -> Result:
            task = tasks.get(result.task)
            return result if task is None else places.here(task, result)

        def find(pipeline: str, task: str, key: str) -> Result | None:
            found = self.store.find(pipeline, task, key)
            return None if found is None else here(found)

        stored = {name: here(result) for name, result in self.store.latest(self.spec.name).items()}
        paths = [output.path for result in stored.values() for output in result.outputs if not output.is_view]
        self.storage.prefetch(paths + sources_read(self.spec))
        kept: dict[str, Result] = {}
        if resumed is not None:
            here_made = {name: result for name, result in stored.items() if result.run == resumed.id}
            kept = {name: result for name, result in here_made.items() if task_called(name) not in options.redo}
        version = self.secrets.version if self.secrets is not None else None
        return Planner(
            self.spec,
            self.storage,
            stored,
            find,
            self.clock.now(),
            options.force or bool(options.redo),
            kept,
            version,
            keepings=optimised.keepings,
            # What a part stores serves readers that are left out of it, too.
            read_sets=read_sets(self.spec if self.part is None else self.part.whole, self.queries),
            chosen=self._forced(options),
            partitions=self.partitions(run),
            again=options.again,
            here=places.here,
            unchanged=self.unchanged,
        )

    def _forced(self, options: Options) -> frozenset[str] | None:
        """The tasks that run although they are up to date; None for all."""
        if not options.force:
            return options.redo
        return self.part.chosen | options.redo if self.part is not None else None

    def _settled(self, plan: Plan, planner: Planner) -> dict[Dataset, StoredOutput]:
        """The outputs of the tasks that the plan skips."""
        settled: dict[Dataset, StoredOutput] = {}
        for planned in plan.tasks:
            if planned.action == "skip" and planned.key is not None:
                result = planner.find(self.spec.name, planned.task, planned.key)
                assert result is not None
                for output in result.outputs:
                    settled[planned.task, output.name] = output
        return settled | planner.gathered


class _Undo(Exception):  # noqa: N818 - a signal, not an error
    """Rolls a transaction back."""


@contextmanager
def _undone_if(expected: Callable[[], bool]) -> Iterator[None]:
    try:
        yield
    except _Undo:
        assert expected()


def _first(spec: PipelineSpec, stored: Mapping[str, Result]) -> list[TaskSpec]:
    """The tasks that begin at once whatever the plan will say: they never ran, and wait for nobody."""
    return [task for task in spec.tasks if task.name not in stored and not (task.needs or task.when or task.each)]


def _outputs(settled: Mapping[Dataset, StoredOutput]) -> dict[str, tuple[StoredOutput, ...]]:
    outputs: dict[str, tuple[StoredOutput, ...]] = {}
    for (task, _), output in settled.items():
        outputs[task] = (*outputs.get(task, ()), output)
    return outputs


def _token(task: str, attempt: int) -> str:
    return f"{task}.{attempt}.{secrets.token_hex(6)}"


def _run_id(now: float) -> str:
    """Sortable by time, unlikely to be given twice, short enough to type the beginning of."""
    return f"{int(now * 1000):011x}{secrets.token_hex(3)}"
