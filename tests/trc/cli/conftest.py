from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from trc.runtime.observe import RunFinished, RunOpened, TaskMoved
from trc.runtime.plan import Plan, PlannedTask
from trc.runtime.reasons import Reason
from trc.runtime.store.journal import RunRecord, RunState, TaskRecord
from trc.runtime.store.results import StoredOutput

BEGAN = 1_768_000_000.0


class Happenings:
    """What a run tells its observers, made by hand; times are in seconds after it began."""

    run = RunRecord("0190c1", "shop", "shop.yaml", "d1", "2026-01-15T00:00:00+00:00", "driver", BEGAN)
    began = BEGAN

    def opened(self, names: Sequence[str], *, resumed: bool = False) -> RunOpened:
        tasks = tuple(PlannedTask(name, "run", Reason("first")) for name in names)
        return RunOpened(self.run, Plan("shop", "d1", self.run.logical_time, tasks), resumed)

    def moved(
        self, task: str, state: Any, start: float | None = None, end: float | None = None, **more: Any
    ) -> TaskMoved:
        outputs = more.pop("outputs", ())
        reason = more.pop("reason", Reason("first")).to_json()
        times = [None if at is None else BEGAN + at for at in (start, end)]
        record = TaskRecord("0190c1", task, state, reason=reason, started_at=times[0], ended_at=times[1], **more)
        return TaskMoved(record, tuple(outputs))

    def output(self, size: int, rows: int | None = None) -> StoredOutput:
        return StoredOutput("output", "/project/out.csv", "sha256:0", size, rows)

    def finished(self, state: RunState = "success") -> RunFinished:
        return RunFinished(self.run, state)


@pytest.fixture
def happenings() -> Happenings:
    return Happenings()
