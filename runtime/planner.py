"""Decides what has to run: the pipeline's keys against what is stored, each answer with its reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from trc.runtime.fingerprint import changes, is_narrowed
from trc.runtime.handed import Lacking, Undecidable, asks_for_item, handed, holds, lacking, undecidable
from trc.runtime.keeping import AS_WRITTEN, Keeping, lacks
from trc.runtime.listing import Dataset, Files, Input, Inputs, Listing, Missing
from trc.runtime.partitions import Entire, Parted, Partitions
from trc.runtime.passed import unchecked
from trc.runtime.readsets import NOTHING_PROVED, ReadSets, shown
from trc.runtime.reasons import Change, Reason
from trc.runtime.repeated import known_items, listed_items, lister, repetitions, unrepeatable
from trc.runtime.spec import KeyPart, PipelineSpec, SkipSpec, TaskSpec
from trc.runtime.storage.errors import ObjectError
from trc.runtime.store.results import VIEW, Identity, Result, StoredOutput
from trc.runtime.subtasks import subtasks, unsubmittable
from trc.runtime.taskside.items import Unfit
from trc.runtime.taskside.records import record
from trc.runtime.taskside.result import Failure
from trc.runtime.taskside.tuples import Columns, OrderTuples, Tuples, name_of


@record(frozen=True, slots=True)
class MustRun:
    reason: Reason
    inputs: Inputs


@record(frozen=True, slots=True)
class MaySkip:
    """`result` is the committed result that stands for the task."""

    reason: Reason
    result: Result


@record(frozen=True, slots=True)
class Repeats:
    """The task is to be done as others, its items, or the sub-tasks of one that is itself up to date.

    `result` lists them; None for items that the author wrote.
    """

    reason: Reason
    result: Result | None = None


@record(frozen=True, slots=True)
class Omits:
    """Its condition is false."""

    reason: Reason


@record(frozen=True, slots=True)
class Refused:
    """It cannot run, whatever it reads."""

    failure: Failure

    @property
    def reason(self) -> Reason:
        return Reason("blocked", self.failure.message.partition("\n")[0])


Decision = MustRun | MaySkip | Missing | Repeats | Omits | Refused
_KNOWN_AS = 8
"""How many earlier digests of an output are remembered."""


def _as_recorded(_task: TaskSpec, result: Result) -> Result:
    return result


@dataclass(slots=True)
class Planner:
    """Answers for one pipeline, from one view of the state.

    `stored` holds the last result of each task; `find` looks one up by its exact key. `force` makes
    every task run. `now` is the time that ages are measured by, in seconds since the epoch.
    """

    spec: PipelineSpec
    files: Files
    stored: Mapping[str, Result]
    find: FindResult
    now: float
    force: bool = False
    kept: Mapping[str, Result] = field(default_factory=dict[str, Result])
    """Results that this very run committed before its driver died."""
    secret_version: Callable[[str], str | Reason] | None = None
    """The version of a secret that is numbered, or why nobody can tell it; None where no task has one."""
    keepings: dict[str, Keeping] = field(default_factory=dict[str, Keeping])
    """How outputs are kept, by task; of those that are not among them, all is stored."""
    read_sets: ReadSets = NOTHING_PROVED
    """Which columns tasks read of one another's outputs, where that is proved."""
    unchanged: Unchanged | None = None
    """Tells which rows a new query has in common with the old one; None where nobody can."""
    chosen: frozenset[str] | None = None
    """The tasks that `force` is about, if it is said; None for all."""
    partitions: Partitions | None = None
    """Answers for the tasks that are to run by partition; None where there are none."""
    again: Mapping[str, frozenset[str | None]] = field(default_factory=dict[str, frozenset[str | None]])
    """By task, the values of the partitions that are built again whatever is kept of them."""
    here: Callable[[TaskSpec, Result], Result] = _as_recorded
    """A result with its outputs at their places in this project; of items, which nobody knew when results were read."""
    gathered: dict[Dataset, StoredOutput] = field(default_factory=dict[Dataset, StoredOutput])
    """What the items of repeated tasks have made, where a forecast has found all of them up to date."""
    returned: dict[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    """By task, the values that its result holds for others, of tasks that are settled."""
    _listing: Listing = field(init=False)

    def __post_init__(self) -> None:
        self._listing = Listing(self.spec, self.files, self.stored, self.secret_version, self.keepings, self.read_sets)

    def look_again(self) -> None:
        """Begins a moment: what is asked for until the next one is answered from one look at each file."""
        self._listing.look_again()

    def look_each_time(self) -> None:
        """Ends a moment: files are looked at whenever they are asked for."""
        self._listing.look_each_time()

    def wrote(self, path: str) -> None:
        """Says that a file is another one than it was at the beginning of this moment."""
        self._listing.wrote(path)

    def inputs(self, task: TaskSpec, upstream: Mapping[Dataset, StoredOutput]) -> Inputs | Missing:
        """What the task reads, now, with the content identity of each file."""
        return self._listing.inputs(task, upstream)

    def own_parts(self, task: TaskSpec) -> tuple[KeyPart, ...]:
        """The parts of a task's key that do not depend on what it reads."""
        return (*task.key_parts, *self._listing.secret_parts(task))

    def unknown_secret(self, task: TaskSpec) -> Reason | None:
        """Why a task's key cannot be computed, where that is for a secret."""
        return self._listing.unknown_secret(task)

    def keeping(self, task: str) -> Keeping:
        """How the output of a task is to be kept."""
        return self.keepings.get(task, AS_WRITTEN)

    def _count_subtasks(self, task: TaskSpec, result: Result, made: dict[Dataset, StoredOutput]) -> tuple[int, int]:
        """How many sub-tasks a task has submitted, those of sub-tasks among them, and how many of them have to run."""
        for output in result.outputs:
            made[task.name, output.name] = output
        found = self._subtasks(task, result)
        if isinstance(found, Failure):
            return 1, 1
        total = to_run = 0
        for one in found:
            decision = self._decide(one, made)
            total += 1
            if isinstance(decision, MaySkip) and decision.result.submitted:
                inner = self._count_subtasks(one, decision.result, made)
                total, to_run = total + inner[0], to_run + inner[1]
            elif isinstance(decision, MaySkip):
                made.update(((one.name, output.name), output) for output in decision.result.outputs)
            else:
                to_run += 1
        return total, to_run

    def items(self, task: TaskSpec, result: Result | None) -> tuple[TaskSpec, ...] | Failure:
        """The repetitions of a task, or its sub-tasks; why there are none where one cannot stand where it is wanted."""
        if task.each is None:
            assert result is not None
            return self._subtasks(task, result)
        try:
            items = known_items(task)
            if items is None:
                assert result is not None
                items = listed_items(result.outputs[0].path)
            return repetitions(task, items)
        except Unfit as why:
            return unrepeatable(str(why), "change the items, or what is made of them")
        except (OSError, ValueError) as error:
            return unrepeatable(f"its items cannot be read: {error}", "run it with --force, which lists them anew")

    def _subtasks(self, task: TaskSpec, result: Result) -> tuple[TaskSpec, ...] | Failure:
        try:
            return subtasks(task, result.submitted, self.spec.project)
        except Unfit as why:
            return unsubmittable(str(why))

    def parted(self, task: TaskSpec, inputs: Inputs) -> Parted | Entire | None:
        """What an attempt with these inputs computes of a task by partition; None for any other, and for one that is only checked."""
        if task.partition is None or self.partitions is None or inputs.stored is not None:
            return None
        anew = self.runs_always(task)
        is_anew = anew is not None and anew.code != "backfilled"
        return self.partitions.of(task, inputs, anew=is_anew, again=self.again.get(task.name, frozenset()))

    def decide(self, task: TaskSpec, upstream: Mapping[Dataset, StoredOutput]) -> Decision:
        """Whether the task has to run, now that all it reads is settled."""
        decision = self._decide(task, upstream)
        if not isinstance(decision, MaySkip) or not decision.result.submitted:
            return decision
        made = dict(upstream)
        total, to_run = self._count_subtasks(task, decision.result, made)
        if to_run:
            return Repeats(Reason("subtasks_run", of_all(to_run, total, "sub-task")), decision.result)
        self.gathered |= {one: made[one] for one in made.keys() - upstream.keys() if one[0] != task.name}
        return decision

    def _decide(self, task: TaskSpec, upstream: Mapping[Dataset, StoredOutput]) -> Decision:
        if task.when and not (task.each is not None and asks_for_item(task.when)):
            try:
                if not holds(task, self.returned, upstream):
                    return Omits(Reason("omitted", task.when))
            except Undecidable as why:
                return Refused(undecidable(task.when, str(why)))
            except Lacking as why:
                return Refused(lacking(str(why)))
        if task.each is not None:
            return self._decide_items(task, upstream)
        if task.results:
            told = self.handing(task, upstream)
            if isinstance(told, Failure):
                return Refused(told)
            task = told
        listed = self.inputs(task, upstream)
        if isinstance(listed, Missing):
            return listed
        kept = self._recorded(task, self.kept.get(task.name))
        if kept is not None and kept.key == listed.key and not (self._lost_output(kept) or self.not_kept(task, kept)):
            return self._unless_unchecked(task, listed, MaySkip(Reason("kept"), kept), is_same_run=True)
        reason = self.runs_always(task) or self.unknown_secret(task)
        if reason is not None:
            return MustRun(reason, listed)
        return self._compare(task, listed, upstream)

    def handing(self, task: TaskSpec, upstream: Mapping[Dataset, StoredOutput]) -> TaskSpec | Failure:
        """The task with what it is handed of the results of others."""
        try:
            return handed(task, self.returned, upstream)
        except Lacking as why:
            return lacking(str(why))

    def _decide_items(self, task: TaskSpec, upstream: Mapping[Dataset, StoredOutput]) -> Decision:
        """Whether the items of a repeated task are known, or have to be listed first."""
        items = known_items(task)
        if items is not None:
            return Repeats(Reason("items", of_all(len(items), len(items))))
        decision = self.decide(lister(task), upstream)
        return Repeats(decision.reason, decision.result) if isinstance(decision, MaySkip) else decision

    def runs_always(self, task: TaskSpec) -> Reason | None:
        """Why a task runs whatever it reads, and whatever is stored of it."""
        if self.force and (self.chosen is None or task.called in self.chosen):
            return Reason("forced")
        if task.name in self.again:
            values = self.again[task.name]
            return Reason("backfilled", f"{len(values)} partition{'' if len(values) == 1 else 's'}")
        if not task.skip.can_skip:
            return Reason("disabled") if task.skip.why_not == "disabled" else Reason("always", task.skip.why_not)
        return None

    def _compare(self, task: TaskSpec, listed: Inputs, upstream: Mapping[Dataset, StoredOutput]) -> Decision:
        last = self._recorded(task, self.stored.get(task.name))
        if task.whole_of:
            return self._compare_whole(task, listed, last)
        if last is None:
            return MustRun(Reason("first"), listed)
        differing = changes(last.parts, listed.parts, task.skip)
        result = self._recorded(task, self.find(self.spec.name, task.name, listed.key)) or last
        if differing and (result is last or self._lost_output(result)):
            return MustRun(Reason("changed", changes=differing), listed)
        expired = _expired(self.now - result.committed_at, task.skip.max_age)
        if expired is not None:
            return MustRun(expired, listed)
        lost = self._lost_output(result)
        if lost is not None:
            return MustRun(lost, listed)
        lacking = self.not_kept(task, result)
        if lacking is not None:
            self._keep_all_rows(task, result)
            return MustRun(lacking, listed)
        reason = self._unaffected(task, upstream) or _skip_reason(task.skip)
        return self._unless_unchecked(task, listed, MaySkip(reason, result))

    def _compare_whole(self, task: TaskSpec, listed: Inputs, last: Result | None) -> Decision:
        """Whether these rows of all items have passed the expectations of now."""
        result = self.find(self.spec.name, task.name, listed.key) or last
        if result is not None and result.key == listed.key:
            return self._unless_unchecked(task, listed, MaySkip(_skip_reason(task.skip), result))
        wanted = listed.checks if result is None else (*listed.parts, *listed.checks)
        known = {part.field: part.value for part in result.parts} if result is not None else {}
        differing = (Change(part.field, known.get(part.field), part.value) for part in wanted)
        return MustRun(Reason("unchecked", changes=tuple(one for one in differing if one.old != one.new)), listed)

    def _recorded(self, task: TaskSpec, result: Result | None) -> Result | None:
        """The result of an item with its outputs in this project: one that was copied finds none of another."""
        return self.here(task, result) if result is not None and (task.item or task.depth) else result

    def _unaffected(self, task: TaskSpec, upstream: Mapping[Dataset, StoredOutput]) -> Reason | None:
        """What of changed outputs the task reads, and found as it was; None where none of them changed in this run."""
        told: list[str] = []
        for read in task.reads:
            columns = self.read_sets.columns(task.name, read.name)
            before = self.stored.get(read.producer[0]) if read.producer else None
            if columns is None or read.producer is None or before is None or is_narrowed(task.skip):
                continue
            if all(one.digest != upstream[read.producer].digest for one in before.outputs):
                told.append(f"{shown(columns)} of {read.name}")
        return Reason("unaffected", "; ".join(told)) if told else None

    def _unless_unchecked(
        self, task: TaskSpec, listed: Inputs, skip: MaySkip, *, is_same_run: bool = False
    ) -> MaySkip | MustRun:
        """A skip is only for what has passed the expectations of now: else these alone are checked."""
        reason = unchecked(task, listed.checks, skip.result, is_same_run=is_same_run)
        if reason is None:
            return skip
        watched: dict[str, Identity] = {}
        for output in skip.result.outputs:
            try:
                content = self.files.content(output.path)
            except OSError:
                content = None
            if content is None or content[1] != output.digest:
                return MustRun(Reason("output_changed", output.path), listed)
            watched[output.path] = content[0]
        return MustRun(reason, replace(listed, stored=skip.result, watched=watched))

    def standing(self, task: TaskSpec, listed: Inputs, key: str) -> Result | None:
        """The result under that key, if all that it has made is there, serves its readers, and has passed the task's expectations."""
        result = self._recorded(task, self.find(self.spec.name, task.name, key))
        if result is None or self._lost_output(result) or self.not_kept(task, result):
            return None
        return None if unchecked(task, listed.checks, result, is_same_run=False) else result

    def attempt(self, task: TaskSpec, upstream: Mapping[Dataset, StoredOutput]) -> Inputs | Missing:
        """What an attempt that begins now reads: a task whose result stands is only checked, as it was decided."""
        if not task.checks:
            return self.inputs(task, upstream)
        decision = self.decide(task, upstream)
        match decision:
            case MustRun():
                return decision.inputs
            case Missing():
                return decision
            case MaySkip() | Repeats() | Omits() | Refused():
                return self.inputs(task, upstream)

    def stored_output(self, dataset: Dataset) -> StoredOutput | None:
        """What the last result of a task has of an output."""
        last = self.stored.get(dataset[0])
        return None if last is None else next((one for one in last.outputs if one.name == dataset[1]), None)

    def view(self, task: TaskSpec, name: str, inputs: Inputs) -> StoredOutput:
        """An output that is not stored. Who reads it knows it by the key of its query, or of one that gave it the same.

        Those are the earlier queries that are proved to have the same rows of some columns, over the same inputs.
        """
        view = StoredOutput(name, "", VIEW + inputs.key, 0)
        asked = self.read_sets.asked.get(task.name)
        if asked is None:
            return view
        return replace(view, tuples=Tuples(name_of(asked.known), alike=tuple(self._alike(task, name, inputs, asked))))

    def _alike(self, task: TaskSpec, name: str, inputs: Inputs, asked: OrderTuples) -> Iterator[tuple[str, str]]:
        last, before = self.stored.get(task.name), self.stored_output((task.name, name))
        if last is None or before is None or not before.is_view or before.tuples is None:
            return
        differing = changes(last.parts, inputs.parts, task.skip)
        earlier = next((one.old for one in differing if one.field == "sql"), None)
        # An input that is known by some columns may have others by now, which the earlier query would find.
        if len(differing) > 1 or earlier is None or not all(map(_is_known_whole, inputs.inputs)):
            return
        if self.unchanged is None:
            return
        for columns in asked.sets:
            if self.unchanged(task.name, earlier, columns):
                wanted = name_of(columns)
                known = [before.digest, *(digest for held, digest in before.tuples.alike if held == wanted)]
                yield from ((wanted, digest) for digest in known[:_KNOWN_AS])

    def known_as(self, task: str, key: str, output: StoredOutput) -> StoredOutput:
        """An output that was made, with the digests that readers know it by if it is one that they have had.

        Under one key a query has one answer: kept in another shape, it is the same rows.
        """
        last = self.stored.get(task)
        if last is None or last.key != key or not self.keeping(task).is_exact:
            return output
        before = next((one for one in last.outputs if one.name == output.name), None)
        if before is None:
            return output
        others = tuple(one for one in (before.digest, *before.also) if one != output.digest)
        asked = self.read_sets.asked.get(task)
        same = [(name_of(columns), one) for columns in asked.sets for one in others] if asked is not None else ()
        return replace(output, also=others[:_KNOWN_AS], tuples=_of_both(output.tuples, before.tuples, same))

    def not_kept(self, task: TaskSpec, result: Result) -> Reason | None:
        """Why what is stored does not serve those that read it, if so."""
        found = (lacks(output, self.keeping(task.name)) for output in result.outputs)
        detail = next((one for one in found if one), "")
        return Reason("not_kept", detail) if detail else None

    def _keep_all_rows(self, task: TaskSpec, result: Result) -> None:
        """Once is enough: where readers ask for other rows while the query stays, they may ask for others again."""
        keeping = self.keeping(task.name)
        if any(output.where is not None for output in result.outputs):
            self.keepings[task.name] = replace(keeping, shape=replace(keeping.shape, where=None))

    def _lost_output(self, result: Result) -> Reason | None:
        for output in result.outputs:
            if output.is_view:
                continue
            try:
                digest = self.files.digest(output.path)
            except ObjectError as error:
                return Reason("output_unknown", str(error))
            except OSError:
                return Reason("output_changed", output.path)
            if digest is None:
                return Reason("output_missing", output.path)
            if digest != output.digest:
                return Reason("output_changed", output.path)
        return None


class Unchanged(Protocol):
    """Whether a task's query is proved to have the same rows of these columns as the query `before`, over the same data."""

    def __call__(self, task: str, before: str, columns: Columns) -> bool: ...


class FindResult(Protocol):
    """Looks up a result by pipeline, task and exact key."""

    def __call__(self, pipeline: str, task: str, key: str) -> Result | None: ...


def _of_both(now: Tuples | None, before: Tuples | None, same: Iterable[tuple[str, str]]) -> Tuples | None:
    """The digests of the same rows, some of which cannot be taken of each shape that they are kept in."""
    if now is None or before is None or now.known != before.known:
        return now
    digests = {**dict(before.digests), **dict(now.digests)}
    return replace(now, digests=tuple(digests.items()), alike=tuple(dict.fromkeys((*now.alike, *before.alike, *same))))


def _is_known_whole(one: Input) -> bool:
    """Whether the key holds what tells all of an input, and not only some columns of it."""
    return one.read.producer is None or (bool(one.digest) and one.digest in one.parts[0].value)


def of_all(count: int, total: int, what: str = "item") -> str:
    """A count of items in words."""
    return f"{total:,} {what}{'' if total == 1 else 's'}" if count == total else f"{count:,} of {total:,} {what}s"


def _expired(age: float, max_age: float | None) -> Reason | None:
    """Why a result of that age (in seconds) is too old, if it is."""
    if max_age is None or 0 <= age <= max_age:
        return None
    if age < 0:
        return Reason("expired", "it is dated in the future, for the clock was set back")
    return Reason("expired", f"{age:.0f}s old, {max_age:.0f}s allowed")


def _skip_reason(skip: SkipSpec) -> Reason:
    if skip.vouched:
        return Reason("vouched", "it may see more than it declares, and incremental was written for it")
    if is_narrowed(skip):
        narrowed = [f"strategy {skip.strategy}"] if skip.strategy != "hybrid" else []
        narrowed += ["checksum_fields"] if skip.checksum_fields else []
        narrowed += [] if skip.dependency_check else ["dependency_check false"]
        return Reason("vouched", f"incremental compares less: {', '.join(narrowed)}")
    return Reason("up_to_date")
