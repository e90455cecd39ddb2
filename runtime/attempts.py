"""The attempts of a run, from their orders to their published outputs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from trc.compiler.ir.uris import is_glob, is_remote
from trc.runtime.clock import Clock
from trc.runtime.codewatch import CodeWatch
from trc.runtime.fingerprint import SECRET, key_of
from trc.runtime.keeping import tag
from trc.runtime.listing import Dataset, Inputs, Missing
from trc.runtime.logs import tail
from trc.runtime.orders import Orders
from trc.runtime.partitions import Entire, Manifest, Parted, named_after, write_manifest
from trc.runtime.passed import with_verdict
from trc.runtime.planner import Planner
from trc.runtime.repeated import lister
from trc.runtime.scheduler.commands import Start
from trc.runtime.scheduler.failures import UNKNOWN_OUTCOME
from trc.runtime.sharing import shared
from trc.runtime.spec import KeyPart, SecretSpec, TaskSpec
from trc.runtime.storage.errors import told_as
from trc.runtime.store.journal import DeadLetter, TaskRecord
from trc.runtime.store.parts import StoredParts, encode_parts
from trc.runtime.store.results import Identity, Result, StoredOutput
from trc.runtime.subtasks import subtasks, unsubmittable
from trc.runtime.taskside.items import Unfit
from trc.runtime.taskside.order import OrderSecret, TaskOrder
from trc.runtime.taskside.parts import PartRecord, read_record
from trc.runtime.taskside.result import AttemptResult, Failure, WrittenOutput


class Outlet(Protocol):
    """What publishing asks of storage."""

    def identity(self, path: str) -> Identity | None:
        """What the file system says of the file now, or None where there is none."""
        ...

    def publish_all(self, files: Sequence[tuple[str, str]]) -> None:
        """Puts staged files in their places, all or none; raises OSError in the reader's words."""
        ...

    def adopt(self, path: str, digest: str) -> str:
        """Takes it on trust, for this run, that the file now there has this digest; answers the one it is known by."""
        ...

    def discard(self, staged: str) -> None:
        """Removes a staged file, if it is there."""
        ...


class Secrets(Protocol):
    """What beginning an attempt asks of the run's secrets."""

    def values(self, secrets: Sequence[SecretSpec], versions: Mapping[str, str]) -> tuple[OrderSecret, ...] | Failure:
        """The values of secrets, of those versions where one is named; else why there are none."""
        ...


@dataclass(slots=True)
class Attempt:
    """One attempt that was handed to the executor."""

    task: TaskSpec
    number: int
    order: TaskOrder
    inputs: Inputs
    parts: Sequence[KeyPart]
    """Those of the inputs, written out for the store ahead of the commit that waits for them."""
    result: AttemptResult | None = None
    parted: Parted | Entire | None = None
    """The partitions that it is made of, if it is to run by partition."""
    shared: StoredOutput | None = None
    """What an equal task has stored, if nothing is to be computed."""


