"""What trc adds to 1,000 tasks that do nothing, and to a chain of 200, against a process pool."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from graphs import write_project
from measure import PYTHON, TRC, Cost, Row, cost, interleaved, table

ROUNDS = 9
WIDE = (250, 500, 1000)
CHAIN = (50, 200)


def main() -> str:
    with tempfile.TemporaryDirectory() as name:
        fresh = Fresh(Path(name))
        contenders: dict[str, Callable[[], Cost]] = {}
        for count in WIDE:
            contenders[f"first{count}"] = partial(first_run, fresh, "wide", count)
            contenders[f"run{count}"] = partial(compiled_run, fresh, "wide", count)
            contenders[f"pool{count}"] = partial(peer, fresh, "wide", count, "pool.py", "wide")
        for count in CHAIN:
            contenders[f"firstchain{count}"] = partial(first_run, fresh, "chain", count)
            contenders[f"chain{count}"] = partial(compiled_run, fresh, "chain", count)
            contenders[f"link{count}"] = partial(peer, fresh, "chain", count, "pool.py", "chain")
            contenders[f"durable{count}"] = partial(peer, fresh, "chain", count, "durable.py")
        costs = interleaved(ROUNDS, contenders)
    return "\n".join([wide_table(costs), chain_table(costs), growth_table(costs)])


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


def marginal(costs: Mapping[str, Cost], name: str, low: int, high: int, what: Literal["cpu", "wall"] = "cpu") -> float:
    """Microseconds that one more task costs, between two sizes: what starting costs falls out."""
    more = costs[f"{name}{high}"].of(what) - costs[f"{name}{low}"].of(what)
    return 1e6 * more / (high - low)


def wide_table(costs: Mapping[str, Cost]) -> str:
    low, _, high = WIDE
    pool = marginal(costs, "pool", low, high)
    return table(
        "1,000 no-op Python tasks, wide: CPU a task against `ProcessPoolExecutor`",
        [
            Row("running them (compiled before)", marginal(costs, "run", low, high), pool, "µs", 3.0),
            Row("compiling and running them", marginal(costs, "first", low, high), pool, "µs"),
            Row("the whole command, CPU", costs[f"first{high}"].cpu * 1000, costs[f"pool{high}"].cpu * 1000, "ms"),
        ],
    )


def chain_table(costs: Mapping[str, Cost]) -> str:
    low, high = CHAIN
    return table(
        "A chain of 200: a link against an executor's, and against the call with two synced commits",
        [
            Row(
                "CPU (compiled before)",
                marginal(costs, "chain", low, high),
                marginal(costs, "link", low, high),
                "µs",
                4.0,
            ),
            Row(
                "CPU, compiling too", marginal(costs, "firstchain", low, high), marginal(costs, "link", low, high), "µs"
            ),
            Row(
                "wall, peer with two synced commits",
                marginal(costs, "chain", low, high, "wall"),
                marginal(costs, "durable", low, high, "wall"),
                "µs",
                1.0,
            ),
        ],
    )


def growth_table(costs: Mapping[str, Cost]) -> str:
    low, middle, high = WIDE
    return table(
        "Growth: CPU a task from 500 to 1,000 (left) against 250 to 500 (right)",
        [
            Row("running", marginal(costs, "run", middle, high), marginal(costs, "run", low, middle), "µs", 1.3),
            Row(
                "compiling and running",
                marginal(costs, "first", middle, high),
                marginal(costs, "first", low, middle),
                "µs",
                1.3,
            ),
        ],
    )


if __name__ == "__main__":
    print(main())
