"""What 2,000 asynchronous tasks cost that each wait for 50 ms, against `asyncio.gather` by hand."""

from __future__ import annotations

import tempfile
from pathlib import Path

from measure import PYTHON, TRC, Row, cost, interleaved, table

ROUNDS = 5
COUNT = 2_000
AT_A_TIME = 500
CODE = "import asyncio\n\n\nasync def wait(context):\n    await asyncio.sleep(0.05)\n"
BY_HAND = f"""\
import asyncio


async def main():
    slots = asyncio.Semaphore({AT_A_TIME})

    async def one():
        async with slots:
            await asyncio.sleep(0.05)

    await asyncio.gather(*(one() for _ in range({COUNT})))


asyncio.run(main())
"""


def main() -> str:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "wait.py").write_text(CODE)
        (folder / "by_hand.py").write_text(BY_HAND)
        (folder / "trc.toml").write_text(f"[local]\nmax_async = {AT_A_TIME}\n")
        nodes = "".join(
            f'  - {{id: t{number}, type: python, params: {{entrypoint: "wait.py:wait"}}}}\n' for number in range(COUNT)
        )
        (folder / "many.yaml").write_text(f"name: many\nnodes:\n{nodes}")
        # Compiled once: what is measured is the run.
        run = [*TRC, "run", "many.yaml", "--new"]
        cost(run, folder)
        costs = interleaved(
            ROUNDS,
            {
                "trc": lambda: cost(run, folder),
                "gather": lambda: cost([PYTHON, "by_hand.py"], folder),
            },
        )
    alone = COUNT * 0.05
    return table(
        f"{COUNT:,} asynchronous tasks of 50 ms, {AT_A_TIME} at a time: `trc run` against `asyncio.gather` by hand",
        [
            Row("wall", costs["trc"].wall * 1000, costs["gather"].wall * 1000, "ms"),
            Row("wall, against one after the other", costs["trc"].wall * 1000, alone * 1000, "ms", 0.1),
            Row("CPU a task", costs["trc"].cpu / COUNT * 1e6, costs["gather"].cpu / COUNT * 1e6, "µs"),
        ],
    )


if __name__ == "__main__":
    print(main())
