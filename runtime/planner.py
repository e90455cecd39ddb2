"""Decides what has to run: the pipeline's keys against what is stored, each answer with its reason."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from trc.compiler.ir.uris import is_glob
from trc.runtime.fingerprint import SECRET, UPSTREAM, changes, input_parts, is_narrowed, key_of
from trc.runtime.passed import EXPECT, unchecked
from trc.runtime.plan import Plan, PlannedTask
from trc.runtime.reasons import Reason
from trc.runtime.spec import KeyPart, PipelineSpec, ReadSpec, SkipSpec, TaskSpec
from trc.runtime.store.results import FileIdentity, Result, StoredOutput
from trc.runtime.taskside.result import Failure

Dataset = tuple[str, str]
"""A task and the name of its output."""


class Files(Protocol):
    """What the planner asks of storage."""

    def list(self, uri: str) -> Sequence[str]:
        """The files at a path or glob, sorted; none if there are none. Raises OSError for what cannot be read."""
        ...

    def digest(self, path: str) -> str | None:
        """The digest of a file's bytes, or None where there is no file. Raises OSError as `list` does."""
        ...

    def content(self, path: str) -> tuple[FileIdentity, str] | None:
        """What the file system says of a file, and the digest that its bytes had then; else as `digest`."""
        ...


@dataclass(frozen=True, slots=True)
class Input:
    """A read as it is now: its files in order, the parts that they add to the key, and how to tell that they moved."""

    read: ReadSpec
    files: tuple[str, ...]
    parts: tuple[KeyPart, ...]
    identities: Mapping[str, FileIdentity]


@dataclass(frozen=True, slots=True)
class Inputs:
    """All that an attempt would read, and the key that follows from it."""

    inputs: tuple[Input, ...]
    parts: tuple[KeyPart, ...]
    key: str
    looked_up: tuple[Input, ...] = ()
    """What expectations look values up in; it counts in the key of the checks alone."""
    checks: tuple[KeyPart, ...] = ()
    """What the key of the checks is made of."""
    stored: Result | None = None
    """The committed result whose outputs are only to be checked; None where the task itself is to run."""
    watched: Mapping[str, FileIdentity] = field(default_factory=dict[str, FileIdentity])
    """The files of `stored`, as they were found."""


@dataclass(frozen=True, slots=True)
class MustRun:
    reason: Reason
    inputs: Inputs


@dataclass(frozen=True, slots=True)
class MaySkip:
    """`result` is the committed result that stands for the task."""

    reason: Reason
    result: Result


@dataclass(frozen=True, slots=True)
class Missing:
    """The task cannot begin: `uri` has no file, or (`moved`) another one than it should."""

    uri: str
    reason: Reason
    moved: bool = False

    @property
    def failure(self) -> Failure:
        """What becomes of a task that would have to begin now."""
        return Failure(self.reason.detail, kind="permanent", reason="input_moved" if self.moved else "input_missing")


