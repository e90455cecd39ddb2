"""What trc adds to 1,000 tasks that do nothing, and to a chain of 200, against a process pool.

A figure is what one more task costs between two sizes, so that what starting costs falls out. The difference of two runs
shakes more than either, so it is the median of many rounds, in each of which all ran one after the other.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from graphs import write_project
from measure import PYTHON, TRC, Cost, Row, cost, rounds_of, table

ROUNDS = 9
WIDE = (250, 500, 1000)
CHAIN_ROUNDS = 25
CHAIN = (50, 200)

Seen = Mapping[str, list[Cost]]


def main() -> str:
    with tempfile.TemporaryDirectory() as name:
        fresh = Fresh(Path(name))
        wide = rounds_of(ROUNDS, wide_contenders(fresh))
        chain = rounds_of(CHAIN_ROUNDS, chain_contenders(fresh))
    return "\n".join([wide_table(wide), chain_table(chain), growth_table(wide)])


def wide_contenders(fresh: Fresh) -> dict[str, Callable[[], Cost]]:
    contenders: dict[str, Callable[[], Cost]] = {}
    for count in WIDE:
        contenders[f"first{count}"] = partial(first_run, fresh, "wide", count)
        contenders[f"run{count}"] = partial(compiled_run, fresh, "wide", count)
        contenders[f"pool{count}"] = partial(peer, fresh, "wide", count, "pool.py", "wide")
    return contenders


def chain_contenders(fresh: Fresh) -> dict[str, Callable[[], Cost]]:
    contenders: dict[str, Callable[[], Cost]] = {}
    for count in CHAIN:
        contenders[f"first{count}"] = partial(first_run, fresh, "chain", count)
        contenders[f"link{count}"] = partial(peer, fresh, "chain", count, "pool.py", "chain")
        contenders[f"run{count}"] = partial(compiled_run, fresh, "chain", count)
        contenders[f"durable{count}"] = partial(peer, fresh, "chain", count, "durable.py")
    return contenders


@dataclass
class Fresh:
    """Makes a project of its own for each run: what a file system does after files were deleted is not our subject."""

    base: Path
    made: int = 0

    def project(self, shape: Literal["wide", "chain"], count: int) -> Path:
        self.made += 1
        return write_project(self.base / f"{self.made}-{shape}{count}", shape, count)


def first_run(fresh: Fresh, shape: Literal["wide", "chain"], count: int) -> Cost:
    """Compiles and runs a project that has no state."""
    return cost([*TRC, "run", "many.yaml"], fresh.project(shape, count))


def compiled_run(fresh: Fresh, shape: Literal["wide", "chain"], count: int) -> Cost:
    """Runs a project that was compiled before: planned, until its files are old enough for that to be kept."""
    folder = fresh.project(shape, count)
    while not list(folder.glob(".trc/compiled/*")):
        cost([*TRC, "plan", "many.yaml"], folder)
    return cost([*TRC, "run", "many.yaml"], folder)


def peer(fresh: Fresh, shape: Literal["wide", "chain"], count: int, *words: str) -> Cost:
    return cost([PYTHON, *words, str(count)], fresh.project(shape, count))


def marginals(seen: Seen, name: str, low: int, high: int, what: Literal["cpu", "wall"]) -> list[float]:
    """By round, the microseconds that one more task costs between two sizes."""
    pairs = zip(seen[f"{name}{low}"], seen[f"{name}{high}"], strict=True)
    return [1e6 * (more.of(what) - less.of(what)) / (high - low) for less, more in pairs]


def row(what: str, ours: list[float], theirs: list[float], limit: float | None = None) -> Row:
    """The medians of the rounds."""
    return Row(what, statistics.median(ours), statistics.median(theirs), "µs", limit)


def wide_table(seen: Seen) -> str:
    low, _, high = WIDE
    pool = marginals(seen, "pool", low, high, "cpu")
    whole = {name: 1000 * statistics.median(one.cpu for one in seen[f"{name}{high}"]) for name in ("first", "pool")}
    return table(
        "1,000 no-op Python tasks, wide: CPU a task against `ProcessPoolExecutor`",
        [
            row("running them (compiled before)", marginals(seen, "run", low, high, "cpu"), pool, 3.0),
            row("compiling and running them", marginals(seen, "first", low, high, "cpu"), pool),
            Row("the whole command, CPU", whole["first"], whole["pool"], "ms"),
        ],
    )


def chain_table(seen: Seen) -> str:
    low, high = CHAIN
    link = marginals(seen, "link", low, high, "cpu")
    durable = marginals(seen, "durable", low, high, "wall")
    return table(
        "A chain of 200: a link against an executor's, and against the call with two synced commits",
        [
            row("CPU (compiled before)", marginals(seen, "run", low, high, "cpu"), link, 4.0),
            row("CPU, compiling too", marginals(seen, "first", low, high, "cpu"), link),
            row("wall, peer with two synced commits", marginals(seen, "run", low, high, "wall"), durable, 1.0),
        ],
    )


def growth_table(seen: Seen) -> str:
    low, middle, high = WIDE
    rows = (
        row(what, marginals(seen, name, middle, high, "cpu"), marginals(seen, name, low, middle, "cpu"), 1.3)
        for what, name in (("running", "run"), ("compiling and running", "first"))
    )
    return table("Growth: CPU a task from 500 to 1,000 (left) against 250 to 500 (right)", list(rows))


if __name__ == "__main__":
    print(main())