@dataclass(slots=True)
class Attempts:
    """Prepares, remembers and publishes the attempts of one run."""

    tasks: dict[str, TaskSpec]
    """By name, the tasks of the run, and the repetitions that were added."""
    planner: Planner
    orders: Orders
    outlet: Outlet
    clock: Clock
    outputs: dict[str, tuple[StoredOutput, ...]] = field(default_factory=dict[str, tuple[StoredOutput, ...]])
    """What the tasks that ran have published, by task."""
    committed: set[str] = field(default_factory=set[str])
    """The keys of what they published."""
    secrets: Secrets | None = None
    """Fetches values of secrets; None where no task is given one."""
    trace: Callable[[str], Mapping[str, str]] | None = None
    """Answers the variables that name a task's span; None where no traces are told."""
    _code: CodeWatch = field(init=False)
    _live: dict[str, Attempt] = field(default_factory=dict[str, Attempt])
    _names: dict[str, str] = field(default_factory=dict[str, str])
    _folders: set[str] = field(default_factory=set[str])
    _seen: dict[str, Identity | None] = field(default_factory=dict[str, "Identity | None"])
    """What was looked at since the run loop last heard anything."""

    def __post_init__(self) -> None:
        self._code = CodeWatch(self.orders.spec.project, self._look)

    def add(self, repetitions: Iterable[TaskSpec]) -> None:
        """From now on there are these repetitions of a task, too."""
        self.tasks.update((one.name, one) for one in repetitions)

    def look_again(self) -> None:
        """Forgets what files looked like: attempts may have ended since, and nothing seen before may speak for them."""
        self._seen.clear()
        self.planner.look_again()

    def _look(self, path: str) -> Identity | None:
        """What the file system says of a file that many tasks may read: asked once for all that ended together."""
        if path not in self._seen:
            self._seen[path] = self.outlet.identity(path)
        return self._seen[path]

    def knows_all(self, task: str, listed: Mapping[str, Inputs]) -> bool:
        """Whether `prepare` can write the task's order from what is `listed`, and asks neither store nor providers of secrets."""
        spec = self.tasks[task]
        return task in listed and not spec.secrets and spec.partition is None and not self.planner.keeping(task).same_as

    def prepare(
        self, start: Start, settled: Mapping[Dataset, StoredOutput], listed: Inputs | None = None
    ) -> TaskOrder | Failure:
        """Writes the attempt's order, for what it reads as `listed` a moment ago, or else lists it now.

        It is listed once: whatever moves from then on is seen before the outputs are published.
        """
        task = self.tasks[start.task]
        if task.each is not None:
            task = lister(task)
        elif task.results:
            told = self.planner.handing(task, settled)
            if isinstance(told, Failure):
                return told
            task = told
        self._names[start.token] = start.task
        inputs = listed or self.planner.attempt(task, settled)
        if isinstance(inputs, Missing):
            return inputs.failure
        edited = self._code.edited(task.code)
        if edited:
            message = f'the code in "{min(edited)}" changed since the run began; run it again to use the new code'
            return Failure(message, kind="permanent", reason="input_moved")
        secrets = self._secrets(task, inputs) if task.secrets else ()
        if isinstance(secrets, Failure):
            return secrets
        try:
            found = shared(task, self.planner, self.orders.places, settled)
            parted = None if found is not None else self.planner.parted(task, inputs)
            order = self.orders.order(task, inputs, start.attempt, start.token, is_shared=found is not None)
            if isinstance(parted, Parted):
                order = replace(order, parts=named_after(parted.order, parted.folder, start.token))
                inputs = replace(inputs, watched={**inputs.watched, **parted.identities})
            if self.trace is not None:
                order = replace(order, trace=dict(self.trace(task.name)))
            self._make_folders(order)
        except OSError as error:
            return Failure(str(error), kind="unknown", reason="publish", type=type(error).__name__)
        # What is remembered of the attempt holds references alone.
        parts = StoredParts(encode_parts(inputs.parts))
        self._live[start.token] = Attempt(task, start.attempt, order, inputs, parts, parted=parted, shared=found)
        return replace(order, secrets=secrets) if secrets else order

    def _secrets(self, task: TaskSpec, inputs: Inputs) -> tuple[OrderSecret, ...] | Failure:
        """The values of the task's secrets, in the versions that the attempt's key tells."""
        assert self.secrets is not None
        known = {part.field[len(SECRET) :]: part.value for part in inputs.parts if part.field.startswith(SECRET)}
        found = self.secrets.values(task.secrets, {ref: one for ref, one in known.items() if one != "unknown"})
        if isinstance(found, Failure) or (inputs.stored is None and not task.whole_of):
            return found
        # Where stored data are only checked, no code runs that is given them: they are to be masked.
        return tuple(replace(one, places=()) for one in found)

    def _make_folders(self, order: TaskOrder) -> None:
        for path in (order.log, *(output.path for output in order.outputs)):
            folder = path.rpartition("/")[0]
            if folder not in self._folders:
                os.makedirs(folder, exist_ok=True)  # noqa: PTH103
                self._folders.add(folder)

    def task_of(self, token: str) -> str:
        return self._names[token]

    def letter(self, record: TaskRecord) -> DeadLetter:
        """What is kept of a task that has failed for good."""
        attempt = self._live.get(record.token or "")
        error = record.error or {}
        is_unknown = error.get("reason") == UNKNOWN_OUTCOME
        return DeadLetter(
            record.run,
            record.task,
            record.attempt,
            "unknown_outcome" if is_unknown else "failed",
            error,
            None if attempt is None else attempt.order.to_dict(),
            tail(self.log_of(record.task, record.attempt)) if record.attempt else "",
            self.clock.now(),
        )

    def never_began(self, token: str, failure: Failure, now: float) -> AttemptResult:
        """The result of an attempt that could not be handed over."""
        return AttemptResult(token, failure, started_at=now, ended_at=now)

    def ended(self, token: str, result: AttemptResult) -> None:
        attempt = self._live.get(token)
        if attempt is not None:
            attempt.result = result

    def log_of(self, task: str, attempt: int) -> str:
        """The log file of an attempt."""
        return self.orders.places.log(self.orders.run, task, attempt)

    def discard(self, token: str) -> None:
        """Drops what an attempt staged."""
        attempt = self._live.pop(token, None)
        if attempt is not None:
            for output in attempt.order.outputs:
                self.outlet.discard(output.path)

    def publish(self, token: str, permits: Callable[[str, str], bool]) -> Result | Failure:
        """Puts the outputs of a successful attempt in place, and answers the result that is to be committed with them.

        Nothing is touched unless the inputs are those that were listed and the attempt is still the
        task's current one, which `permits` tells of a task and a token: whoever calls holds the store's write lock until
        the result is durable.
        """
        attempt = self._live[token]
        assert attempt.result is not None
        if attempt.result.submitted:
            try:
                subtasks(attempt.task, attempt.result.submitted, self.orders.spec.project)
            except Unfit as why:
                return unsubmittable(str(why))
        moved = self._moved_input(attempt)
        if moved is not None:
            message = f'the input "{moved}" changed while it was read'
            return Failure(message, kind="temporary", reason="input_moved")
        if not permits(attempt.task.name, token):
            return Failure("another attempt has taken this one's place", kind="permanent", reason="fenced")
        if len(attempt.result.checks) != len(attempt.task.checks):
            return Failure("its expectations were not evaluated", kind="permanent", reason="unchecked")
        if attempt.inputs.stored is not None:
            return self._confirm(attempt, attempt.inputs.stored)
        parts = self._parts(attempt)
        key = key_of(parts) if parts is not attempt.parts else attempt.inputs.key
        shape = self.planner.keeping(attempt.task.name).shape
        if attempt.shared is not None:
            outputs: tuple[StoredOutput, ...] = (attempt.shared,)
        elif shape.is_view:
            outputs = tuple(self.planner.view(attempt.task, one.name, attempt.inputs) for one in attempt.task.outputs)
        else:
            outputs = tuple(self._stored(attempt, key, written) for written in attempt.result.outputs)
        files = [(written.path, stored) for written, stored in zip(attempt.result.outputs, outputs)]
        try:
            self._note_parts(attempt, key)
            self.outlet.publish_all([(staged, stored.path) for staged, stored in files])
        except OSError as error:
            kind, reason = told_as(error, "publish")
            return Failure(str(error), kind=kind, reason=reason, type=type(error).__name__)
        for _, output in files:
            self._seen.pop(output.path, None)
            self.planner.wrote(output.path)
        outputs = tuple(self._adopted(output) for output in outputs) if files else outputs
        outputs = tuple(self.planner.known_as(attempt.task.name, key, output) for output in outputs)
        outputs += tuple(self._filled(place) for place in attempt.task.fills if attempt.order.filling)
        result = self._result(attempt, key, parts, outputs)
        if attempt.task.checks:
            result = with_verdict(result, attempt.inputs.checks)
        self.committed.add(key)
        self.outputs[attempt.task.name] = outputs
        del self._live[token]
        return result

    def _adopted(self, output: StoredOutput) -> StoredOutput:
        """A published output by the digest that it is known by where it lies."""
        digest = self.outlet.adopt(output.path, output.digest)
        return output if digest == output.digest else replace(output, digest=digest)

    def _filled(self, place: str) -> StoredOutput:
        """What lies below a place that the attempt has filled: a task is skipped while that is as it was left."""
        self.planner.wrote(place)
        try:
            content = self.planner.files.content(place)
        except OSError:
            # It is there, and nobody can say as what: the next run finds it to be another, and looks.
            content = None
        identity, digest = content or (None, "")
        return StoredOutput(place, place, digest, identity.size if identity else 0)

    def _note_parts(self, attempt: Attempt, key: str) -> None:
        """Records which parts the output is put together of, ahead of the output itself."""
        parted, spec = attempt.parted, attempt.task.partition
        if parted is None or spec is None or self.planner.partitions is None:
            return
        assert attempt.result is not None
        why = parted.why if isinstance(parted, Entire) else attempt.result.message
        parts: list[PartRecord] = []
        if isinstance(parted, Parted) and not why:
            found = (one.kept or read_record(parted.folder, one.key) for one in parted.partitions)
            parts = [one for one in found if one is not None]
        folder = self.planner.partitions.folder(attempt.task.name)
        write_manifest(folder, key, Manifest(spec.column, tuple(parts), why))

    def _confirm(self, attempt: Attempt, stored: Result) -> Result:
        """What was stored stays as it is, and has passed the expectations of now."""
        result = with_verdict(stored, attempt.inputs.checks)
        self.committed.add(result.key)
        self.outputs[attempt.task.name] = result.outputs
        del self._live[attempt.order.token]
        return result

    def _moved_input(self, attempt: Attempt) -> str | None:
        for path, identity in attempt.inputs.watched.items():
            if not self._is_still(path, identity):
                return path
        for one in (*attempt.inputs.inputs, *attempt.inputs.looked_up):
            for path, identity in one.identities.items():
                if not self._is_still(path, identity):
                    return path
            # A query reads the files of its order; other code may look at the folder by itself.
            uri = one.read.uri
            if uri is not None and attempt.task.query is None and _can_look(uri) and not self._lists(uri, one.files):
                return uri
        return None

    def _is_still(self, path: str, identity: Identity) -> bool:
        try:
            return self._look(path) == identity
        except OSError:
            return False

    def _lists(self, uri: str, files: tuple[str, ...]) -> bool:
        try:
            return tuple(self.planner.files.list(uri)) == files
        except OSError:
            return False

    def _parts(self, attempt: Attempt) -> Sequence[KeyPart]:
        """What the result was made of. Code that was edited meanwhile may have run or not: it equals no other."""
        edited = self._code.edited(attempt.task.code)
        if not edited:
            return attempt.parts
        fields = {f"code.{path}.digest": f"{digest} (edited while it ran)" for path, digest in edited.items()}
        return [
            KeyPart(part.field, part.group, fields[part.field]) if part.field in fields else part
            for part in attempt.inputs.parts
        ]

    def _stored(self, attempt: Attempt, key: str, written: WrittenOutput) -> StoredOutput:
        spec = next(one for one in attempt.task.outputs if one.name == written.name)
        ordered = next(one for one in attempt.order.outputs if one.name == written.name)
        form = tag(ordered.columns, ordered.where)
        final = self.orders.places.final(attempt.order.pipeline, attempt.task.name, key, spec, form)
        return StoredOutput(
            written.name,
            final,
            written.digest,
            written.size,
            written.rows,
            ordered.columns,
            ordered.where,
            tuples=written.tuples,
        )

    def _result(self, attempt: Attempt, key: str, parts: Sequence[KeyPart], outputs: Sequence[StoredOutput]) -> Result:
        return Result(
            pipeline=attempt.order.pipeline,
            task=attempt.task.name,
            key=key,
            parts=parts,
            outputs=tuple(outputs),
            run=attempt.order.run,
            attempt=attempt.number,
            committed_at=self.clock.now(),
            returned=_returned(attempt.result),
        )


def _returned(result: AttemptResult | None) -> Mapping[str, Any] | None:
    """What an attempt returned besides its outputs, as a store keeps it."""
    if result is None or not (result.values or result.submitted):
        return None
    told: dict[str, Any] = {"values": result.values} if result.values else {}
    return {**told, "submitted": list(result.submitted)} if result.submitted else told


def _can_look(uri: str) -> bool:
    """Whether a task can find other files there than it was given: of objects, it is given copies."""
    return is_glob(uri) and not is_remote(uri)