Decision = MustRun | MaySkip | Missing


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
    _keys: dict[str, tuple[tuple[KeyPart, ...], str]] = field(
        default_factory=dict[str, tuple[tuple[KeyPart, ...], str]]
    )
    """By task, the key of the parts that it had last."""

    def forecast(self, logical_time: str) -> Plan:
        """What a run would do now. A task whose upstream is not settled is `maybe`, unless it has to run anyway."""
        settled: dict[Dataset, StoredOutput] = {}
        planned: dict[str, PlannedTask] = {}
        for task in self.spec.tasks:
            planned[task.name] = self._foresee(task, settled, planned)
        return Plan(self.spec.name, self.spec.digest, logical_time, tuple(planned.values()))

    def _foresee(
        self, task: TaskSpec, settled: dict[Dataset, StoredOutput], planned: Mapping[str, PlannedTask]
    ) -> PlannedTask:
        # What a task only waits for may write what it reads, without a word in the pipeline.
        open_needs = [need.task for need in task.needs if not need.data and planned[need.task].action != "skip"]
        waits_for = [*_unsettled(task, settled), *open_needs]
        if waits_for:
            reason = self._runs_whatever_it_reads(task)
            if reason is not None:
                return PlannedTask(task.name, "run", reason)
            return PlannedTask(task.name, "maybe", Reason("upstream_runs", ", ".join(dict.fromkeys(waits_for))))
        decision = self.decide(task, settled)
        match decision:
            case MustRun():
                stored = decision.inputs.stored
                return PlannedTask(task.name, "run", decision.reason, stored.key if stored else decision.inputs.key)
            case MaySkip():
                for output in decision.result.outputs:
                    settled[task.name, output.name] = output
                return PlannedTask(task.name, "skip", decision.reason, decision.result.key)
            case Missing():
                return PlannedTask(task.name, "blocked", decision.reason)

    def _runs_whatever_it_reads(self, task: TaskSpec) -> Reason | None:
        """Why the task has to run even if its upstreams turn out unchanged."""
        reason = self._runs_always(task)
        if reason is not None:
            return reason
        last = self.stored.get(task.name)
        if last is None:
            return Reason("first")
        unknown = self._unknown_secret(task)
        if unknown is not None:
            return unknown
        old = [part for part in last.parts if not _is_input_content(part)]
        differing = changes(old, (*task.key_parts, *self._secret_parts(task)), task.skip)
        return Reason("changed", changes=differing) if differing else None

    def decide(self, task: TaskSpec, upstream: Mapping[Dataset, StoredOutput]) -> Decision:
        """Whether the task has to run, now that all it reads is settled."""
        listed = self.inputs(task, upstream)
        if isinstance(listed, Missing):
            return listed
        kept = self.kept.get(task.name)
        if kept is not None and kept.key == listed.key and not self._lost_output(kept):
            return self._unless_unchecked(task, listed, MaySkip(Reason("kept"), kept), is_same_run=True)
        reason = self._runs_always(task) or self._unknown_secret(task)
        if reason is not None:
            return MustRun(reason, listed)
        return self._compare(task, listed)

    def _runs_always(self, task: TaskSpec) -> Reason | None:
        if self.force:
            return Reason("forced")
        if not task.skip.can_skip:
            return Reason("disabled") if task.skip.why_not == "disabled" else Reason("always", task.skip.why_not)
        return None

    def _unknown_secret(self, task: TaskSpec) -> Reason | None:
        """Why the key cannot be computed, where that is for a secret."""
        found = (self._version(secret.ref) for secret in task.secrets if secret.versioned)
        return next((one for one in found if isinstance(one, Reason)), None)

    def _secret_parts(self, task: TaskSpec) -> tuple[KeyPart, ...]:
        """What tells of secrets in the key that no reference tells: which of their values it is."""
        versions = ((one.ref, self._version(one.ref)) for one in task.secrets if one.versioned)
        return tuple(
            # One that is not known is never compared: the task runs.
            KeyPart(SECRET + ref, "environment", "unknown" if isinstance(version, Reason) else version)
            for ref, version in versions
        )

    def _version(self, ref: str) -> str | Reason:
        assert self.secret_version is not None
        return self.secret_version(ref)

    def _compare(self, task: TaskSpec, listed: Inputs) -> Decision:
        last = self.stored.get(task.name)
        if last is None:
            return MustRun(Reason("first"), listed)
        differing = changes(last.parts, listed.parts, task.skip)
        result = self.find(self.spec.name, task.name, listed.key) or last
        if differing and (result is last or self._lost_output(result)):
            return MustRun(Reason("changed", changes=differing), listed)
        expired = _expired(self.now - result.committed_at, task.skip.max_age)
        if expired is not None:
            return MustRun(expired, listed)
        lost = self._lost_output(result)
        if lost is not None:
            return MustRun(lost, listed)
        return self._unless_unchecked(task, listed, MaySkip(_skip_reason(task.skip), result))

    def _unless_unchecked(
        self, task: TaskSpec, listed: Inputs, skip: MaySkip, *, is_same_run: bool = False
    ) -> MaySkip | MustRun:
        """A skip is only for what has passed the expectations of now: else these alone are checked."""
        reason = unchecked(task, listed.checks, skip.result, is_same_run=is_same_run)
        if reason is None:
            return skip
        watched: dict[str, FileIdentity] = {}
        for output in skip.result.outputs:
            try:
                content = self.files.content(output.path)
            except OSError:
                content = None
            if content is None or content[1] != output.digest:
                return MustRun(Reason("output_changed", output.path), listed)
            watched[output.path] = content[0]
        return MustRun(reason, replace(listed, stored=skip.result, watched=watched))

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
            case MaySkip():
                return self.inputs(task, upstream)

    def _lost_output(self, result: Result) -> Reason | None:
        for output in result.outputs:
            try:
                digest = self.files.digest(output.path)
            except OSError:
                return Reason("output_changed", output.path)
            if digest is None:
                return Reason("output_missing", output.path)
            if digest != output.digest:
                return Reason("output_changed", output.path)
        return None

    def inputs(self, task: TaskSpec, upstream: Mapping[Dataset, StoredOutput]) -> Inputs | Missing:
        """Lists what the task reads, now, with the content identity of each file."""
        inputs: list[Input] = []
        for read in task.reads:
            one = self._input(read, upstream)
            if isinstance(one, Missing):
                return one
            inputs.append(one)
        own = (*task.key_parts, *self._secret_parts(task)) if task.secrets else task.key_parts
        parts = (*own, *(part for one in inputs for part in one.parts))
        listed = Inputs(tuple(inputs), parts, self._key(task.name, parts))
        return self._with_lookups(task, listed, upstream) if task.checks else listed

    def _with_lookups(
        self, task: TaskSpec, listed: Inputs, upstream: Mapping[Dataset, StoredOutput]
    ) -> Inputs | Missing:
        looked_up: list[Input] = []
        for read in task.check_reads:
            one = self._input(read, upstream)
            if isinstance(one, Missing):
                return one
            looked_up.append(one)
        found = (part for one in looked_up for part in one.parts)
        checks = (*task.check_parts, *(KeyPart(EXPECT + part.field, "checks", part.value) for part in found))
        return replace(listed, looked_up=tuple(looked_up), checks=checks)

    def _key(self, task: str, parts: tuple[KeyPart, ...]) -> str:
        """Asked for each task when it is foreseen, decided and begun, as a rule about the same parts."""
        known = self._keys.get(task)
        if known is None or known[0] != parts:
            known = self._keys[task] = (parts, key_of(parts))
        return known[1]

    def _input(self, read: ReadSpec, upstream: Mapping[Dataset, StoredOutput]) -> Input | Missing:
        if read.producer is not None:
            return self._written_input(read, upstream[read.producer], read.producer[0])
        assert read.uri is not None
        try:
            paths = self.files.list(read.uri)
            found = {path: self.files.content(path) for path in paths}
        except OSError as error:
            return Missing(read.uri, Reason("blocked", f'the input "{read.name}" cannot be read: {error}'))
        contents = {path: content for path, content in found.items() if content is not None}
        if not contents and not is_glob(read.uri):
            return Missing(read.uri, Reason("blocked", f'the input "{read.name}" is not there: {read.uri}'))
        named = {_relative(path, self.spec.project): digest for path, (_, digest) in contents.items()}
        identities = {path: identity for path, (identity, _) in contents.items()}
        return Input(read, tuple(path for path in paths if path in contents), input_parts(read.name, named), identities)

    def _written_input(self, read: ReadSpec, output: StoredOutput, producer: str) -> Input | Missing:
        """A task's output, if it still is what the task wrote: a key that names other bytes would be a lie for ever."""
        try:
            content = self.files.content(output.path)
        except OSError as error:
            return Missing(output.path, Reason("blocked", f'the input "{read.name}" cannot be read: {error}'))
        if content is None or content[1] != output.digest:
            what = "is gone" if content is None else "was changed by someone else"
            detail = f'the input "{read.name}", {output.path}, {what} after the task "{producer}" wrote it'
            return Missing(output.path, Reason("blocked", detail), moved=True)
        part = KeyPart(f"{UPSTREAM}{read.name}", "inputs", output.digest)
        return Input(read, (output.path,), (part,), {output.path: content[0]})


