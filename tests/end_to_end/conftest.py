"""A project in a folder of its own, driven through the real command."""

from __future__ import annotations

import os
import select
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from tests.warm import COMMANDS, TRC, Done


@dataclass(frozen=True)
class Space:
    """A project's folder, and the commands that were started in it."""

    root: Path
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text).lstrip("\n"))
        return path

    def read(self, name: str) -> str:
        return (self.root / name).read_text()

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """A `trc` command that goes on while the test does."""
        process = subprocess.Popen(
            [*TRC, *arguments], cwd=self.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.started.append(process)
        return process

    def kill(self, process: subprocess.Popen[str]) -> None:
        """Ends a command that was started with no chance to tidy up, and waits until all that it had started has died."""
        family = [process.pid]
        for one in family:
            for listed in Path(f"/proc/{one}/task").glob("*/children"):
                family += map(int, listed.read_text().split())
        ends = [os.pidfd_open(one) for one in family]
        process.kill()
        process.wait()
        for end in ends:
            assert select.select([end], [], [], 30)[0], "a process outlived its driver"
            os.close(end)

    def trc(self, *arguments: str, code: int | None = 0) -> Done:
        """A `trc` command, run to its end; `code` is the exit code that it must have."""
        done = COMMANDS.run(arguments, self.root)
        assert code is None or done.code == code, f"exit code {done.code}\n{done.out}\n{done.err}"
        return done

    def states(self, *arguments: str, code: int = 0) -> dict[str, str]:
        """Runs `p.yaml`, and answers each task's final state."""
        report = self.trc("run", "p.yaml", "--json", *arguments, code=code).json
        return {task["task"]: task["state"] for task in report["tasks"]}

    def why(self, task: str) -> dict[str, Any]:
        """The recorded reason of a task's last run, as `trc explain` tells it."""
        explanation: dict[str, Any] = self.trc("explain", f"task:{task}", "--json").json["reason"]
        return explanation

    def age(self) -> None:
        """Lets all files be ten seconds old: what was written just now is not trusted to be settled."""
        for path in self.root.rglob("*"):
            if path.is_file() and ".trc" not in path.parts:
                stat = path.stat()
                os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns - 10_000_000_000))


@pytest.fixture
def space(tmp_path: Path) -> Iterator[Space]:
    """Nothing that a failed test left behind goes on."""
    yield from _tidied(Space(tmp_path))


@pytest.fixture(scope="module")
def shared_space(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Space]:
    """One for fixtures that run what several tests look at."""
    yield from _tidied(Space(tmp_path_factory.mktemp("shared")))


def _tidied(given: Space) -> Iterator[Space]:
    yield given
    for process in given.started:
        if process.poll() is None:
            process.kill()
        with process:
            pass
