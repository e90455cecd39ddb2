"""What a run costs when all of its tasks are up to date, against ninja on the same graph."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path

from graphs import write_ninja, write_project
from measure import PYTHON, TRC, Cost, Row, cost, interleaved, table

ROUNDS = 9
COUNT, MANY = 1_000, 10_000
AT_MOST = 2.5
"""Times ninja's CPU, where there are so many tasks that starting counts for little."""


def main() -> str:
    few, many = measure(COUNT, ROUNDS), measure(MANY, ROUNDS // 2)
    allowed = 5 * few["ninja"].cpu + few["python"].cpu
    return table(
        "Tasks that are all up to date: CPU of `trc run` against ninja on the same graph",
        [
            Row("1,000: CPU against 5 times ninja and one start of Python", _ms(few["trc"]), allowed * 1000, "ms", 1.0),
            Row("the same, looking at every task again", _ms(few["looks"]), allowed * 1000, "ms"),
            Row("1,000: CPU against ninja alone", _ms(few["trc"]), _ms(few["ninja"]), "ms"),
            Row("10,000: CPU against ninja alone", _ms(many["trc"]), _ms(many["ninja"]), "ms", AT_MOST),
            Row("the same, wall", many["trc"].wall * 1000, many["ninja"].wall * 1000, "ms"),
            Row("the same CPU, looking at every task again", _ms(many["looks"]), _ms(many["ninja"]), "ms"),
        ],
    )


def measure(count: int, rounds: int) -> dict[str, Cost]:
    """What each takes when there is nothing to do in `count` tasks."""
    ninja = find_ninja()
    with tempfile.TemporaryDirectory() as name:
        folder = write_project(Path(name) / "many", "wide", count)
        write_ninja(folder, count)
        cost([*TRC, "run", "many.yaml"], folder)
        cost([ninja, "--quiet"], folder)
        # An answer is written down once all that it rests on is two seconds old.
        time.sleep(2.5)
        cost([*TRC, "run", "many.yaml"], folder)
        return interleaved(
            rounds,
            {
                "looks": lambda: run_without_answer(folder),
                "trc": lambda: cost([*TRC, "run", "many.yaml"], folder),
                "ninja": lambda: cost([ninja, "--quiet"], folder),
                "python": lambda: cost([PYTHON, "-c", "pass"], folder),
            },
        )


def _ms(of: Cost) -> float:
    return of.cpu * 1000


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
