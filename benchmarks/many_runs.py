"""What 50 runs at once cost on one machine, in one state, against one run of the same tasks."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from graphs import NOOP, node
from measure import TRC, Cost, Row, cost, table

RUNS = 50
TASKS = 20
ROUNDS = 3

SETTINGS = "[local]\nworkers = 2\n"


@dataclass(frozen=True, slots=True)
class Crowd:
    """How many runs at once ended: when, in seconds since the first was started, and what all took together."""

    ends: tuple[float, ...]
    cpu: float

    @property
    def wall(self) -> float:
        return max(self.ends)

    @property
    def first(self) -> float:
        return min(self.ends)


def main() -> str:
    crowds: list[Crowd] = []
    alone: list[Cost] = []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as name:
            folder = write_pipelines(Path(name))
            crowds.append(run_at_once(folder))
            shutil.rmtree(folder / ".trc")
            alone.append(cost([*TRC, "run", "all.yaml"], folder))
    work = RUNS * TASKS
    return table(
        f"{RUNS} runs of {TASKS} tasks each in one state, all at once, against one run of {work:,}",
        [
            Row("wall, until the last has ended", _median(crowds, "wall"), _median(alone, "wall"), "s"),
            Row("CPU", _median(crowds, "cpu"), _median(alone, "cpu"), "s"),
            Row("wall, the last against the first", _median(crowds, "wall"), _median(crowds, "first"), "s"),
        ],
    )


def _median(seen: Sequence[Crowd] | Sequence[Cost], what: str) -> float:
    return statistics.median(getattr(one, what) for one in seen)


def write_pipelines(folder: Path) -> Path:
    """Pipelines of one project, with the tasks of all of them in one more."""
    (folder / "noop.py").write_text(NOOP)
    (folder / "seed.txt").write_text("seed\n")
    (folder / "trc.toml").write_text(SETTINGS)
    for run in range(RUNS):
        nodes = "".join(node(run * TASKS + number, "wide") for number in range(TASKS))
        (folder / f"p{run}.yaml").write_text(f"name: p{run}\nnodes:\n{nodes}")
    nodes = "".join(node(number, "wide").replace("out/", "all/") for number in range(RUNS * TASKS))
    (folder / "all.yaml").write_text(f"name: all\nnodes:\n{nodes}")
    return folder


def run_at_once(folder: Path) -> Crowd:
    """Starts all runs at once and waits for each; ends the benchmark if one does not succeed."""
    began = time.monotonic()
    running: dict[int, subprocess.Popen[bytes]] = {}
    for run in range(RUNS):
        command = [*TRC, "run", f"p{run}.yaml"]
        started = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        running[started.pid] = started
    ends: list[float] = []
    cpu = 0.0
    while running:
        pid, status, usage = os.wait4(-1, 0)
        process = running.pop(pid)
        ends.append(time.monotonic() - began)
        cpu += usage.ru_utime + usage.ru_stime
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.stderr is not None
        said = process.stderr.read()
        if process.returncode:
            sys.exit(f"a run ended with {process.returncode}:\n{said.decode()[-2000:]}")
    return Crowd(tuple(ends), cpu)


if __name__ == "__main__":
    print(main())
