"""What trc adds to 1,000 tasks that do nothing, and to a chain of 200, against a process pool."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Literal

from graphs import write_project
from measure import PYTHON, TRC, Cost, Row, cost, interleaved, table

ROUNDS = 5
WIDE = (250, 500, 1000)
CHAIN = (50, 200)


def main() -> str:
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        wide = {count: write_project(base / f"wide{count}", "wide", count) for count in WIDE}
        chain = {count: write_project(base / f"chain{count}", "chain", count) for count in CHAIN}
        contenders: dict[str, Callable[[], Cost]] = {}
        for count, folder in wide.items():
            contenders[f"first{count}"] = partial(first_run, folder)
            contenders[f"again{count}"] = partial(cost, [*TRC, "run", "--force", "many.yaml"], folder)
            contenders[f"pool{count}"] = partial(cost, [PYTHON, "pool.py", "wide", str(count)], folder)
        for count, folder in chain.items():
            contenders[f"chain{count}"] = partial(first_run, folder)
            contenders[f"link{count}"] = partial(cost, [PYTHON, "pool.py", "chain", str(count)], folder)
            contenders[f"durable{count}"] = partial(cost, [PYTHON, "durable.py", str(count)], folder)
        costs = interleaved(ROUNDS, contenders)
    return "\n".join([wide_table(costs), chain_table(costs), growth_table(costs)])


def first_run(folder: Path) -> Cost:
    """A run of a project that has no state."""
    shutil.rmtree(folder / ".trc", ignore_errors=True)
    shutil.rmtree(folder / "out", ignore_errors=True)
    return cost([*TRC, "run", "many.yaml"], folder)


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
            Row("running them (compiled before)", marginal(costs, "again", low, high), pool, "µs", 3.0),
            Row("compiling and running them", marginal(costs, "first", low, high), pool, "µs"),
            Row("the whole command, CPU", costs[f"first{high}"].cpu * 1000, costs[f"pool{high}"].cpu * 1000, "ms"),
        ],
    )


def chain_table(costs: Mapping[str, Cost]) -> str:
    low, high = CHAIN
    return table(
        "A chain of 200: a link against an executor's, and against the call with two synced commits",
        [
            Row("CPU", marginal(costs, "chain", low, high), marginal(costs, "link", low, high), "µs", 4.0),
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
            Row("running", marginal(costs, "again", middle, high), marginal(costs, "again", low, middle), "µs", 1.3),
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
