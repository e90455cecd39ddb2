"""Standing answers: what a run with nothing to do had looked at, so that the next can see that none of it moved.

The planner's answer follows from facts: files that were read, folders that were listed, files that were
not there, the installed packages, the boot of the machine. If a run skips everything, those facts are
written down with the answer. As long as each of them still holds, so does the answer, and neither the
compiler nor the state store is needed to give it. Anything that cannot be vouched for (a fact younger
than two seconds, a task that runs always) leaves no standing answer.

This module imports only what a bare interpreter has loaded: it is why a run with nothing to do is fast.
"""

from __future__ import annotations

import marshal
import os
import sys
import time

from trc.runtime.folders import PROJECT_FILE, STATE_FOLDER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_VERSION = 2
_STORE = frozenset(
    {
        *("PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE", "PGSERVICE"),
        *("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_CONFIG_FILE"),
    }
)
"""What says which database or which endpoint an address is of, where it does not say so itself. Never a password."""
FOR_EVER = 1e12
"""A time that does not come, in seconds since the epoch."""
_SETTLED_NS = 2_000_000_000
"""A file that changed within this time may change again without its times telling."""

Stamp = tuple[int, int, int, int, int]


def _stamp(path: str) -> Stamp | None:
    """What tells whether a file or folder is as it was; None where there is none."""
    try:
        stat = os.stat(path)  # noqa: PTH116 - pathlib is not loaded here
    except OSError:
        return None
    return (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino, stat.st_dev)


def _header(pipeline: str, version: str) -> tuple[int | str | tuple[str, ...], ...]:
    """What an answer is about, and the world that it was given in."""
    path = os.path.abspath(pipeline)  # noqa: PTH100
    return (_VERSION, version, path, sys.version, sys.executable, tuple(sys.path), _boot(), *_variables())


def _variables() -> list[str]:
    """The variables by which a user chooses targets, values of parameters, databases and endpoints: another choice is another answer."""
    chosen = (one for one in os.environ.items() if one[0].startswith("TRC_") or one[0] in _STORE)
    return sorted(f"{name}={value}" for name, value in chosen)


def _boot() -> str:
    try:
        with open("/proc/sys/kernel/random/boot_id") as file:  # noqa: PTH123
            return file.read().strip()
    except OSError:
        return ""


def answer_path(state: str, pipeline: str, folder: str = "standing") -> str:
    """Where an answer about a pipeline file lies: one file each, under the project's state."""
    name = os.path.abspath(pipeline).replace("%", "%25").replace("/", "%2F")  # noqa: PTH100
    return f"{state}/{folder}/{name[-200:]}"


def find_state(pipeline: str) -> str:
    """The state folder of a pipeline file's project: beside the nearest project file, else beside the pipeline."""
    own = folder = os.path.dirname(os.path.abspath(pipeline))  # noqa: PTH100, PTH120
    while True:
        if os.path.isfile(f"{folder}/{PROJECT_FILE}"):  # noqa: PTH113
            return f"{folder}/{STATE_FOLDER}"
        above = os.path.dirname(folder)  # noqa: PTH120
        if above == folder:
            return f"{own}/{STATE_FOLDER}"
        folder = above


def forget(path: str) -> None:
    """Takes an answer back: something is about to be done."""
    try:
        os.unlink(path)  # noqa: PTH108
    except OSError:
        return


def recall(path: str, pipeline: str, version: str) -> object:
    """The answer, if every fact behind it still holds; None in all other cases."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            header, given_at, expires, stamps, absent, answer = marshal.loads(file.read())  # noqa: S302 - our own file, under the state folder
    except (OSError, ValueError, EOFError, TypeError):
        return None
    if header != _header(pipeline, version) or not given_at <= time.time() < expires:
        return None
    if any(_stamp(name) is not None for name in absent):
        return None
    if any(_stamp(name) != stamp for name, stamp in stamps.items()):
        return None
    return answer


def remember(
    path: str,
    pipeline: str,
    version: str,
    *,
    began_ns: int,
    present: frozenset[str],
    absent: frozenset[str],
    expires: float,
    answer: Any,
) -> bool:
    """Writes an answer (plain values) down, if all its facts are older than the run that began at `began_ns`.

    `expires` is when the answer ends in any case, in seconds since the epoch. Returns whether it stands.
    """
    stamps: dict[str, Stamp] = {}
    for name in present | {entry for entry in sys.path if os.path.isdir(entry)}:  # noqa: PTH112
        stamp = _stamp(name)
        if stamp is None or max(stamp[1], stamp[2]) > began_ns - _SETTLED_NS:
            return False
        stamps[name] = stamp
    if any(_stamp(name) is not None for name in absent) or not _boot():
        return False
    data = marshal.dumps((_header(pipeline, version), time.time(), expires, stamps, tuple(absent), answer))
    return _write_whole(path, data)


def _write_whole(path: str, data: bytes) -> bool:
    """Whether the file could be written. If not, an answer is lost, which costs time and nothing else."""
    aside = f"{path}.{os.getpid()}"
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120
        with open(aside, "wb") as file:  # noqa: PTH123
            file.write(data)
        os.replace(aside, path)  # noqa: PTH105
    except OSError:
        forget(aside)
        return False
    return True
