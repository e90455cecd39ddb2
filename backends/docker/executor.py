"""Runs attempts in containers: a few at a time, each made for what it is to run, and kept warm where that is wished."""

from __future__ import annotations

import atexit
import json
import selectors
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any, Final, Literal

from trc.backends.docker.attached import Attached
from trc.backends.docker.containers import Container, Containers, End
from trc.backends.docker.dockerfile import Recipe
from trc.backends.docker.endings import failure_of_end
from trc.backends.docker.engine import Engine
from trc.backends.docker.images import Images
from trc.backends.docker.kinds import HOME, OTHER_PYTHON, Handed, Kind, folders
from trc.backends.docker.options import DockerOptions
from trc.backends.docker.orphans import remove_orphans
from trc.backends.docker.recipes import recipe_of
from trc.backends.docker.troubles import no_python
from trc.backends.local.endings import failure_of_limit
from trc.backends.local.memory import memory_of_machine
from trc.backends.trouble import Trouble
from trc.backends.workshop import Workshop
from trc.runtime.clock import Clock
from trc.runtime.drivers import this_driver
from trc.runtime.environments.built import Environments, NotBuilt, cache_folder
from trc.runtime.executor import (
    Ended,
    Lost,
    Needed,
    Prepared,
    Progressed,
    Queued,
    Report,
    Started,
    Unavailable,
)
from trc.runtime.spec import TaskSpec
from trc.runtime.taskside.order import TaskOrder
from trc.runtime.taskside.result import AttemptResult, Failure

_ENGINES_SHARE: Final = 0.8
_BESIDE: Final = 96 << 20
"""Bytes of a container that are no engine's: the interpreter, its guardians, and what an engine does not count."""
_TELL_QUEUED: Final = 0.5
"""Seconds between two times that it is told who waits for others."""
_NO_PROGRAM: Final = (126, 127)
"""The exit codes of a container whose program is not there, or is none."""
_NOTHING: Final[Mapping[str, Any]] = {}
# One for all orders: `json.dumps` with separators builds a new one each time.
_encode: Final = json.JSONEncoder(separators=(",", ":")).encode


