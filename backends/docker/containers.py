"""One container as the orchestrator sees it: made, started, stopped and removed by calls that take their time."""

from __future__ import annotations

import hashlib
import itertools
import os
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from trc.backends.docker.attached import Attached, opened
from trc.backends.docker.engine import Engine
from trc.backends.docker.kinds import BYTECODE, COMPILE, HOME, TASK_SIDE, Handed, Kind, configuration, mount
from trc.backends.docker.options import DockerOptions
from trc.backends.docker.troubles import no_engine, of_start
from trc.runtime.environments.built import Environments, NotBuilt
from trc.runtime.store.journal import Driver
from trc.runtime.taskside.records import record

OWNER: Final = "trc.owner"
RUN: Final = "trc.run"
TASK: Final = "trc.task"
_FOLDER: Final = "containers"
_LONGEST_END: Final = 30
"""Seconds in which a container whose streams have ended is told to have ended itself."""
_NUMBERS: Final = itertools.count(1)


@record(frozen=True, slots=True)
class End:
    """How a container ended; `code` is None for one that is gone, or where the engine does not answer."""

    code: int | None
    is_oom: bool = False
    why: str = ""


@dataclass(slots=True, eq=False)
class Container:
    """A container, and what it was handed. It is `attached` once it runs."""

    kind: Kind
    running: Handed | None
    name: str
    folder: Path
    """Of this machine, what it has as its own for files that nobody needs later."""
    attached: Attached | None = None
    has_spoken: bool = False
    is_last: bool = False
    """It takes no more orders."""
    held: Any = None
    """The failed result of an attempt under a limit, until it is known whether the limit was the reason."""
    stopping: str | None = None
    """The token of the attempt that it is being ended for."""
    deadline: float | None = None
    """When it is ended by force, on the monotonic clock."""
    ended: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What its first process told of its end."""

    @property
    def is_idle(self) -> bool:
        return self.attached is not None and self.running is None and not self.is_last and self.stopping is None


@record(frozen=True, slots=True)
class Containers:
    """Makes the containers of one run, and ends them. Its methods take as long as the engine does."""

    engine: Engine
    options: DockerOptions
    owner: Driver
    state: Path
    environments: Environments
    task_side: str
    _bytecode: dict[str, Path] = field(default_factory=dict[str, Path])
    """By image, the folder with what its processes begin with."""

    def plan(self, handed: Handed) -> Container:
        """A container that is still to be made."""
        name = f"trc-{self.owner.id[:12]}-{next(_NUMBERS)}"
        return Container(handed.kind, handed, name, self.state / _FOLDER / name)

    def start(self, container: Container, image: str) -> Attached:
        """Makes and starts it, and answers its streams. Raises `Trouble`; nothing is left then."""
        handed = container.running
        assert handed is not None
        labels = {OWNER: owner_text(self.owner), RUN: handed.run}
        if self.options.isolation == "strict" or container.kind.is_single_use:
            labels[TASK] = handed.task
        container.folder.mkdir(parents=True, exist_ok=True)
        own = {TASK_SIDE: self.task_side, HOME: str(container.folder)}
        if image in self._bytecode:
            own[BYTECODE] = str(self._bytecode[image])
        asked = configuration(handed, image, labels, self.options, self.engine.user(), own)
        api = self.engine.api
        attached: Attached | None = None
        try:
            api.create_container_from_config(self._config(asked), container.name)
            attached = opened(api, container.name)
            api.start(container.name)
        except (self.engine.errors.APIError, OSError) as error:
            if attached is not None:
                attached.close()
            self.remove(container)
            if isinstance(error, self.engine.errors.APIError):
                raise of_start(error, image, container.kind.gpus) from error
            raise no_engine(self.engine.address, error) from error
        return attached

    def compile(self, image: str) -> None:
        """Has the bytecode be there of what processes of an image begin with, by its own Python.

        Done once for an image; where it cannot be done, each container compiles for itself.
        """
        with suppress(NotBuilt, self.engine.errors.APIError, OSError):
            identity = str(self.engine.api.inspect_image(image)["Id"])
            told = hashlib.sha256(f"{identity}\0{self.task_side}".encode()).hexdigest()[:48]
            self._bytecode[image] = self.environments.bytecode(told, lambda folder: self._compile(image, folder))

    def _compile(self, image: str, folder: Path) -> None:
        api = self.engine.api
        name = f"trc-{self.owner.id[:12]}-{next(_NUMBERS)}"
        asked = {
            "image": image,
            "entrypoint": ["python3", "-X", f"pycache_prefix={BYTECODE}", "-s", "-c", COMPILE],
            "command": [TASK_SIDE],
            "user": self.engine.user(),
            "labels": {OWNER: owner_text(self.owner)},
            "host_config": {
                "Mounts": [mount(self.task_side, TASK_SIDE), mount(str(folder), BYTECODE)],
                "NetworkMode": "none",
                "CapDrop": ["ALL"],
            },
        }
        try:
            api.create_container_from_config(self._config(asked), name)
            api.start(name)
            api.wait(name)
        finally:
            with suppress(self.engine.errors.APIError, OSError):
                api.remove_container(name, v=True, force=True)

    def _config(self, asked: Mapping[str, Any]) -> Any:
        api = self.engine.api
        others = {name: value for name, value in asked.items() if name != "host_config"}
        config = api.create_container_config(**others, host_config=api.create_host_config())
        # What it mounts is the user's, whom only the machine's own numbering of users knows.
        userns = {"UsernsMode": "host"} if self.engine.is_remapped else {}
        config["HostConfig"] = {**asked["host_config"], **userns}
        return config

    def signal(self, container: Container, name: str) -> None:
        """Sends its processes a signal, if it runs."""
        with suppress(self.engine.errors.APIError, OSError):
            self.engine.api.kill(container.name, name)

    def collect(self, container: Container) -> End:
        """Waits for its end, which is near, and removes it."""
        end = self._end(container)
        self.remove(container)
        return end

    def remove(self, container: Container) -> None:
        """Ends it, whatever it does, and leaves nothing of it."""
        with suppress(self.engine.errors.APIError, OSError):
            self.engine.api.remove_container(container.name, v=True, force=True)
        shutil.rmtree(container.folder, ignore_errors=True)

    def _end(self, container: Container) -> End:
        api = self.engine.api
        until = time.monotonic() + _LONGEST_END
        try:
            state = api.inspect_container(container.name)["State"]
            while state["Running"] and time.monotonic() < until:
                with suppress(OSError):  # it took longer than that
                    api.wait(container.name, timeout=until - time.monotonic())
                state = api.inspect_container(container.name)["State"]
        except self.engine.errors.NotFound:
            return End(None, why="its container was removed by somebody else")
        except (self.engine.errors.APIError, OSError):
            return End(None, why="the Docker engine does not answer any more")
        if state["Running"]:
            return End(None, why="its container closed its streams and runs on")
        return End(int(state["ExitCode"]), bool(state["OOMKilled"]), str(state.get("Error") or ""))


def owner_text(owner: Driver) -> str:
    """What the label of an owner says."""
    return f"{owner.host} {owner.boot_id} {owner.pid} {owner.start_time} {os.getuid()}"
