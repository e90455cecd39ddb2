"""What cannot be brought about on the tests' machine: clocks that differ, disks that are full, workers that do not begin."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from trc.api.examining import look_at_worker
from trc.backends.local import LocalBackend
from trc.runtime.executor import Lost, Needed, Report
from trc.runtime.health.place import look_at_place
from trc.runtime.health.room import look_at_room
from trc.runtime.spec import TaskSpec
from trc.runtime.taskside.order import TaskOrder
from trc.settings import Settings
from trc.stdlib_tasks.duckdb_sql.run.probe import tell


def levels(folder: Path, shift: float = 0.0) -> dict[str, str]:
    return {one.check: one.level for one in look_at_place(folder, "x", lambda: time.time() + shift)}


@pytest.mark.parametrize(("shift", "level"), [(0, "ok"), (1, "ok"), (-1, "ok"), (3600, "error"), (-3600, "error")])
def test_clock_of_files_and_of_the_machine(tmp_path: Path, shift: float, level: str) -> None:
    assert levels(tmp_path, shift)["clock"] == level
    assert list(tmp_path.iterdir()) == []


def test_folder_that_cannot_be_written(tmp_path: Path) -> None:
    assert levels(tmp_path / "none") == {"state-folder": "error"}


def test_file_system_without_links_and_renames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    assert levels(tmp_path) == {"state-folder": "ok", "clock": "ok", "rename": "ok", "hard-links": "warn"}
    monkeypatch.setattr(Path, "replace", refuse)
    assert levels(tmp_path)["rename"] == "error"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("free", "files", "expected"),
    [
        (10**6, 10**6, {"disk-space": "ok", "inodes": "ok"}),
        (10**5, 10**3, {"disk-space": "warn", "inodes": "warn"}),
        (10**3, 10, {"disk-space": "error", "inodes": "error"}),
        (0, 0, {"disk-space": "error", "inodes": "error"}),
    ],
)
def test_room(free: int, files: int, expected: dict[str, str]) -> None:
    found = os.statvfs_result((4096, 4096, 10**7, free + 1, free, 10**7, files + 1, files, 0, 255))
    assert {one.check: one.level for one in look_at_room(found, "x")} == expected


def test_file_system_without_inodes() -> None:
    found = os.statvfs_result((4096, 4096, 10**7, 10**6, 10**6, 0, 0, 0, 0, 255))
    assert {one.check: one.level for one in look_at_room(found, "x")}["inodes"] == "ok"


class _NoWorkers:
    """Stands for a machine that begins no process more."""

    slots = 1
    async_slots = 0

    def __init__(self, *reports: Report) -> None:
        self.reports = reports

    def expect(self, tasks: Sequence[TaskSpec]) -> None:
        """It has nothing to begin ahead."""

    def prepare(self, ahead: Sequence[Needed]) -> None:
        """It has nothing to build."""

    def make_ready(self, order: TaskOrder) -> bool:
        del order
        return False

    def start(self, *orders: TaskOrder) -> None:
        del orders

    def stop(self, token: str, grace: float) -> None:
        del token, grace

    def poll(self, timeout: float | None) -> Sequence[Report]:
        del timeout
        return self.reports

    def close(self) -> None:
        pass


class _Backend(LocalBackend):
    def executor(self, workers: int, state: Path, max_async: int = 0, options: object = None) -> _NoWorkers:  # type: ignore[override]
        del workers, state, max_async, options
        return _NoWorkers(Lost("doctor", 0.0, "no more processes"))


def test_worker_that_does_not_begin(tmp_path: Path) -> None:
    (found,) = look_at_worker(_Backend(), Settings(tmp_path, 1))
    assert (found.check, found.level) == ("worker", "error")
    assert found.text == "a worker process cannot be started: no more processes"


def test_duckdb_that_cannot_be_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    told = tell(None, None)  # type: ignore[arg-type]
    assert "duckdb" not in told
    assert told["problem"].startswith("ModuleNotFoundError: ")
