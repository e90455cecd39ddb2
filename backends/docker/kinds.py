"""What a container must be like to run an order: its image, its limits, and what it sees of this machine."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from pathlib import Path, PurePosixPath
from typing import Any, Final

from trc.backends.docker.dockerfile import Recipe
from trc.backends.docker.options import DockerOptions
from trc.runtime.taskside.order import OrderInput, TaskOrder
from trc.runtime.taskside.records import record

TASK_SIDE: Final = "/opt/trc/task-side"
BYTECODE: Final = "/opt/trc/bytecode"
HOME: Final = "/tmp"  # noqa: S108 - of a container, where it is the container's own
_FIXED: Final = {
    "HOME": HOME, "TZ": "UTC", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "PYTHONNOUSERSITE": "1",
}  # fmt: skip
_BOOTSTRAP: Final = (
    "import sys; sys.path[:1] = [sys.argv[1]] + [one for one in sys.path[:1] if one]; "
    "found = '%d.%d' % sys.version_info[:2]; "
    "fits = sys.version_info >= (3, 9) and sys.argv[2] in ('', found); "
    "fits or (sys.stderr.write('python ' + found + '\\n'), sys.exit(115)); "
    "from trc.runtime.taskside.contained import contain; "
    "del sys.path[0]; sys.path.append(sys.argv[1]); sys.pycache_prefix = None; contain(bool(sys.argv[3]))"
)
COMPILE: Final = (
    "import sys; sys.path.append(sys.argv[1]); import compileall; "
    "import trc.runtime.taskside.contained, trc.stdlib_tasks.python.run; "
    "sys.pycache_prefix = None; compileall.compile_dir(sys.argv[1], quiet=2)"
)
"""Has the bytecode be written of all that a container begins with, Python's own modules too, and beside it that of all types of tasks."""
OTHER_PYTHON: Final = 115
"""The exit code of a container whose Python is not the one that its tasks run on."""
_PERIOD: Final = 100_000
"""Microseconds over which shares of processors are counted."""


@record(frozen=True, slots=True)
class Kind:
    """Equal kinds may be served by one container, where it is warm. Folders are seen under their own paths."""

    recipe: Recipe
    python: str
    env: tuple[tuple[str, str], ...] = ()
    memory: int | None = None
    cpus: float | None = None
    gpus: int | None = None
    secrets: tuple[str, ...] = ()
    readable: tuple[str, ...] = ()
    writable: tuple[str, ...] = ()

    @property
    def is_single_use(self) -> bool:
        """A limited container holds on to memory, which the next attempt would miss."""
        return self.memory is not None


@record(frozen=True, slots=True)
class Handed:
    """An order on its way: its line, and the kind of container that it takes."""

    token: str
    run: str
    task: str
    line: bytes = field(repr=False)
    """It may hold the values of secrets."""
    kind: Kind = field(repr=False)
    retry_on: tuple[int, ...] = ()


def folders(order: TaskOrder, state: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What the order's paths lie in, beside its project and the state: folders to read, and folders to write to."""
    writable = _outermost([order.project, state, *(_folder(one.path) for one in order.outputs)])
    checked = order.checks
    read = list(_files(order.inputs if checked is None else (*order.inputs, checked.data, *checked.looked_up)))
    if order.parts is not None:
        read += [path for one in order.parts.items for path in one.files]
    # What a link leads to may lie elsewhere. What is downloaded lies nowhere yet.
    here = [path for path in read if path.startswith("/")]
    readable = _outermost(_folder(place) for path in here for place in (path, os.path.realpath(path)))
    return tuple(one for one in readable if not _is_under(one, writable) and Path(one).is_dir()), writable


def configuration(  # noqa: PLR0917 - all that a container is made of
    handed: Handed, image: str, labels: Mapping[str, str], options: DockerOptions, user: str, own: Mapping[str, str]
) -> dict[str, Any]:
    """The container as docker-py's `create_container` takes it; `own` are folders of trc's, by their places in it."""
    kind = handed.kind
    host: dict[str, Any] = {
        "Init": True,
        "Mounts": [mount(folder, folder, read_only=True) for folder in kind.readable]
        + [mount(folder, folder) for folder in kind.writable]
        + [mount(folder, place, read_only=place != HOME) for place, folder in own.items()],
        "NetworkMode": options.network,
        "ReadonlyRootfs": options.read_only,
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges"],
        "PidsLimit": options.pids,
        "LogConfig": {"Type": "none"},
        "GroupAdd": [] if user == "0:0" else [str(group) for group in os.getgroups()],
    }
    if kind.memory is not None:
        # Without the second, as much again of the machine's swap.
        host |= {"Memory": kind.memory, "MemorySwap": kind.memory}
    if kind.cpus is not None:
        host |= {"CpuPeriod": _PERIOD, "CpuQuota": max(1000, int(kind.cpus * _PERIOD))}
    if kind.gpus is not None:
        host["DeviceRequests"] = [
            {"Driver": "", "Count": kind.gpus, "DeviceIDs": None, "Capabilities": [["gpu"]], "Options": {}}
        ]
    if options.shm is not None:
        host["ShmSize"] = options.shm
    return {
        "image": image,
        "command": [TASK_SIDE, kind.python, "1" if kind.secrets else ""],
        # Images often come without bytecode, and containers cannot keep what they compile. Packages of the task have theirs beside them.
        "entrypoint": ["python3", "-X", f"pycache_prefix={BYTECODE}", "-s", "-c", _BOOTSTRAP],
        "environment": {**_FIXED, **dict(kind.env)},
        "working_dir": "/",
        "user": user,
        "stdin_open": True,
        "tty": False,
        "labels": dict(labels),
        "host_config": host,
    }


def mount(folder: str, place: str, *, read_only: bool = False) -> dict[str, Any]:
    """A folder of this machine at a place in a container. The shorter form knows no path with a colon, and makes folders that are not there."""
    return {"Type": "bind", "Source": folder, "Target": place, "ReadOnly": read_only}


def _files(inputs: Iterable[OrderInput]) -> Iterator[str]:
    for one in inputs:
        yield from one.files
        yield from _files(one.inputs)


def _folder(path: str) -> str:
    return path.rpartition("/")[0] or "/"


def _outermost(paths: Iterable[str]) -> tuple[str, ...]:
    """The folders without those that lie in another of them, sorted."""
    kept: list[str] = []
    for path in sorted(set(paths)):
        if not _is_under(path, kept):
            kept.append(path)
    return tuple(kept)


def _is_under(path: str, folders: Iterable[str]) -> bool:
    inner = PurePosixPath(path)
    return any(inner.is_relative_to(folder) for folder in folders)
