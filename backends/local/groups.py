"""Control groups: what bounds the memory of a task's processes all together, where this user may make them."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from trc.runtime.drivers import start_of
from trc.runtime.taskside.records import record

BESIDE: Final = 16 << 20
"""Bytes beside a task's limit: of the interpreter that runs it, and what the kernel keeps for its processes."""
_PREFIX: Final = "trc-"
_PROC: Final = Path("/proc/self")
_NUMBERS: Final = itertools.count(1)
_Version = Literal[1, 2]
_LIMIT: Final[dict[_Version, str]] = {1: "memory.limit_in_bytes", 2: "memory.max"}
_SWAP: Final[dict[_Version, str]] = {1: "memory.memsw.limit_in_bytes", 2: "memory.swap.max"}
_PEAK: Final[dict[_Version, str]] = {1: "memory.max_usage_in_bytes", 2: "memory.peak"}
_KILLS: Final[dict[_Version, str]] = {1: "memory.oom_control", 2: "memory.events"}


@record(frozen=True, slots=True)
class Place:
    """The folder that groups are made in, and the version of the kernel's interface there."""

    folder: Path
    version: _Version


@record(frozen=True, slots=True)
class Group:
    """A group for one worker and all that it starts, which the kernel kills in when they hold more than they may."""

    folder: Path
    version: _Version
    entry: int
    """A descriptor: whoever writes `0` to it is in the group from then on."""

    @property
    def kills(self) -> int:
        """How many processes the kernel killed for want of memory."""
        with suppress(OSError, ValueError):
            for line in (self.folder / _KILLS[self.version]).read_text(encoding="ascii").splitlines():
                name, _, number = line.partition(" ")
                if name == "oom_kill":
                    return int(number)
        return 0

    @property
    def peak(self) -> int | None:
        """The most that it held, in bytes; older kernels do not tell."""
        try:
            return int((self.folder / _PEAK[self.version]).read_text(encoding="ascii"))
        except (OSError, ValueError):
            return None

    def leave(self) -> None:
        """Closes the way in, which whoever was let in has by now."""
        os.close(self.entry)

    def remove(self) -> None:
        """Its processes have ended. One that the kernel has not let go of yet is removed with what is left behind."""
        with suppress(OSError):
            self.folder.rmdir()


@dataclass(slots=True)
class Groups:
    """Makes the groups of one executor. Nothing is looked for before one is wanted."""

    proc: Path = _PROC
    _places: list[Place] | None = field(default=None)

    def make(self, memory: int) -> Group | None:
        """A group whose processes may hold that many bytes together; None where this user may make none."""
        for place in self._found():
            name = f"{_PREFIX}{os.getpid()}-{start_of(os.getpid()) or 0}-{next(_NUMBERS)}"
            with suppress(OSError):
                return _made(place, name, memory + BESIDE)
        return None

    def _found(self) -> list[Place]:
        if self._places is None:
            self._places = list(places(self.proc))
            for place in self._places:
                _sweep(place)
        return self._places


def places(proc: Path = _PROC) -> Iterator[Place]:
    """Where this process may make groups that bound memory; `proc` is its folder under /proc."""
    try:
        own = dict(_own((proc / "cgroup").read_text(encoding="utf-8").splitlines()))
        mounts = (proc / "mountinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in mounts:
        mount, _, kind = line.partition(" - ")
        root, point = mount.split(" ")[3:5]
        system, *options = kind.split(" ")
        if system == "cgroup" and "memory" in options[-1].split(",") and "memory" in own:
            folder = _below(point, root, own["memory"])
            if folder is not None and os.access(folder, os.W_OK):
                yield Place(folder, 1)
        elif system == "cgroup2" and "" in own:
            folder = _below(point, root, own[""])
            if folder is not None:
                yield from _unified(folder, Path(point))


def _own(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """By controller, the group that this process is in; under no name, that of the unified interface."""
    for line in lines:
        _, controllers, path = line.split(":", 2)
        yield from ((name, path) for name in controllers.split(","))


def _below(point: str, root: str, path: str) -> Path | None:
    """Where a group is seen of which the kernel tells the `path`; what is mounted at `point` begins at `root`."""
    if root != "/":
        if path != root and not path.startswith(f"{root}/"):
            return None
        path = path.removeprefix(root)
    return Path(point, path.lstrip("/"))


def _unified(own: Path, point: Path) -> Iterator[Place]:
    """Beside this process's group: one with processes of its own passes nothing on to groups below it."""
    if own.name.startswith(_PREFIX):  # beside it, a task's own tasks would be out of the task's limit
        return
    folder = own if own == point else own.parent
    try:
        passed_on = (folder / "cgroup.subtree_control").read_text(encoding="ascii").split()
    except OSError:
        return
    # Who moves a process has to have a say in what both groups lie in.
    if "memory" in passed_on and os.access(folder, os.W_OK) and os.access(folder / "cgroup.procs", os.W_OK):
        yield Place(folder, 2)


def _made(place: Place, name: str, memory: int) -> Group:
    folder = place.folder / name
    folder.mkdir()
    try:
        (folder / _LIMIT[place.version]).write_text(str(memory), encoding="ascii")
        with suppress(OSError):  # kernels that count no swap
            (folder / _SWAP[place.version]).write_text(str(memory if place.version == 1 else 0), encoding="ascii")
        return Group(folder, place.version, os.open(folder / "cgroup.procs", os.O_WRONLY | os.O_CLOEXEC))
    except OSError:
        with suppress(OSError):
            folder.rmdir()
        raise


def _sweep(place: Place) -> None:
    """Removes what processes left behind that are gone."""
    for folder in place.folder.glob(f"{_PREFIX}*-*-*"):
        pid, began = folder.name.removeprefix(_PREFIX).split("-")[:2]
        if pid.isdigit() and str(start_of(int(pid)) or 0) != began:
            with suppress(OSError):
                folder.rmdir()
