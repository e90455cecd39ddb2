"""What a task's own world costs: a container against `docker run`, an environment against `uv pip install` by hand."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

from measure import PYTHON, TRC, Row, table

from trc.backends.registry import backend_named
from trc.compiler.environments.lockfile import read_lock
from trc.runtime.environments.built import Environments
from trc.runtime.environments.uv import find_uv
from trc.runtime.executor import Ended
from trc.runtime.taskside.order import TaskOrder

ENGINE: Final = Path(__file__).parents[1] / "tests/engines/docker_engine.py"
BASE: Final = "trc-test/python:{python}"
ROUNDS: Final = 7
WARM: Final = 300
REQUIREMENTS: Final = ("duckdb==1.4.1", "six==1.16.0", "requests==2.32.3")
CODE: Final = "import time\n\n\ndef go(context):\n    return {'at': time.time()}\n"
_PRINT: Final = "import time; print(time.time())"


def main() -> str:
    rows = list(_environments())
    found = subprocess.run([ENGINE, "find"], capture_output=True, text=True, check=False)
    if found.returncode == 0:
        os.environ["DOCKER_HOST"] = found.stdout.strip()
        rows += _containers()
    told = "" if found.returncode == 0 else "\nNo Docker engine answers: containers are left out.\n"
    return table("a task's own world", rows) + told


def _environments() -> Iterator[Row]:
    """Built from what is locked, with what uv has fetched before, and found again."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        asked = ", ".join(f'"{one}"' for one in REQUIREMENTS)
        (folder / "trc.toml").touch()
        (folder / "p.trc").write_text(
            f'pipeline "p" {{ }}\ntask a = shell $$ true $$ {{ environment {{ requirements = [{asked}] }} }}\n'
        )
        subprocess.run([*TRC, "lock"], cwd=folder, check=True, capture_output=True)
        (locked,) = read_lock((folder / "trc.lock").read_bytes()).values()
        lines = [
            f"{one.name}=={one.version} {' '.join(f'--hash={value}' for value in one.hashes)}"
            for one in locked.packages
        ]
        (folder / "by-hand.txt").write_text("\n".join(lines) + "\n")
        cold: list[float] = []
        seen: list[float] = []
        hand: list[float] = []
        for number in range(ROUNDS + 1):
            hand.append(_timed(partial(_by_hand, folder, number)))
            environments = Environments(folder / f"cache{number}", os.environ)
            ready = partial(environments.ready, str(folder), locked.digest)
            cold.append(_timed(ready))
            seen.append(_timed(ready))
            environments.close()
        # The first round of each fetches what is not there yet.
        yield Row("an environment of its own, wall, against uv by hand", *_medians(cold[1:], hand[1:]), "s", 1.1)
        yield Row("the same, seen before, against 10 ms", statistics.median(seen[1:]) * 1e3, 10.0, "ms", 1)


def _by_hand(folder: Path, number: int) -> None:
    place = folder / f"hand{number}"
    uv = find_uv()
    subprocess.run([uv, "venv", "--quiet", "--no-project", "--python", PYTHON, place], check=True)
    install = [uv, "pip", "install", "--quiet", "--require-hashes", "--no-build", "-r", folder / "by-hand.txt"]
    subprocess.run([*install, "--python", place / "bin/python"], check=True)


def _containers() -> Iterator[Row]:
    image = BASE.format(python=f"{sys.version_info[0]}.{sys.version_info[1]}")
    starts: list[float] = []
    bare: list[float] = []
    with _executor({"isolation": "strict", "network": "none"}) as (run, order):
        run(order(0, image))
        for number in range(1, ROUNDS + 1):
            _until_removed()
            began = time.time()
            starts.append(run(order(number, image)) - began)
            began = time.time()
            words = ["docker", "run", "--rm", "--network", "none", image, "python3", "-c", _PRINT]
            told = subprocess.run(words, check=True, capture_output=True, text=True).stdout
            bare.append(float(told) - began)
    yield Row("a container, wall to the task's first line, against `docker run`", *_medians(starts, bare), "s", 1.3)
    with _executor({"network": "none"}) as (run, order):
        run(order(0, image))
        began = time.perf_counter()
        for number in range(1, WARM + 1):
            run(order(number, image))
        each = (time.perf_counter() - began) / WARM
    yield Row("a task in a warm container, wall, against 30 ms", each * 1e3, 30.0, "ms", 1)


def _until_removed() -> None:
    """Waits until the container of the round before is gone, as `docker run --rm` does."""
    while subprocess.run(
        ["docker", "ps", "-aq", "--filter", "label=trc.owner"], check=True, capture_output=True
    ).stdout:
        time.sleep(0.05)


@contextmanager
def _executor(options: Mapping[str, Any]) -> Iterator[tuple[Any, Any]]:
    """What runs an order, answering when its code began; and what makes one, of a number, for an image."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "code.py").write_text(CODE)
        (folder / "state").mkdir()
        executor = backend_named("docker").executor(1, folder / "state", 0, options)

        def order(number: int, image: str) -> TaskOrder:
            return TaskOrder(
                run="r",
                pipeline="p",
                task="go",
                attempt=1,
                token=f"go/{number}",
                runs="trc.stdlib_tasks.python.run:run",
                project=str(folder),
                log=str(folder / "state" / f"{number}.log"),
                run_time="2026-01-15T02:00:00+00:00",
                idempotency_key="r/go",
                params={"entrypoint": "code.py:go", "args": {}},
                image=image,
            )

        def run(one: TaskOrder) -> float:
            executor.start(one)
            while True:
                for report in executor.poll(60.0):
                    if isinstance(report, Ended):
                        assert report.result.failure is None, report.result.failure
                        return float(report.result.values["at"])

        try:
            yield run, order
        finally:
            executor.close()


def _timed(call: Any) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def _medians(ours: list[float], peer: list[float]) -> tuple[float, float]:
    return statistics.median(ours), statistics.median(peer)


if __name__ == "__main__":
    print(main())
