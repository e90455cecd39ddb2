"""Runs whose processes are killed at random instants: the driver, a worker, or both at once, again and again.

Each seed makes a pipeline, a way through it and the instants of death. After each death nothing half-written may
be seen; at the end every task has succeeded once and for all, and the store says so.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sqlite3
import subprocess
import time
from collections import Counter
from contextlib import closing, suppress
from pathlib import Path
from random import Random
from typing import Any, Literal

import pytest
from tests.quick import few
from tests.warm import TRC

NORMAL_SEEDS, ALL_SEEDS = 20, 200
MOST_ROUNDS = 4
"""Commands that are killed, before one is left in peace."""

STEP = """
import os
import time


def step(context):
    number, pause = context.args["number"], context.args["pause"]
    ran = os.open("ran", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(ran, f"{number}\\n".encode())
    os.close(ran)
    text = "".join(open(context.inputs[name].path).read() for name in sorted(context.inputs)) + f"{number};"
    with open(context.output.path, "w") as file:
        for piece in (text[: len(text) // 2], text[len(text) // 2 :]):
            file.write(piece)
            file.flush()
            time.sleep(pause)
"""

Victim = Literal["driver", "worker", "both"]


class Space:
    """A project of many small tasks, and what is known of it."""

    def __init__(self, root: Path, random: Random) -> None:
        self.root = root
        self.random = random
        self.reads = {number: self._some_before(number) for number in range(random.choice([10, 16, 24]))}
        self.expected: dict[int, str] = {}
        for number, reads in self.reads.items():
            self.expected[number] = "".join(self.expected[one] for one in reads) + f"{number};"
        self.told: list[str] = []

    def _some_before(self, number: int) -> list[int]:
        return sorted(self.random.sample(range(number), min(number, self.random.choice([0, 1, 1, 2]))))

    def write(self) -> None:
        (self.root / "t.py").write_text(STEP)
        nodes = []
        for number, reads in self.reads.items():
            inputs = ", ".join(f"i{place:02}: t{one}" for place, one in enumerate(reads))
            pause = self.random.choice([0.0, 0.002, 0.01])
            # One half keeps its outputs where the author says, the other where the engine does.
            uri = f"      output_uri: out/{number}.txt\n      output_format: file\n" if number % 2 else ""
            nodes.append(
                f"  - id: t{number}\n    type: python\n    params:\n      entrypoint: t.py:step\n"
                f"      inputs: {{{inputs}}}\n      args: {{number: {number}, pause: {pause}}}\n"
                f"{uri or '      output_format: file' + chr(10)}"
                "    incremental: {enabled: true}\n"
                "    retries: {max_attempts: 20, initial_delay: 0s}\n"
            )
        (self.root / "p.yaml").write_text("name: many\nnodes:\n" + "".join(nodes))

    def start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*TRC, "run", "p.yaml"], cwd=self.root, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )

    def run_to_the_end(self) -> None:
        process = self.start()
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said

    def ran(self) -> Counter[int]:
        """How often each task's code was begun."""
        try:
            return Counter(map(int, (self.root / "ran").read_text().split()))
        except FileNotFoundError:
            return Counter()

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What the store holds, read past all of trc's own code."""
        if not (self.root / ".trc/state.db").exists():
            return []
        with closing(sqlite3.connect(self.root / ".trc/state.db")) as store:
            try:
                return store.execute(query).fetchall()
            except sqlite3.OperationalError:  # it was killed before the tables were made
                return []

    def succeeded(self) -> set[int]:
        return {int(task[1:]) for (task,) in self.rows("select task from task_runs where state = 'success'")}

    def one_round(self, victim: Victim) -> None:
        """Starts the command and kills its victim at some instant."""
        before, done = self.ran(), self.succeeded()
        process = self.start()
        assert process.stderr is not None
        lines = self.random.choice([0, 0, 1, 2, 3, 5])
        for _ in range(lines):
            process.stderr.readline()
        # An instant that nothing else marks: that is what is to be hit.
        time.sleep(self.random.uniform(0, 0.4 if lines == 0 else 0.02))
        family = _descendants(process.pid)
        self.told.append(f"{victim} after {lines} lines, {len(done)} tasks done before")
        watched = [descriptor for descriptor in map(_watch, family) if descriptor is not None]
        if victim in ("worker", "both"):
            for pid in self.random.sample(family, min(len(family), self.random.choice([1, 1, 2]))):
                _kill(pid)
        if victim in ("driver", "both"):
            _kill(process.pid)
        process.communicate(timeout=60)
        for descriptor in watched:
            assert select.select([descriptor], [], [], 30)[0], "a worker outlived its driver"
            os.close(descriptor)
        again = self.ran()
        assert {task for task in done if again[task] != before[task]} == set(), "a task that succeeded ran again"
        self.check_outputs()

    def check_outputs(self) -> None:
        """Whatever is to be seen is whole, and what is recorded is there."""
        for path in (self.root / "out").glob("*"):
            assert path.read_text() == self.expected[int(path.stem)], f"{path.name} is not what its task writes"
        for task, outputs in self.rows("select task, outputs from results"):
            ((_, path, *_rest),) = json.loads(outputs)
            assert Path(path).read_text() == self.expected[int(task[1:])], f"the result of {task} is not there"

    def check_end(self) -> None:
        everyone = {f"t{number}" for number in self.reads}
        assert self.rows("pragma integrity_check") == [("ok",)]
        assert self.rows("pragma foreign_key_check") == []
        assert self.rows("select distinct state from runs where state != 'abandoned'") == [("success",)]
        last = "(select id from runs order by number desc limit 1)"
        states = dict(self.rows(f"select task, state from task_runs where run = {last}"))
        assert states.keys() == everyone
        assert set(states.values()) <= {"success", "skipped"}
        open_ones = "select task from attempts where state in ('claimed', 'running')"
        assert self.rows(open_ones) == [], "an attempt stays open"
        succeeded = Counter(task for (task,) in self.rows("select task from attempts where state = 'success'"))
        assert succeeded == dict.fromkeys(everyone, 1), "a task succeeded other than once"
        assert self.rows("select uri from leases") == [], "a location is still held"
        assert {task for (task,) in self.rows("select task from latest_results")} == everyone
        assert not [path for path in (self.root / ".trc/staging").rglob("*") if path.is_file()], "a staged file is left"


def _descendants(pid: int) -> list[int]:
    """Guardians and workers, those who were started first ahead."""
    found: list[int] = []
    with suppress(FileNotFoundError, ProcessLookupError):
        for child in map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()):
            found += [child, *_descendants(child)]
    return found


def _watch(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return None


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("seed", few(range(ALL_SEEDS), range(NORMAL_SEEDS)))
def test_whatever_is_killed_nothing_is_lost_and_nothing_done_twice(tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    space = Space(tmp_path, random)
    space.write()
    try:
        for _ in range(random.randint(1, MOST_ROUNDS)):
            if len(space.succeeded()) < len(space.reads):
                space.one_round(random.choice(["driver", "driver", "worker", "both"]))
        done, before = space.succeeded(), space.ran()
        space.run_to_the_end()
        assert {task for task in done if space.ran()[task] != before[task]} == set(), "a task that succeeded ran again"
        space.check_outputs()
        space.check_end()
        ran = space.ran()
        space.run_to_the_end()
        assert space.ran() == ran, "what is up to date ran again"
    except AssertionError as problem:
        raise AssertionError(f"seed {seed}: {problem}\n" + "\n".join(space.told)) from problem