class DockerExecutor:
    """Implements `Executor` with at most `workers` containers, each of which runs one attempt at a time.

    The engine is asked for nothing before there is an order. All calls to it are made beside the run's own thread.
    """

    def __init__(
        self, workers: int, state: Path, environ: Mapping[str, str], clock: Clock, options: DockerOptions
    ) -> None:
        self._most = workers
        self._state = state.absolute()
        self._clock = clock
        self._options = options
        self._engine = Engine(environ)
        self._images = Images(self._engine, options)
        self._environments = Environments(cache_folder(environ), environ)
        self._memory_share = int(memory_of_machine() * _ENGINES_SHARE / workers)
        self._owner = this_driver(clock)
        self._recipes: dict[tuple[str, str, tuple[str, ...]], tuple[Recipe, str]] = {}
        self._names: dict[Recipe, str] = {}
        """The images that are there."""
        self._held: dict[Recipe, list[Handed]] = {}
        """The orders that wait for an image which is being made."""
        self._refused: dict[Recipe, Failure] = {}
        """The images that could not be had before anybody waited for them."""
        self._told_queued_at = time.monotonic()
        self._waiting: deque[Handed] = deque()
        self._containers: list[Container] = []
        self._reports: list[Report] = []
        self._made: Containers | None = None
        self._preparing = Lock()
        self._workshop = Workshop(workers + 2)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._workshop.news, selectors.EVENT_READ, lambda _mask: self._workshop.settle())
        atexit.register(self.close)

    @property
    def slots(self) -> int:
        # What waits for an image keeps no container from others.
        return self._most + sum(map(len, self._held.values()))

    @property
    def async_slots(self) -> int:
        return 0

    def expect(self, tasks: Sequence[TaskSpec]) -> None:
        """A container is made for its order, which says what it mounts."""

    def make_ready(self, order: TaskOrder) -> bool:
        del order
        return False

    def prepare(self, ahead: Sequence[Needed]) -> None:
        """Begins to make the images that tasks are about to need. Raises `Unavailable` where there is no engine for them."""
        if not ahead:
            return
        try:
            _ = self._engine.api
        except Trouble as trouble:
            raise Unavailable(trouble.failure, tuple(task for one in ahead for task in one.tasks)) from trouble
        for one in ahead:
            try:
                recipe, _ = self._recipe(one)
            except NotBuilt:
                continue  # the attempts tell it
            self._make(recipe, one.tasks)

    def start(self, *orders: TaskOrder) -> None:
        for order in orders:
            self._accept(order)
        self._hand_out()

    def _accept(self, order: TaskOrder) -> None:
        """Has an order wait for a container, or for its image first."""
        try:
            handed = self._handed(order)
        except NotBuilt as error:
            kind = "temporary" if error.is_temporary else "permanent"
            self._fail(order.token, Failure(str(error), kind, error.reason))
            return
        if handed.kind.recipe in self._names:
            self._waiting.append(handed)
        else:
            self._hold(handed, order.attempt)

    def stop(self, token: str, grace: float) -> None:
        for waiting in (self._waiting, *self._held.values()):
            for handed in waiting:
                if handed.token == token:
                    waiting.remove(handed)
                    self._lose(token, "stopped")
                    return
        for container in self._containers:
            if container.running is not None and container.running.token == token:
                container.stopping = token
                container.deadline = time.monotonic() + grace
                if grace > 0:
                    self._signal(container, "SIGTERM")
                else:
                    self._kill(container)
                return

    def poll(self, timeout: float | None) -> Sequence[Report]:
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            for key, mask in self._selector.select(
                0.0 if self._reports or not self._is_busy(end) else self._until(end)
            ):
                key.data(mask)
            self._force_overdue()
            self._hand_out()
            if self._reports or (end is not None and time.monotonic() >= end) or not self._is_busy(end):
                reports, self._reports = self._reports, []
                if time.monotonic() - self._told_queued_at >= _TELL_QUEUED:
                    reports += self._queued()
                return reports

    def _queued(self) -> Iterator[Report]:
        """Those that wait for others to end, or for their image."""
        self._told_queued_at, now = time.monotonic(), self._clock.now()
        return (Queued(handed.token, now) for waiting in (self._waiting, *self._held.values()) for handed in waiting)

    def close(self) -> None:
        atexit.unregister(self.close)
        self._waiting.clear()
        self._held.clear()
        containers, self._containers = self._containers, []
        for container in containers:
            if container.attached is not None:
                self._leave(container)
        self._workshop.close()
        for container in containers:
            # It was being started, and is there by now, if ever.
            if container.attached is None and self._made is not None:
                self._made.remove(container)
        self._engine.close()
        self._environments.close()
        self._selector.close()

    # ── what an order takes ──

    def _handed(self, order: TaskOrder) -> Handed:
        raw = order.to_dict()
        # Nobody but the process itself awaits what it runs.
        raw.pop("is_async", None)
        # Containers have equal process ids: beside the outputs they would spill into each other's files.
        raw["scratch"] = HOME
        if order.memory is not None:
            # The kernel counts all that the container holds: what an engine may fill leaves room for the rest.
            raw["memory"] = max(order.memory // 2, order.memory - _BESIDE)
        else:
            raw["memory_share"] = order.memory_share or self._memory_share
        recipe, python = self._recipe(order)
        readable, writable = folders(order, str(self._state))
        kind = Kind(
            recipe,
            python,
            tuple(sorted(order.env.items())),
            order.memory,
            order.cpus,
            order.gpus,
            tuple(one.ref for one in order.secrets),
            readable,
            writable,
        )
        return Handed(order.token, order.run, order.task, _encode(raw).encode() + b"\n", kind, order.retry_on)

    def _recipe(self, order: TaskOrder | Needed) -> tuple[Recipe, str]:
        """What the image is made of, and the Python that it has to have; empty where any will do."""
        asked = (order.environment, order.image, order.system_packages)
        found = self._recipes.get(asked)
        if found is None:
            found = self._recipes[asked] = recipe_of(order.project, *asked, self._options.base)
        return found

    # ── images ──

    def _hold(self, handed: Handed, attempt: int) -> None:
        """Has an order wait for its image, which is begun to be made if it is the first."""
        recipe = handed.kind.recipe
        refused = self._refused.get(recipe)
        if refused is not None and refused.kind == "permanent" and attempt == 1:
            # It was tried for this attempt; another attempt is another try.
            self._fail(handed.token, refused)
            return
        self._make(recipe, (handed.task,))
        self._held[recipe].append(handed)

    def _make(self, recipe: Recipe, tasks: tuple[str, ...]) -> None:
        """Has an image be made for tasks, if that has not begun."""
        if recipe in self._held or recipe in self._names:
            return
        self._held[recipe] = []
        began: list[float] = []

        def begun() -> None:
            if began:
                return
            began.append(time.monotonic())
            self._workshop.tell(partial(self._tell_made, recipe, tasks, "building"))

        def ended(state: Literal["built", "failed"]) -> None:
            for since in began:
                self._workshop.tell(partial(self._tell_made, recipe, tasks, state, time.monotonic() - since))

        def make() -> Callable[[], None]:
            try:
                self._prepare()
                name = self._images.ready(recipe, begun)
                ended("built")
                assert self._made is not None
                self._made.compile(name)
            except Trouble as trouble:
                ended("failed")
                return partial(self._fail_held, recipe, trouble.failure)
            except Exception as error:  # noqa: BLE001 - nobody would be told: the orders would wait for ever
                ended("failed")
                return partial(
                    self._fail_held, recipe, Failure(f"the image cannot be had: {error}", reason="docker_build")
                )
            return partial(self._release, recipe, name)

        self._workshop.do_at_length(make)

    def _prepare(self) -> None:
        """What is done before the first container."""
        with self._preparing:
            if self._made is not None:
                return
            try:
                task_side = str(self._environments.task_side())
            except NotBuilt as error:
                raise Trouble("environment", str(error), is_temporary=error.is_temporary) from error
            remove_orphans(self._engine, self._owner, self._state)
            self._made = Containers(
                self._engine, self._options, self._owner, self._state, self._environments, task_side
            )

    def _release(self, recipe: Recipe, name: str) -> None:
        self._names[recipe] = name
        self._waiting.extend(self._held.pop(recipe, ()))

    def _fail_held(self, recipe: Recipe, failure: Failure) -> None:
        held = self._held.pop(recipe, [])
        if not held:
            self._refused[recipe] = failure
        for handed in held:
            self._fail(handed.token, failure)

    def _tell_made(
        self,
        recipe: Recipe,
        tasks: tuple[str, ...],
        state: Literal["building", "built", "failed"],
        seconds: float = 0.0,
    ) -> None:
        self._reports.append(Prepared(self._clock.now(), tasks, state, recipe.described, seconds))

    # ── handing out ──

    def _hand_out(self) -> None:
        """Gives each waiting order a container that can take it."""
        for _ in range(len(self._waiting)):
            handed = self._waiting.popleft()
            idle = [one for one in self._containers if one.is_idle]
            fitting = next((one for one in idle if one.kind == handed.kind), None)
            if fitting is not None:
                self._send(fitting, handed)
            elif len(self._containers) < self._most or idle:
                if len(self._containers) >= self._most:
                    self._leave(idle[0])
                self._launch(handed)
            else:
                self._waiting.append(handed)

    def _launch(self, handed: Handed) -> None:
        assert self._made is not None
        made, image = self._made, self._names[handed.kind.recipe]
        container = made.plan(handed)
        self._containers.append(container)

        def start() -> Callable[[], None]:
            try:
                attached = made.start(container, image)
            except Trouble as trouble:
                return partial(self._never_launched, container, trouble.failure)
            except Exception as error:  # noqa: BLE001 - nobody would be told: the order would wait for ever
                return partial(self._never_launched, container, Failure(str(error), reason="docker_start"))
            return partial(self._launched, container, attached)

        self._workshop.do(start)

    def _launched(self, container: Container, attached: Attached) -> None:
        container.attached = attached
        if container not in self._containers:  # it was let go meanwhile
            self._leave(container)
            return
        self._selector.register(attached.fileno(), selectors.EVENT_READ, partial(self._serve, container))
        if container.stopping is not None:
            self._kill(container)
        elif container.running is not None:
            self._write(container, container.running.line)

    def _never_launched(self, container: Container, failure: Failure) -> None:
        if container not in self._containers:
            return
        self._containers.remove(container)
        assert container.running is not None
        if container.stopping is not None:
            self._lose(container.running.token, "stopped")
        else:
            self._fail(container.running.token, failure)

    def _send(self, container: Container, handed: Handed) -> None:
        """An order for a container that waits for one: it begins at once."""
        container.running = handed
        self._reports.append(Started(handed.token, self._clock.now()))
        self._write(container, handed.line)

    def _write(self, container: Container, line: bytes) -> None:
        assert container.attached is not None
        container.attached.send(line)
        self._listen(container)

    def _listen(self, container: Container) -> None:
        assert container.attached is not None
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if container.attached.has_unsent else 0)
        self._selector.modify(container.attached.fileno(), events, partial(self._serve, container))

    # ── ending ──

    def _leave(self, container: Container) -> None:
        """Lets go of a container, whatever runs in it; another may take its place at once."""
        if container in self._containers:
            self._containers.remove(container)
        if container.attached is not None:
            self._deafen(container.attached)
            container.attached.close()
        made = self._made
        assert made is not None
        self._workshop.do(partial(_nothing_after, made.remove, container))

    def _signal(self, container: Container, name: str) -> None:
        if container.attached is not None:
            assert self._made is not None
            self._workshop.do(partial(_nothing_after, self._made.signal, container, name))

    def _kill(self, container: Container) -> None:
        container.deadline = None
        if container.attached is not None:
            container.attached.finish()
            self._signal(container, "SIGKILL")

    def _force_overdue(self) -> None:
        now = time.monotonic()
        for container in self._containers:
            if container.deadline is not None and container.deadline <= now:
                self._kill(container)

    def _deafen(self, attached: Attached) -> None:
        if attached.fileno() in self._selector.get_map():
            self._selector.unregister(attached.fileno())

    def _bury(self, container: Container) -> None:
        """Its streams have ended: finds out how it did itself."""
        assert container.attached is not None
        assert self._made is not None
        self._deafen(container.attached)
        made = self._made
        self._workshop.do(lambda: partial(self._buried, container, made.collect(container)))

    def _buried(self, container: Container, end: End) -> None:
        if container not in self._containers:
            return
        self._containers.remove(container)
        assert container.attached is not None
        container.attached.close()
        handed = container.running
        if handed is None:
            return
        if container.held is not None:
            self._tell_held(container, end)
        elif container.stopping is not None:
            self._lose(handed.token, "stopped")
        elif end.code == OTHER_PYTHON and not container.has_spoken:
            self._fail(handed.token, _other_python(container, self._names[container.kind.recipe]))
        elif end.code in _NO_PROGRAM and not container.has_spoken:
            self._fail(handed.token, no_python(self._names[container.kind.recipe]).failure)
        elif not container.has_spoken and not container.ended:
            words = container.attached.last_words()
            why = end.why or f"the container ended at once, with exit code {end.code}"
            self._lose(handed.token, f"never started: {why}{': ' + words if words else ''}")
        elif end.code is None or (end.code and not container.ended and not end.is_oom):
            self._lose(handed.token, end.why or "its container was ended by somebody else")
        else:
            failure = failure_of_end(end, container.ended, container.kind.memory, handed.retry_on)
            # What a container used that served others before says nothing of this attempt.
            self._fail(handed.token, failure, container.ended if self._serves_one(container) else _NOTHING)

    def _serves_one(self, container: Container) -> bool:
        return self._options.isolation == "strict" or container.kind.is_single_use

    def _tell_held(self, container: Container, end: End) -> None:
        """An attempt that failed under a limit, of which it is known now whether it was at the limit."""
        result: AttemptResult = container.held
        limit = container.kind.memory
        assert limit is not None
        peak = container.ended.get("peak")
        if container.ended.get("killed") or end.is_oom:
            result = replace(result, failure=failure_of_limit(limit, peak, result.failure))
        self._reports.append(
            Ended(result.token, result.ended_at, replace(result, peak_memory=peak or result.peak_memory))
        )

    def _fail(self, token: str, failure: Failure, used: Mapping[str, Any] = _NOTHING) -> None:
        """Tells of a failure that the task's process could not; `used` is what its container told of all that ran in it."""
        now = self._clock.now()
        cpu, peak = round(used.get("cpu") or 0.0, 6), used.get("peak") or 0
        result = AttemptResult(token, failure, started_at=now, ended_at=now, cpu_seconds=cpu, peak_memory=peak)
        self._reports.append(Ended(token, now, result))

    def _lose(self, token: str, why: str) -> None:
        self._reports.append(Lost(token, self._clock.now(), why))

    # ── listening ──

    def _serve(self, container: Container, mask: int) -> None:
        attached = container.attached
        assert attached is not None
        if mask & selectors.EVENT_WRITE:
            attached.send_rest()
            self._listen(container)
        if not mask & selectors.EVENT_READ:
            return
        messages = attached.receive()
        for message in messages or ():
            self._hear(container, message)
        if messages is None and container in self._containers:
            self._bury(container)

    def _hear(self, container: Container, message: Mapping[str, Any]) -> None:
        if "ended" in message:
            container.ended = message["ended"]
            return
        container.has_spoken = True
        if "result" in message:
            self._take(container, AttemptResult.from_dict(message["result"]), is_last=message["is_last"])
        elif "started" in message:
            self._reports.append(Started(message["started"]["token"], message["started"]["at"]))
        elif "progress" in message:
            told = message["progress"]
            self._reports.append(Progressed(told["token"], told["at"], told["done"], told["total"]))

    def _take(self, container: Container, result: AttemptResult, *, is_last: bool) -> None:
        """An attempt is over; its container serves another, or ends."""
        assert container.attached is not None
        if container.kind.memory is not None and result.failure is not None and container.stopping is None:
            container.held, container.is_last = result, True
            container.attached.finish()
            return
        container.running = None
        self._reports.append(Ended(result.token, result.ended_at, result))
        if is_last or self._serves_one(container) or container.stopping is not None:
            self._leave(container)

    def _until(self, end: float | None) -> float | None:
        deadlines = [one.deadline for one in self._containers if one.deadline is not None]
        if end is not None:
            deadlines.append(end)
        return max(0.0, min(deadlines) - time.monotonic()) if deadlines else None

    def _is_busy(self, end: float | None) -> bool:
        """Whether waiting without a limit could be answered by anything."""
        if end is not None or self._waiting or self._held:
            return True
        return any(not one.is_idle for one in self._containers)


def _nothing_after(call: Callable[..., None], *arguments: object) -> None:
    call(*arguments)


def _other_python(container: Container, image: str) -> Failure:
    assert container.attached is not None
    found = container.attached.last_words().removeprefix("python ")
    wanted = container.kind.python or "3.9 or later"
    lines = (
        f'the image "{image}" has Python {found}, and the task runs on {wanted}',
        "name an image with that Python, or say the Python of the image and write it anew with `trc lock`",
    )
    return Failure("\n".join(lines), "permanent", "docker_python")
