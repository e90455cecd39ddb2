"""Keeps orders back until the environments are there that they run in, which are built beside the run."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Semaphore, Thread
from typing import Literal

from trc.backends.local.process import Handed, Interpreter
from trc.compiler.environments.wanted import LockedEnvironment
from trc.runtime.environments.built import AT_A_TIME, Environments, NotBuilt, cache_folder
from trc.runtime.taskside.records import record
from trc.runtime.taskside.result import Failure

_PATIENCE = 5.0
"""Seconds in which what was being built has to be cleared away at the end."""


@record(frozen=True, slots=True)
class Building:
    """How far an environment is that was not there, and what for: see `trc.runtime.executor.Prepared`."""

    tasks: tuple[str, ...]
    state: Literal["building", "built", "failed"]
    what: str
    seconds: float = 0.0


@dataclass(slots=True)
class Antechamber:
    """Where orders wait for their environments. Each is built once, in a thread; others go on meanwhile."""

    environments: Environments
    path: str
    """The PATH that the task's own programs are put in front of."""
    ready: dict[str, Interpreter] = field(default_factory=dict[str, Interpreter])
    """By environment, what processes of it run on."""
    waiting: dict[str, list[Handed]] = field(default_factory=dict[str, list[Handed]])
    _threads: dict[str, Thread] = field(default_factory=dict[str, Thread])
    _done: dict[str, Interpreter | Failure] = field(default_factory=dict[str, "Interpreter | Failure"])
    _refused: dict[str, Failure] = field(default_factory=dict[str, Failure])
    """The environments that could not be had before anybody waited for them."""
    _told: SimpleQueue[Building] = field(default_factory=SimpleQueue["Building"])
    _room: Semaphore = field(default_factory=lambda: Semaphore(AT_A_TIME))
    _news: tuple[int, int] = field(default_factory=lambda: os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK))

    @property
    def news(self) -> int:
        """Readable when an environment is there, or cannot be had."""
        return self._news[0]

    @property
    def held(self) -> int:
        """How many orders wait."""
        return sum(map(len, self.waiting.values()))

    def begin(self, project: str, environment: str, tasks: tuple[str, ...]) -> None:
        """Has an environment be built for tasks, if that has not begun."""
        if environment not in self._threads:
            thread = Thread(target=self._build, args=(project, environment, tasks), name="environment", daemon=True)
            self._threads[environment] = thread
            thread.start()

    def hold(self, handed: Handed, project: str, task: str, attempt: int) -> None:
        """Has an order wait; its environment is begun to be built if it is the first."""
        environment = handed.kind.environment
        self.waiting.setdefault(environment, []).append(handed)
        refused = self._refused.get(environment)
        if refused is not None and refused.kind == "permanent" and attempt == 1:
            # It was tried for this attempt; another attempt is another try.
            self._done[environment] = refused
            self._wake()
        else:
            self.begin(project, environment, (task,))

    def withdraw(self, token: str) -> bool:
        """Takes an order back; tells whether it was waiting."""
        for waiting in self.waiting.values():
            for handed in waiting:
                if handed.token == token:
                    waiting.remove(handed)
                    return True
        return False

    def release(self, go_on: Callable[[Handed], None], fail: Callable[[Handed, Failure], None]) -> None:
        """Lets the orders go whose environment is there, and fails those whose cannot be had."""
        with suppress(BlockingIOError):
            os.read(self.news, 4096)
        for environment in list(self._done):
            found = self._done.pop(environment)
            self._threads.pop(environment, None)
            waiting = self.waiting.pop(environment, [])
            if isinstance(found, Interpreter):
                self.ready[environment] = found
            elif not waiting:
                self._refused[environment] = found
            for handed in waiting:
                if isinstance(found, Interpreter):
                    go_on(handed)
                else:
                    fail(handed, found)

    def building(self) -> Iterator[Building]:
        """What there is to tell of environments that were not there."""
        with suppress(Empty):
            while True:
                yield self._told.get_nowait()

    def close(self) -> None:
        """Ends what is being built."""
        self.waiting.clear()
        self.environments.close()
        for thread in list(self._threads.values()):
            thread.join(_PATIENCE)
        for end in self._news:
            os.close(end)

    def _build(self, project: str, environment: str, tasks: tuple[str, ...]) -> None:
        began: list[tuple[float, str]] = []

        def begun(locked: LockedEnvironment) -> None:
            began.append((time.monotonic(), locked.described))
            self._tell(Building(tasks, "building", locked.described))

        def ended(state: Literal["built", "failed"]) -> None:
            for since, what in began:
                self._tell(Building(tasks, state, what, time.monotonic() - since))

        try:
            with self._room:
                python = self.environments.ready(project, environment, begun)
            ended("built")
            self._done[environment] = _interpreter(python, self.environments.task_side(), self.path)
        except NotBuilt as error:
            ended("failed")
            kind = "temporary" if error.is_temporary else "permanent"
            self._done[environment] = Failure(str(error), kind, error.reason)
        self._wake()

    def _tell(self, told: Building) -> None:
        self._told.put(told)
        self._wake()

    def _wake(self) -> None:
        with suppress(OSError):  # nobody is left to be told
            os.write(self._news[1], b".")


def antechamber(environ: Mapping[str, str]) -> Antechamber:
    """The place for a run of somebody with these variables."""
    return Antechamber(Environments(cache_folder(environ), environ), environ.get("PATH", os.defpath))


def _interpreter(python: Path, task_side: Path, path: str) -> Interpreter:
    variables = {
        "PATH": f"{python.parent}{os.pathsep}{path}",
        "VIRTUAL_ENV": str(python.parents[1]),
        "PYTHONNOUSERSITE": "1",
    }
    return Interpreter(str(python), ("-s",), str(task_side), tuple(variables.items()))
