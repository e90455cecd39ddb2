"""What one more task takes of the memory of the process that runs a pipeline, at 10,000 no-op tasks beside each other."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from graphs import write_project
from measure import TRC, Row, cost, table

ROUNDS = 3
SIZES = (2_500, 10_000)
MOST = 4.0
"""KiB that a task may take."""


def main() -> str:
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        low, high = (
            [
                highest([*TRC, "run", "many.yaml"], compiled(base / f"{count}-{number}", count))
                for number in range(ROUNDS)
            ]
            for count in SIZES
        )
        first = [
            highest([*TRC, "run", "many.yaml"], write_project(base / f"first{count}", "wide", count)) for count in SIZES
        ]
    return table(
        "Memory of the process that runs 10,000 no-op tasks, wide (left) against what it may take (right)",
        [
            Row(
                "a task more, compiled before",
                per_task(statistics.median(low), statistics.median(high)),
                MOST,
                "KiB",
                1.0,
            ),
            Row("the same, compiling too", per_task(*first), MOST, "KiB"),
            Row("all of it, compiled before", statistics.median(high) / 1024, first[1] / 1024, "MiB"),
        ],
    )


def compiled(folder: Path, count: int) -> Path:
    """A project that was compiled before: planned, until its files are old enough for that to be kept."""
    write_project(folder, "wide", count)
    while not list(folder.glob(".trc/compiled/*")):
        cost([*TRC, "plan", "many.yaml"], folder)
    return folder


def highest(command: Sequence[str], folder: Path) -> float:
    """The most KiB that the process of a command itself held, without those that it started: their tasks are the user's."""
    found = 0
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            found = max(found, _highest_so_far(process.pid))
            time.sleep(0.01)
    if process.returncode:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}")
    return found


def _highest_so_far(process: int) -> int:
    """As the kernel has it, which forgets nothing between two looks; nothing of a process that has ended."""
    with suppress(OSError):
        for line in Path(f"/proc/{process}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    return 0


def per_task(low: float, high: float) -> float:
    """KiB that one more task takes, between two sizes: what starting takes falls out."""
    return (high - low) / (SIZES[1] - SIZES[0])


if __name__ == "__main__":
    print(main())
