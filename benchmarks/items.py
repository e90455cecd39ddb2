"""What 10,000 items of one task, and 10,000 sub-tasks that a task submits, cost against as many tasks that stand in the file."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Literal

from measure import TRC, Cost, Row, cost, interleaved, peak, table

ROUNDS = 3
SIZES = (2_500, 5_000, 10_000)
SHAPES = ("items", "subtasks", "tasks")
CODE = '''\
"""The smallest task that leaves something behind, and one that submits many of it."""


def noop(context):
    """Writes its output."""
    with open(context.output.path, "wb") as file:
        file.write(b"done\\n")


def spread(context):
    """Submits as many as its argument says."""
    for number in range(context.args["count"]):
        context.submit(str(number), noop, inputs={}, outputs={"output": f"out/{number}.txt"})
'''


def main() -> str:
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        contenders: dict[str, Callable[[], Cost]] = {
            f"{shape}{count}": partial(compiled_run, base, shape, count) for shape in SHAPES for count in SIZES
        }
        costs = interleaved(ROUNDS, contenders)
        held = {
            f"{shape}{count}": peak([*TRC, "run", "many.yaml"], write(base, shape, count))
            for shape in SHAPES
            for count in (SIZES[0], SIZES[-1])
        }
    return "\n".join([cost_table(costs), memory_table(held)])


def write(base: Path, shape: str, count: int) -> Path:
    """A project of its own for each run: what a file system does after files were deleted is not our subject."""
    folder = Path(tempfile.mkdtemp(prefix=f"{shape}{count}-", dir=base))
    (folder / "noop.py").write_text(CODE)
    (folder / "many.yaml").write_text(f"name: many\nnodes:\n{_nodes(shape, count)}")
    return folder


def _nodes(shape: str, count: int) -> str:
    params = "{entrypoint: 'noop.py:noop', inputs: [], output_uri: 'out/%s.txt'}"
    incremental = "incremental: {strategy: hybrid}"
    if shape == "tasks":
        return "".join(
            f"  - {{id: t{number}, type: python, {incremental}, params: {params % number}}}\n"
            for number in range(count)
        )
    if shape == "items":
        listed = json.dumps(list(range(count)))
        return f"  - {{id: t, type: python, {incremental}, for_each: {listed}, params: {params % '{{ item }}'}}}\n"
    return f"  - {{id: t, type: python, params: {{entrypoint: 'noop.py:spread', args: {{count: {count}}}}}}}\n"


def compiled_run(base: Path, shape: str, count: int) -> Cost:
    """Runs a project that was compiled before: planned, until its files are old enough for that to be kept."""
    folder = write(base, shape, count)
    while not list(folder.glob(".trc/compiled/*")):
        cost([*TRC, "plan", "many.yaml"], folder)
    return cost([*TRC, "run", "many.yaml"], folder)


def marginal(costs: Mapping[str, Cost], shape: str, low: int, high: int, what: Literal["cpu", "wall"] = "cpu") -> float:
    """Microseconds that one more costs, between two sizes: what starting costs falls out."""
    return 1e6 * (costs[f"{shape}{high}"].of(what) - costs[f"{shape}{low}"].of(what)) / (high - low)


def cost_table(costs: Mapping[str, Cost]) -> str:
    low, middle, high = SIZES
    plain = marginal(costs, "tasks", low, high)
    return table(
        "10,000 no-op items and sub-tasks (left) against as many tasks of the pipeline (right), compiled before",
        [
            Row("CPU an item", marginal(costs, "items", low, high), plain, "µs", 1.5),
            Row("CPU a sub-task", marginal(costs, "subtasks", low, high), plain, "µs", 1.5),
            Row("the whole command of items, wall", costs[f"items{high}"].wall, costs[f"tasks{high}"].wall, "s"),
            Row("the whole command of sub-tasks, wall", costs[f"subtasks{high}"].wall, costs[f"tasks{high}"].wall, "s"),
            Row(
                "growth: an item from 5,000 to 10,000 (left) against 2,500 to 5,000 (right)",
                marginal(costs, "items", middle, high),
                marginal(costs, "items", low, middle),
                "µs",
                1.3,
            ),
        ],
    )


def memory_table(held: Mapping[str, float]) -> str:
    low, _, high = SIZES

    def more(shape: str) -> float:
        return 1024 * (held[f"{shape}{high}"] - held[f"{shape}{low}"]) / (high - low)

    return table(
        "Memory that one more of 10,000 takes",
        [
            Row("an item", more("items"), more("tasks"), "KiB"),
            Row("a sub-task", more("subtasks"), more("tasks"), "KiB"),
            Row("all of 10,000 items", held[f"items{high}"], held[f"tasks{high}"], "MiB"),
        ],
    )


if __name__ == "__main__":
    print(main())
