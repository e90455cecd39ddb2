"""Two commands at the same moment: a run has one driver, and nobody gives up what another has just taken."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from trc.runtime.clock import SystemClock
from trc.runtime.drivers import boot_id, this_driver
from trc.runtime.executor import Executor, Needed
from trc.runtime.running import Options, Runner
from trc.runtime.spec import PipelineSpec, TaskSpec
from trc.runtime.storage.local import LocalStorage
from trc.runtime.store.journal import Driver, RunRecord, RunState
from trc.runtime.store.sqlite import SqliteStore

SPEC = PipelineSpec("p", "p.yaml", "/p", (), "digest")
NOON = "2026-01-01T12:00:00+00:00"


class Interleaved(SqliteStore):
    """A store in which another command does something right after this one's first look at runs or drivers."""

    meanwhile: Callable[[], None] | None = None

    def _let_the_other_go(self) -> None:
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()

    def runs(self, *, pipeline: str | None = None, state: RunState | None = None, limit: int = 100) -> list[RunRecord]:
        found = super().runs(pipeline=pipeline, state=state, limit=limit)
        self._let_the_other_go()
        return found

    def drivers(self) -> Mapping[str, tuple[Driver, float]]:
        found = super().drivers()
        self._let_the_other_go()
        return found


class NoWork:
    """An executor that is asked for nothing: the pipeline has no task."""

    slots = 1
    async_slots = 0

    def expect(self, tasks: Sequence[TaskSpec]) -> None:
        """There are none."""

    def prepare(self, ahead: Sequence[Needed]) -> None:
        """There is nothing to build."""

    def close(self) -> None:
        """Nothing was begun."""


def _runner(store: SqliteStore, state: Path) -> Runner:
    def executor() -> Executor:
        return NoWork()  # type: ignore[return-value]

    storage = LocalStorage(store, state, boot_id(), time.time_ns)
    pause = lambda _seconds: pytest.fail("there is nothing to wait for")  # noqa: E731
    return Runner(SPEC, store, storage, state, SystemClock(), executor, lambda _: None, pause, lambda _: None)


@pytest.mark.parametrize("takes_up", [True, False], ids=["takes up the dead run", "begins a run"])
@pytest.mark.parametrize("options", [Options(), Options(new=True)], ids=["resuming", "new"])
def test_run_that_another_command_just_took_is_left_alone(tmp_path: Path, takes_up: bool, options: Options) -> None:
    clock = SystemClock()
    dead = replace(this_driver(clock), id="dead", pid=2**22 + 1)
    other = this_driver(clock)
    left = RunRecord("left", "p", "p.yaml", "digest", NOON, dead.id, 1.0)
    with Interleaved(tmp_path / "state.db") as store:
        store.enrol(dead, 0.0)
        with store.transaction() as change:
            change.put_run(left)
        theirs = replace(left, driver=other.id, resumed=1) if takes_up else replace(left, id="theirs", driver=other.id)

        def meanwhile() -> None:
            store.enrol(other, clock.now() + 30)
            with store.transaction() as change:
                change.put_run(theirs)

        store.meanwhile = meanwhile
        outcome = _runner(store, tmp_path).run(options, NOON)
        assert outcome.run.id != theirs.id
        assert store.run(theirs.id) == theirs
