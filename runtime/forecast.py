"""Foresees what a run would do, while it is not known yet what the tasks ahead of each will make."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from trc.runtime.fingerprint import UPSTREAM, changes
from trc.runtime.handed import RESULT
from trc.runtime.listing import Dataset, Inputs, Missing
from trc.runtime.partitions import Entire, Parted
from trc.runtime.plan import Plan, PlannedPartitions, PlannedTask
from trc.runtime.planner import MaySkip, MustRun, Omits, Planner, Refused, Repeats, of_all
from trc.runtime.readsets import shown
from trc.runtime.reasons import Reason
from trc.runtime.repeated import gathered, is_item, whole
from trc.runtime.spec import KeyPart, TaskSpec
from trc.runtime.store.results import Result, StoredOutput
from trc.runtime.taskside.result import Failure
from trc.runtime.taskside.tuples import Columns, Tuples, name_of


def forecast(planner: Planner, logical_time: str, *, tells_spared: bool = False) -> Plan:
    """What a run would do now; `tells_spared` has it look for readers that new queries leave as they are.

    The planner knows afterwards what tasks that are up to date have `returned`, and what their items have made.
    """
    planner.look_again()
    tasks = Forecast(planner, tells_spared).tasks()
    planner.look_each_time()
    return Plan(planner.spec.name, planner.spec.digest, logical_time, tasks)


@dataclass(slots=True)
class Forecast:
    """What the planner would decide of one task after the other, in an order in which they can run."""

    planner: Planner
    tells_spared: bool
    _settled: dict[Dataset, StoredOutput] = field(default_factory=dict[Dataset, StoredOutput])
    """The outputs that are up to date."""
    _settled_tasks: set[str] = field(default_factory=set[str])
    """The tasks that have made them."""
    _planned: dict[str, PlannedTask] = field(default_factory=dict[str, PlannedTask])
    _expected: dict[Dataset, StoredOutput] = field(default_factory=dict[Dataset, StoredOutput])
    """What is known of outputs that are made again, as far as their new queries leave them as they were."""

    def tasks(self) -> tuple[PlannedTask, ...]:
        """What becomes of each task. One whose upstream is not settled is `maybe`, unless it has to run anyway."""
        for task in self.planner.spec.tasks:
            self._planned[task.name] = self._foresee(task)
        return tuple(self._planned.values())

    def _foresee(self, task: TaskSpec) -> PlannedTask:
        settled, planned = self._settled, self._planned
        omitted = _omitted(task, planned)
        if omitted is not None:
            return PlannedTask(task.name, "omit", omitted)
        # What a task only waits for may write what it reads, without a word in the pipeline.
        settles = {"skip", "omit"}
        open_needs = [need.task for need in task.needs if not need.data and planned[need.task].action not in settles]
        waits_for = [*_unsettled(task, settled, self._settled_tasks), *open_needs]
        if waits_for and task.when:
            return PlannedTask(task.name, "maybe", Reason("upstream_runs", ", ".join(dict.fromkeys(waits_for))))
        if waits_for:
            reason = self._runs_whatever_its_items(task) if task.each else self._runs_whatever_it_reads(task)
            if reason is not None:
                return PlannedTask(task.name, "run", reason)
            looks = self.tells_spared and not (open_needs or task.each or task.results)
            spared = self._spared(task) if looks else None
            return PlannedTask(
                task.name, "maybe", spared or Reason("upstream_runs", ", ".join(dict.fromkeys(waits_for)))
            )
        decision = self.planner.decide(task, settled)
        match decision:
            case MustRun():
                stored = decision.inputs.stored
                key = stored.key if stored else decision.inputs.key
                return PlannedTask(task.name, "run", decision.reason, key, self._foreseen(task, decision.inputs))
            case MaySkip():
                self._settle(task, {(task.name, output.name): output for output in decision.result.outputs})
                self.planner.returned[task.name] = decision.result.values
                return PlannedTask(task.name, "skip", decision.reason, decision.result.key)
            case Repeats() if task.each is None:
                return PlannedTask(task.name, "run", decision.reason)
            case Repeats():
                return self._foresee_items(task, decision)
            case Omits():
                return PlannedTask(task.name, "omit", decision.reason)
            case Missing() | Refused():
                return PlannedTask(task.name, "blocked", decision.reason)

    def _settle(self, task: TaskSpec, outputs: Mapping[Dataset, StoredOutput]) -> None:
        self._settled.update(outputs)
        if outputs:
            self._settled_tasks.add(task.name)

    def _foresee_items(self, task: TaskSpec, repeats: Repeats) -> PlannedTask:
        """A task whose items are known: it is up to date if each of them is."""
        items = self.planner.items(task, repeats.result)
        if isinstance(items, Failure):
            return PlannedTask(task.name, "blocked", Reason("blocked", items.message.partition("\n")[0]))
        decisions = [self.planner.decide(one, self._settled) for one in items]
        missing = next((one for one in decisions if isinstance(one, Missing | Refused)), None)
        if missing is not None:
            return PlannedTask(task.name, "blocked", missing.reason)
        fine = [
            (one.name, decision.result)
            for one, decision in zip(items, decisions, strict=True)
            if isinstance(decision, MaySkip)
        ]
        omitted = [one.reason for one in decisions if isinstance(one, Omits)]
        if omitted and len(omitted) == len(items):
            return PlannedTask(task.name, "omit", omitted[0])
        to_run = len(items) - len(fine) - len(omitted)
        if to_run:
            return PlannedTask(task.name, "run", Reason("items_run", of_all(to_run, len(items))))
        made: dict[Dataset, StoredOutput] = {}
        for output in task.outputs:
            members = ((name, _output_called(output.name, result)) for name, result in fine)
            made[task.name, output.name] = gathered(output.name, members)
        closing = whole(task)
        held = self.planner.decide(closing, {**self._settled, **made}) if closing is not None else None
        if isinstance(held, MustRun):
            return PlannedTask(task.name, "run", held.reason)
        if isinstance(held, Missing | Refused):
            return PlannedTask(task.name, "blocked", held.reason)
        self.planner.gathered |= made
        self._settle(task, made)
        return PlannedTask(task.name, "skip", Reason("items_up_to_date", of_all(len(items), len(items))))

    def _foreseen(self, task: TaskSpec, inputs: Inputs) -> PlannedPartitions | None:
        found = self.planner.parted(task, inputs)
        match found:
            case None:
                return None
            case Entire():
                assert task.partition is not None
                return PlannedPartitions(task.partition.column, why=found.why)
            case Parted():
                return PlannedPartitions(found.column, len(found.partitions), found.to_run)

    def _spared(self, task: TaskSpec) -> Reason | None:
        """Why a task will be skipped although what it reads is made again, where that is proved of the new queries."""
        ahead_of, told = dict[Dataset, StoredOutput](), dict[str, None]()
        for read in task.reads:
            if read.producer is None or read.producer in self._settled:
                continue
            ahead, output = self._planned[read.producer[0]], self.planner.stored_output(read.producer)
            columns = self.planner.read_sets.columns(task.name, read.name)
            if output is None or columns is None:
                return None
            if ahead.reason.code == "spared":
                told[ahead.reason.detail] = None
            else:
                output = self._as_before(ahead, output, columns)
                told[f"the new query of {ahead.task} changes nothing of {shown(columns)}"] = None
            if output is None or read.producer in ahead_of:
                return None
            ahead_of[read.producer] = output
        for dataset, output in ahead_of.items():
            self._expected[dataset] = _known_by_both(output, self._expected.get(dataset))
        expected = {**self._settled, **self._expected}
        if self._sees_unsettled(task, expected, self._settled_tasks | {name for name, _ in self._expected}):
            return None
        decision = self.planner.decide(task, expected)
        return Reason("spared", "; ".join(told)) if isinstance(decision, MaySkip) else None

    def _sees_unsettled(self, task: TaskSpec, settled: Mapping[Dataset, StoredOutput], tasks: Collection[str]) -> bool:
        """Whether something is not known yet that the task reads, or sees through what is not stored."""
        if _unsettled(task, settled, tasks):
            return True
        seen = (read.producer for read in task.reads if read.producer is not None and settled[read.producer].is_view)
        makers = (self.planner.spec.task(producer[0]) for producer in seen)
        return any(maker is not None and self._sees_unsettled(maker, settled, tasks) for maker in makers)

    def _as_before(self, ahead: PlannedTask, output: StoredOutput, columns: Columns) -> StoredOutput | None:
        """What a reader of these columns will know the new output by, if its query alone is new and leaves them alone."""
        planner, differing, tuples = self.planner, ahead.reason.changes, output.tuples
        maker = planner.spec.task(ahead.task)
        # Before what it reads is settled, nobody knows whether that changes, too.
        if maker is None or _unsettled(maker, self._settled, self._settled_tasks):
            return None
        if output.is_view and planner.keeping(ahead.task).shape.is_view:
            listed = planner.inputs(maker, self._settled)
            return None if isinstance(listed, Missing) else planner.view(maker, output.name, listed)
        if ahead.reason.code != "changed" or [change.field for change in differing] != ["sql"] or tuples is None:
            return None
        before = differing[0].old
        if planner.unchanged is None or before is None or not planner.unchanged(ahead.task, before, columns):
            return None
        # One that has read it by its bytes alone is told of their tuples once there are others.
        name, known = name_of(columns), name_of(planner.read_sets.asked[ahead.task].known)
        digests, alike = (tuple(one for one in pairs if one[0] == name) for pairs in (tuples.digests, tuples.alike))
        return replace(output, tuples=Tuples(known, digests, alike))

    def _runs_whatever_its_items(self, task: TaskSpec) -> Reason | None:
        """Why a repeated task has to run even if what it reads turns out unchanged."""
        if not any(is_item(name, task.name) for name in self.planner.stored):
            return Reason("first")
        return self.planner.runs_always(task)

    def _runs_whatever_it_reads(self, task: TaskSpec) -> Reason | None:
        """Why the task has to run even if its upstreams turn out unchanged."""
        reason = self.planner.runs_always(task)
        if reason is not None:
            return reason
        last = self.planner.stored.get(task.name)
        if last is None:
            return Reason("first")
        unknown = self.planner.unknown_secret(task)
        if unknown is not None:
            return unknown
        old = [part for part in last.parts if not _is_input_content(part)]
        differing = changes(old, self.planner.own_parts(task), task.skip)
        return Reason("changed", changes=differing) if differing else self.planner.not_kept(task, last)


def _known_by_both(one: StoredOutput, other: StoredOutput | None) -> StoredOutput:
    """An output of which something is known for each of two readers."""
    if other is None or one.tuples is None or other.tuples is None or other.tuples.known != one.tuples.known:
        return one
    digests = {**dict(other.tuples.digests), **dict(one.tuples.digests)}
    alike = dict.fromkeys((*other.tuples.alike, *one.tuples.alike))
    return replace(one, tuples=Tuples(one.tuples.known, tuple(digests.items()), tuple(alike)))


def _output_called(name: str, result: Result) -> StoredOutput:
    return next(one for one in result.outputs if one.name == name)


def _omitted(task: TaskSpec, planned: Mapping[str, PlannedTask]) -> Reason | None:
    """Why a task is not run: its condition is false, or that of one that it reads, however far up."""
    if task.omitted:
        return Reason("omitted", task.omitted)
    for need in task.needs:
        ahead = planned[need.task]
        if need.data and ahead.action == "omit":
            is_root = ahead.reason.code == "omitted"
            return Reason("upstream_omitted", need.task if is_root else ahead.reason.detail)
    return None


def _unsettled(task: TaskSpec, settled: Mapping[Dataset, StoredOutput], tasks: Collection[str]) -> list[str]:
    """The upstream tasks whose data is not known before the run; `settled` is of `tasks`."""
    unsettled = [
        read.producer[0]
        for read in (*task.reads, *task.check_reads)
        if read.producer is not None and read.producer not in settled
    ]
    others = [feeder for read in (*task.reads, *task.check_reads) for feeder in read.feeders]
    others += [one.task for one in task.results]
    unsettled += [name for name in others if name not in tasks]
    return list(dict.fromkeys(unsettled))


def _is_input_content(part: KeyPart) -> bool:
    """Whether the part was added for an input's content, and not by the pipeline itself."""
    return part.field.startswith((UPSTREAM, RESULT)) or (part.group == "inputs" and part.field.endswith("]"))
