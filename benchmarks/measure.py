"""Measures commands against each other: interleaved rounds, medians, CPU of whole process trees."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

PYTHON = sys.executable
TRC = [PYTHON, "-m", "trc"]


@dataclass(frozen=True, slots=True)
class Cost:
    """What a command took, in seconds; `cpu` counts all processes that it started and waited for."""

    wall: float
    cpu: float

    def of(self, what: Literal["cpu", "wall"]) -> float:
        return self.cpu if what == "cpu" else self.wall


@dataclass(frozen=True, slots=True)
class Row:
    """One figure against its peer. A `limit` bounds the ratio; None where the figure only informs.

    `paired` is the ratio where it was taken pair by pair, which differs from that of the medians.
    """

    what: str
    ours: float
    peer: float
    unit: str
    limit: float | None = None
    paired: float | None = None

    @property
    def ratio(self) -> float:
        return self.ours / self.peer if self.paired is None else self.paired

    @property
    def verdict(self) -> str:
        if self.limit is None:
            return ""
        return f"within {self.limit:g}" if self.ratio <= self.limit else f"**over {self.limit:g}**"


def cost(command: Sequence[str], folder: Path) -> Cost:
    """Runs a command to its end and measures it; stops the benchmark if it fails."""
    environment = {**os.environ, "NO_COLOR": "1"}
    started = time.perf_counter()
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        said = process.stderr.read()
        _pid, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}:\n{said[-2000:]}")
    return Cost(time.perf_counter() - started, usage.ru_utime + usage.ru_stime)


def peak(command: Sequence[str], folder: Path) -> float:
    """The most memory in MiB that a command held at once, with its child processes; what they share counts once."""
    highest = 0
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            highest = max(highest, sum(map(_held, _with_children(process.pid))))
            time.sleep(0.02)
    if process.returncode:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}")
    return highest / 1024


def _with_children(process: int) -> list[int]:
    """The process and all that it started, directly or not."""
    found = [process]
    for one in found:
        for listed in Path(f"/proc/{one}/task").glob("*/children"):
            with suppress(OSError):
                found += map(int, listed.read_text().split())
    return found


def _held(process: int) -> int:
    """KiB that a process holds; nothing where it has ended."""
    with suppress(OSError):
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0


def rounds_of(rounds: int, contenders: Mapping[str, Callable[[], Cost]]) -> dict[str, list[Cost]]:
    """What each took, by name. A round runs each contender once, so that what disturbs one disturbs all."""
    seen: dict[str, list[Cost]] = {name: [] for name in contenders}
    for number in range(rounds):
        names = list(contenders) if number % 2 == 0 else list(contenders)[::-1]
        for name in names:
            seen[name].append(contenders[name]())
    return seen


def interleaved(rounds: int, contenders: Mapping[str, Callable[[], Cost]]) -> dict[str, Cost]:
    """Medians by name of interleaved rounds."""
    return {
        name: Cost(statistics.median(one.wall for one in costs), statistics.median(one.cpu for one in costs))
        for name, costs in rounds_of(rounds, contenders).items()
    }


def table(title: str, rows: Sequence[Row]) -> str:
    """The rows as a Markdown table under a heading."""
    lines = [f"## {title}", "", "| what | trc | peer | ratio | limit |", "| --- | ---: | ---: | ---: | --- |"]
    lines += [
        f"| {row.what} | {row.ours:.3g} {row.unit} | {row.peer:.3g} {row.unit} | {row.ratio:.2f} | {row.verdict} |"
        for row in rows
    ]
    return "\n".join([*lines, ""])


def machine() -> str:
    """The machine in one line, for readers of the figures."""
    return f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