class FindResult(Protocol):
    """Looks up a result by pipeline, task and exact key."""

    def __call__(self, pipeline: str, task: str, key: str) -> Result | None: ...


def _unsettled(task: TaskSpec, settled: Mapping[Dataset, StoredOutput]) -> list[str]:
    """The upstream tasks whose data is not known before the run."""
    names: dict[str, None] = {}
    for read in (*task.reads, *task.check_reads):
        if read.producer is not None and read.producer not in settled:
            names[read.producer[0]] = None
        for feeder in read.feeders:
            if not any(name == feeder for name, _ in settled):
                names[feeder] = None
    return list(names)


def _expired(age: float, max_age: float | None) -> Reason | None:
    """Why a result of that age (in seconds) is too old, if it is."""
    if max_age is None or 0 <= age <= max_age:
        return None
    if age < 0:
        return Reason("expired", "it is dated in the future, for the clock was set back")
    return Reason("expired", f"{age:.0f}s old, {max_age:.0f}s allowed")


def _is_input_content(part: KeyPart) -> bool:
    """Whether the part was added for an input's content, and not by the pipeline itself."""
    return part.field.startswith(UPSTREAM) or (part.group == "inputs" and part.field.endswith("]"))


def _skip_reason(skip: SkipSpec) -> Reason:
    if skip.vouched:
        return Reason("vouched", "it may see more than it declares, and incremental was written for it")
    if is_narrowed(skip):
        narrowed = [f"strategy {skip.strategy}"] if skip.strategy != "hybrid" else []
        narrowed += ["checksum_fields"] if skip.checksum_fields else []
        narrowed += [] if skip.dependency_check else ["dependency_check false"]
        return Reason("vouched", f"incremental compares less: {', '.join(narrowed)}")
    return Reason("up_to_date")


def _relative(path: str, project: str) -> str:
    if not path.startswith(project + "/"):
        return path
    within = path[len(project) + 1 :]
    if within == os.path.normpath(within):  # nearly always, and a Path costs many times as much
        return within
    return Path(path).relative_to(project).as_posix()
