"""The attempts of a run, from their orders to their published outputs."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from trc.runtime.clock import Clock
from trc.runtime.orders import Orders
from trc.runtime.planner import Dataset, Inputs, Missing, Planner
from trc.runtime.scheduler.commands import Start
from trc.runtime.spec import TaskSpec
from trc.runtime.store.journal import Transaction
from trc.runtime.store.results import FileIdentity, Result, StoredOutput
from trc.runtime.taskside.order import TaskOrder
from trc.runtime.taskside.result import AttemptResult, Failure, WrittenOutput


class Outlet(Protocol):
    """What publishing asks of storage."""

    def identity(self, path: str) -> FileIdentity | None:
        """What the file system says of the file now, or None where there is none."""
        ...

    def publish(self, staged: str, final: str) -> None:
        """Puts a staged file in place, whole; raises OSError in the reader's words."""
        ...

    def adopt(self, path: str, digest: str) -> None:
        """Takes it on trust, for this run, that the file now there has this digest."""
        ...

    def discard(self, staged: str) -> None:
        """Removes a staged file, if it is there."""
        ...


@dataclass(slots=True)
class Attempt:
    """One attempt that was handed to the executor."""

    task: TaskSpec
    number: int
    order: TaskOrder
    inputs: Inputs
    identities: Mapping[str, FileIdentity | None]
    result: AttemptResult | None = None


@dataclass(slots=True)
class Attempts:
    """Prepares, remembers and publishes the attempts of one run."""

    tasks: Mapping[str, TaskSpec]
    planner: Planner
    orders: Orders
    outlet: Outlet
    clock: Clock
    outputs: dict[str, tuple[StoredOutput, ...]] = field(default_factory=dict[str, tuple[StoredOutput, ...]])
    """What the tasks that ran have published, by task."""
    _live: dict[str, Attempt] = field(default_factory=dict[str, Attempt])
    _names: dict[str, str] = field(default_factory=dict[str, str])
    _folders: set[str] = field(default_factory=set[str])

    def prepare(self, start: Start, settled: Mapping[Dataset, StoredOutput]) -> TaskOrder | Failure:
        """Lists what the attempt reads, once and now, and writes its order."""
        task = self.tasks[start.task]
        self._names[start.token] = start.task
        inputs = self.planner.inputs(task, settled)
        if isinstance(inputs, Missing):
            return Failure(inputs.reason.detail, kind="permanent", reason="input_missing")
        order = self.orders.order(task, inputs, start.attempt, start.token)
        self._make_folders(order)
        identities = {path: self.outlet.identity(path) for one in inputs.inputs for path in one.files}
        self._live[start.token] = Attempt(task, start.attempt, order, inputs, identities)
        return order

    def _make_folders(self, order: TaskOrder) -> None:
        for path in (order.log, *(output.path for output in order.outputs)):
            folder = os.path.dirname(path)  # noqa: PTH120 - once a task, and a Path costs ten times as much
            if folder not in self._folders:
                os.makedirs(folder, exist_ok=True)  # noqa: PTH103
                self._folders.add(folder)

    def task_of(self, token: str) -> str:
        return self._names[token]

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

    def publish(self, token: str, transaction: Transaction) -> Result | Failure:
        """Puts the outputs of a successful attempt in place, and its result into the transaction.

        Nothing is touched unless the inputs are those that were listed and the attempt is still the
        task's current one. The transaction holds the store's write lock until the result is durable.
        """
        attempt = self._live[token]
        assert attempt.result is not None
        moved = self._moved_input(attempt)
        if moved is not None:
            message = f'the input "{moved}" changed while it was read'
            return Failure(message, kind="temporary", reason="input_moved")
        if not transaction.is_current(attempt.order.run, attempt.task.name, token):
            return Failure("another attempt has taken this one's place", kind="permanent", reason="fenced")
        try:
            outputs = tuple(self._put(attempt, written) for written in attempt.result.outputs)
        except OSError as error:
            return Failure(str(error), kind="unknown", reason="publish", type=type(error).__name__)
        result = self._result(attempt, outputs)
        transaction.put_result(result)
        self.outputs[attempt.task.name] = outputs
        del self._live[token]
        return result

    def _moved_input(self, attempt: Attempt) -> str | None:
        for path, identity in attempt.identities.items():
            if self.outlet.identity(path) != identity:
                return path
        return None

    def _put(self, attempt: Attempt, written: WrittenOutput) -> StoredOutput:
        spec = next(one for one in attempt.task.outputs if one.name == written.name)
        key = attempt.inputs.key
        final = self.orders.places.final(attempt.order.pipeline, attempt.task.name, key, spec)
        self.outlet.publish(written.path, final)
        self.outlet.adopt(final, written.digest)
        return StoredOutput(written.name, final, written.digest, written.size, written.rows)

    def _result(self, attempt: Attempt, outputs: Sequence[StoredOutput]) -> Result:
        return Result(
            pipeline=attempt.order.pipeline,
            task=attempt.task.name,
            key=attempt.inputs.key,
            parts=attempt.inputs.parts,
            outputs=tuple(outputs),
            run=attempt.order.run,
            attempt=attempt.number,
            committed_at=self.clock.now(),
        )
