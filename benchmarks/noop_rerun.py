"""What a run costs when all of 1,000 tasks are up to date, against ninja on the same graph."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from graphs import write_ninja, write_project
from measure import PYTHON, TRC, Cost, Row, cost, interleaved, table

ROUNDS = 9
COUNT = 1000


def main() -> str:
    ninja = find_ninja()
    with tempfile.TemporaryDirectory() as name:
        folder = write_project(Path(name) / "many", "wide", COUNT)
        write_ninja(folder, COUNT)
        cost([*TRC, "run", "many.yaml"], folder)
        cost([ninja, "--quiet"], folder)
        costs = interleaved(
            ROUNDS,
            {
                "looks": lambda: run_without_answer(folder),
                "trc": lambda: cost([*TRC, "run", "many.yaml"], folder),
                "ninja": lambda: cost([ninja, "--quiet"], folder),
                "python": lambda: cost([PYTHON, "-c", "pass"], folder),
            },
        )
    allowed = 5 * costs["ninja"].cpu + costs["python"].cpu
    return table(
        "1,000 tasks, all up to date: CPU of `trc run` against 5 times ninja and one start of the interpreter",
        [
            Row("CPU, looking at every task again", costs["looks"].cpu * 1000, allowed * 1000, "ms"),
            Row("CPU", costs["trc"].cpu * 1000, allowed * 1000, "ms", 1.0),
            Row("CPU, ninja alone", costs["trc"].cpu * 1000, costs["ninja"].cpu * 1000, "ms"),
            Row("wall, ninja alone", costs["trc"].wall * 1000, costs["ninja"].wall * 1000, "ms"),
        ],
    )


def run_without_answer(folder: Path) -> Cost:
    """A run that cannot lean on what an earlier one wrote down about having nothing to do."""
    shutil.rmtree(folder / ".trc" / "standing", ignore_errors=True)
    return cost([*TRC, "run", "many.yaml"], folder)


def find_ninja() -> str:
    beside = Path(sys.executable).parent / "ninja"
    found = str(beside) if beside.exists() else shutil.which("ninja")
    return found or sys.exit("ninja is not installed: make setup-bench")


if __name__ == "__main__":
    print(main())
