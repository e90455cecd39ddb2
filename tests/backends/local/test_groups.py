"""Limits of memory that hold for all processes of a task together, and what is left of them where no group can be made."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.contracts.backend_suite import World

from trc.backends.local.groups import Groups, Place, places
from trc.backends.local.workers import LocalExecutor
from trc.runtime.clock import SystemClock
from trc.runtime.executor import Started
from trc.runtime.surroundings import clean

LIMIT = 160 << 20
SEVERAL = """
    import subprocess, sys
    HOLD = "held = bytearray(%d << 20); print(len(held), flush=True); input()"
    def start(size=100):
        return subprocess.Popen([sys.executable, "-c", HOLD % size], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    def ended(children):
        for child in children:
            child.stdout.readline()
        for child in children:
            child.communicate(b"\\n")
        return sorted(child.returncode for child in children)
    def several(context):
        if any(ended([start(), start()])):
            raise SystemExit(1)
    def tolerant(context):
        return {"ended": ended([start(), start()])}
    def worker_itself(context):
        child = start(50)
        child.stdout.readline()
        held = bytearray(140 << 20)
    def fine(context):
        ended([start()])
"""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    if not list(places()):
        pytest.skip("this user may make no control groups that bound memory")
    given = World(tmp_path, LocalExecutor(2, clean(os.environ), SystemClock()))
    given.write(SEVERAL)
    yield given
    given.executor.close()


def left() -> list[Path]:
    return [group for place in places() for group in place.folder.glob(f"trc-{os.getpid()}-*")]


@pytest.mark.parametrize("name", ["several", "worker_itself"])
def test_processes_of_a_task_are_held_to_its_limit_together(world: World, name: str) -> None:
    result = world.result(world.order(name, memory=LIMIT))
    assert result.failure is not None
    assert (result.failure.reason, result.failure.kind) == ("memory", "unknown")
    assert result.failure.message == "killed at its memory limit of 160 MiB; it held 160 MiB at most"
    assert result.peak_memory == pytest.approx(LIMIT, rel=0.15)
    # Another attempt begins with nothing of it.
    world.success(world.order("fine", memory=LIMIT))
    world.executor.close()
    assert not left()


def test_a_child_that_was_killed_is_the_affair_of_a_task_that_goes_on(world: World) -> None:
    assert world.success(world.order("tolerant", memory=LIMIT)).values == {"ended": [-9, 0]}


def test_without_groups_each_process_is_held_to_it_by_itself(world: World, tmp_path: Path) -> None:
    assert isinstance(world.executor, LocalExecutor)
    world.executor._groups = Groups(tmp_path / "nothing")
    assert world.success(world.order("tolerant", memory=LIMIT)).values == {"ended": [0, 0]}
    world.write("def alone(context):\n    held = bytearray(200 << 20)\n")
    failure = world.failure(world.order("alone", memory=LIMIT))
    assert (failure.reason, failure.type) == ("memory", "MemoryError")


def test_a_task_without_a_limit_is_in_no_group(world: World) -> None:
    code = "def where(context):\n    return {'in': open('/proc/self/cgroup').read()}\n"
    world.write(code)
    assert "/trc-" not in world.success(world.order("where")).values["in"]
    assert f"/trc-{os.getpid()}-" in world.success(world.order("where", attempt=2, memory=LIMIT)).values["in"]


def test_what_a_killed_executor_left_is_removed_by_the_next(world: World) -> None:
    (place, *_) = places()
    # No process has this number.
    forgotten = place.folder / "trc-4194305-1-1"
    forgotten.mkdir()
    world.write("def wait(context):\n    open('told', 'w').close()\n    open('gate').read()\n")
    told, gate = world.fifo("told"), world.fifo("gate")
    order = world.order("wait", memory=LIMIT)
    world.executor.start(order)
    world.wait(Started, order.token)
    told.read_text()
    assert not forgotten.exists()
    # What is in use is let be.
    Groups().make(LIMIT)
    assert len(left()) == 2
    gate.write_text("")


# ── where groups can be made ──

V1 = "35 31 0:32 {root} {point} rw,relatime - cgroup cgroup rw,memory"
V2 = "41 31 0:38 {root} {point} rw,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate"


@pytest.mark.parametrize(
    ("mount", "root", "own", "control", "found"),
    [
        (V1, "/", "4:memory:/user/a", "", ("user/a", 1)),
        (V1, "/docker/1", "4:cpu,memory:/docker/1/a", "", ("a", 1)),
        # What is mounted does not hold the group of this process.
        (V1, "/docker/1", "4:memory:/docker/12", "", None),
        (V1, "/", "3:cpu:/user/a", "", None),
        (V2, "/", "0::/user/a", "cpu memory", ("user", 2)),
        (V2, "/", "0::/user/a", "cpu", None),
        (V2, "/", "0::/", "memory", ("", 2)),
        # The tasks of a task do not get out of its limit.
        (V2, "/", "0::/user/trc-1-1-1", "memory", None),
        (V2, "/", "0::/gone/a", "memory", None),
    ],
)  # fmt: skip
def test_where_groups_can_be_made(
    tmp_path: Path, mount: str, root: str, own: str, control: str, found: tuple[str, int] | None
) -> None:
    point = tmp_path / "cgroup"
    for below in ("user/a", "a", "user/trc-1-1-1"):
        (point / below).mkdir(parents=True, exist_ok=True)
    for folder in (point, point / "user"):
        (folder / "cgroup.subtree_control").write_text(f"{control}\n")
        (folder / "cgroup.procs").touch()
    proc = tmp_path / "proc"
    proc.mkdir()
    (proc / "cgroup").write_text(f"5:devices:/\n{own}\n")
    (proc / "mountinfo").write_text(f"22 1 0:20 / /sys rw - sysfs sysfs rw\n{mount.format(root=root, point=point)}\n")
    answer = list(places(proc))
    assert answer == ([] if found is None else [Place(point / found[0], 2 if found[1] == 2 else 1)])
