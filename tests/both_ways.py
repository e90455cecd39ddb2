"""Verifies pipelines within this process: the planner, the passes and the tasks' own code are the real ones, without workers."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from trc.api import Compilation, load
from trc.compiler.choices import NO_CHOICES
from trc.runtime.clock import SystemClock
from trc.runtime.drivers import boot_id
from trc.runtime.executor import Ended, Report, Started
from trc.runtime.running import Options, Outcome, Runner
from trc.runtime.spec import PipelineSpec
from trc.runtime.storage.local import LocalStorage
from trc.runtime.store.memory import MemoryStore
from trc.runtime.taskside.order import TaskOrder
from trc.runtime.taskside.run import execute
from trc.settings import settings_for
from trc.verifying.usecase import columns_of
from trc.verifying.verify import Verification
from trc.verifying.verify import verify as verify_spec


@dataclass(slots=True)
class Here:
    """Runs each attempt to its end when it is handed over, in the process that asks for it."""

    slots: int = 1
    reports: list[Report] = field(default_factory=list[Report])

    def make_ready(self, _order: TaskOrder) -> bool:
        return False

    def start(self, order: TaskOrder) -> None:
        self.reports.append(Started(order.token, time.time()))
        result = execute(order, lambda _done, _total: None, capture=_uncaptured)
        self.reports.append(Ended(order.token, time.time(), result))

    def stop(self, token: str, grace: float) -> None:
        """What was started has ended."""

    def poll(self, _timeout: float | None) -> Sequence[Report]:
        told, self.reports = self.reports, []
        return told

    def close(self) -> None:
        """Nothing is left that runs."""


@contextlib.contextmanager
def _uncaptured(_log: str) -> Iterator[None]:
    yield


def compiled(path: Path) -> Compilation:
    """A pipeline file, compiled as a run would."""
    return load(path, settings_for(path), NO_CHOICES, datetime.now(UTC))


def verified(compilation: Compilation, folder: Path, *, exact: bool = False) -> Verification:
    """What `trc verify` says of a pipeline; `folder` takes what its tasks write."""
    queries, moment = compilation.queries, datetime.now(UTC).isoformat()

    def run(spec: PipelineSpec, state: Path, optimise: bool) -> Outcome:
        store = MemoryStore()
        runner = Runner(
            spec,
            store,
            LocalStorage(store, state, boot_id(), time.time_ns),
            state,
            SystemClock(),
            Here,
            lambda _happening: None,
            time.sleep,
            lambda _cancel: None,
            None,
            queries,
        )
        return runner.run(Options(new=True, optimise=optimise), moment)

    return verify_spec(compilation.spec, queries, columns_of(compilation.compiled), run, folder, exact=exact)
