"""Runs pipelines both ways within this process: the planner, the passes and the tasks' own code are the real ones."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

import trc.compiler.passes
from trc.api import Compilation, load
from trc.compiler.choices import NO_CHOICES
from trc.compiler.passes.draft import Draft
from trc.compiler.sql.facts import QueryFacts
from trc.runtime.clock import SystemClock
from trc.runtime.drivers import boot_id
from trc.runtime.executor import Ended, Needed, Report, Started
from trc.runtime.running import Options, Outcome, Runner
from trc.runtime.spec import PipelineSpec, TaskSpec
from trc.runtime.storage.local import LocalStorage
from trc.runtime.store.memory import MemoryStore
from trc.runtime.taskside.order import TaskOrder
from trc.runtime.taskside.run import execute
from trc.settings import settings_for
from trc.verifying.usecase import columns_of
from trc.verifying.verify import SinkVerdict, Verification, verify

Passes = tuple[Callable[[Draft], None], ...]


@dataclass(slots=True)
class Here:
    """Runs each attempt to its end when it is handed over, in the process that asks for it."""

    slots: int = 1
    async_slots: int = 0
    reports: list[Report] = field(default_factory=list[Report])

    def expect(self, tasks: Sequence[TaskSpec]) -> None:
        """It has nothing to begin ahead."""

    def prepare(self, ahead: Sequence[Needed]) -> None:
        """It has nothing to build."""

    def make_ready(self, order: TaskOrder) -> bool:  # noqa: ARG002 - the protocol's name
        return False

    def start(self, *orders: TaskOrder) -> None:
        for order in orders:
            self.reports.append(Started(order.token, time.time()))
            result = execute(order, lambda _done, _total: None, capture=_uncaptured)
            self.reports.append(Ended(order.token, time.time(), result))

    def stop(self, token: str, grace: float) -> None:
        """What was started has ended."""

    def poll(self, timeout: float | None) -> Sequence[Report]:  # noqa: ARG002
        told, self.reports = self.reports, []
        return told

    def close(self) -> None:
        """Nothing is left that runs."""


@contextlib.contextmanager
def _uncaptured(_log: str) -> Iterator[None]:
    yield


@dataclass(slots=True)
class BothWays:
    """A pipeline that is compiled once, and run as it is written once; `folder` takes what its tasks write."""

    compilation: Compilation
    folder: Path
    queries: dict[str, QueryFacts]
    written: Outcome | None = None
    runs: int = 0

    @classmethod
    def of(cls, pipeline: Path, folder: Path) -> BothWays:
        compilation = load(pipeline, settings_for(pipeline), NO_CHOICES, datetime.now(UTC))
        return cls(compilation, folder, compilation.queries)

    def together(self, passes: Passes | None = None) -> Verification:
        """What `trc verify` says of it."""
        return self._verified(self.compilation.spec, passes)

    def alone(self, sink: str, passes: Passes | None = None) -> tuple[SinkVerdict, Verification]:
        """What it would say of a sink if there were no other one: then nothing else asks for what this one reads."""
        spec = self.compilation.spec
        found = self._verified(replace(spec, tasks=tuple(_needed(spec, sink))), passes)
        return next(one for one in found.sinks if one.task == sink), found

    def _verified(self, spec: PipelineSpec, passes: Passes | None) -> Verification:
        self.runs += 1
        columns = columns_of(self.compilation.compiled)
        with pytest.MonkeyPatch.context() as patch:
            if passes is not None:
                patch.setattr(trc.compiler.passes, "PASSES", passes)
            return verify(spec, self.queries, columns, self._run, self.folder / str(self.runs))

    def _run(self, spec: PipelineSpec, state: Path, optimise: bool) -> Outcome:
        if not optimise and self.written is not None:
            return self.written
        store = MemoryStore()
        storage = LocalStorage(store, state, boot_id(), time.time_ns)
        runner = Runner(
            spec,
            store,
            storage,
            state,
            SystemClock(),
            Here,
            _unseen,
            time.sleep,
            _unheard,
            queries=self.queries,
        )
        outcome = runner.run(Options(new=True, optimise=optimise), datetime.now(UTC).isoformat())
        if not optimise:
            self.written = outcome
        return outcome


def _unseen(_happening: object) -> None:
    """Nobody watches."""


def _unheard(_cancel: object) -> None:
    """Nobody ends it early."""


def _needed(spec: PipelineSpec, sink: str) -> Iterator[TaskSpec]:
    """A task with all that it reads, in the pipeline's order."""
    tasks = {task.name: task for task in spec.tasks}
    found, waiting = set[str](), [sink]
    while waiting:
        task = tasks[waiting.pop()]
        found.add(task.name)
        reads = (*task.reads, *task.check_reads)
        waiting += [one.producer[0] for one in reads if one.producer is not None]
        waiting += [name for one in reads for name in one.feeders]
    return (task for task in spec.tasks if task.name in found)
