"""What `trc check` said of pipelines, kept under a hash of all that it depends on.

A verdict's key is made of the pipeline's own bytes, its name on the command line, the user's choices, and
the code that judges: trc's own files and the installed packages. What else was looked at is only known
afterwards (files that are imported or run, files that were not there, patterns that were listed, files
whose columns were asked for): that is kept with the verdict as its `Basis`, and looked at again before
the verdict is believed. Small files are compared by content, so that a cache can move between machines.

Entries are plain values, written whole or not at all. One that is damaged is as if it were not there.
"""

from __future__ import annotations

import marshal
import os
import stat
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import trc
from trc.compiler.frontends.project_files import content_of, files_like
from trc.runtime.storage.globs import match_files
from trc.runtime.taskside.records import record

FOLDER: Final = "checked"
_FORMAT: Final = 2
_CODE: Final = (".py", ".lark", ".sql", ".json")
_PACKAGES: Final = (".dist-info", ".egg-info", ".egg-link", ".pth")
_SETTLED_NS: Final = 2_000_000_000
"""A data file that changed within this time may change again without its times telling."""
_SMALL: Final = 1 << 20
"""Bytes up to which a data file is compared by content."""
_SLACK: Final = 2_000
"""Entries beyond those in use that are kept: other branches of the project's history have theirs."""
_MOST_BYTES: Final = 256 << 20
"""Bytes of entries beyond which those that are not in use go, too."""
_LARGEST: Final = 8 << 20
_ZONES: Final = ("/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/usr/share/lib/zoneinfo", "/etc/zoneinfo")

Identity = str | tuple[int, ...]


@record(frozen=True, slots=True)
class Basis:
    """What a verdict rests on, beside what its key is made of.

    `texts` are files of the project by relative path, `files` others by absolute path, each with the digest
    of its content, or None where there is none to be had. `listed` are patterns with what they matched.
    `data` are locations with the files there. It holds from `since` until it `expires`, in seconds since the epoch.
    """

    project: str
    texts: Mapping[str, str | None]
    files: Mapping[str, str | None]
    listed: Mapping[str, tuple[str, ...]]
    data: Mapping[str, tuple[tuple[str, Identity], ...]]
    expires: float
    since: float = 0.0


@dataclass(slots=True)
class Looks:
    """Looks at files, at each once: many verdicts rest on the same ones."""

    _seen: dict[tuple[object, ...], object] = field(default_factory=dict[tuple[object, ...], object])

    def holds(self, basis: Basis, now: float) -> bool:
        """Whether all of it is as it was."""
        return (
            basis.since <= now < basis.expires
            and all(self._once(text_digest, basis.project, name) == was for name, was in basis.texts.items())
            and all(self._once(file_digest, path) == was for path, was in basis.files.items())
            and all(self._once(listing, basis.project, pattern) == was for pattern, was in basis.listed.items())
            and all(self._once(data_at, uri) == was for uri, was in basis.data.items())
        )

    def _once(self, look: Any, *what: str) -> object:
        key = (look, *what)
        if key not in self._seen:
            self._seen[key] = look(*what)
        return self._seen[key]


def digest_of(content: bytes | None) -> str | None:
    return None if content is None else sha256(content).hexdigest()


def text_digest(project: str, name: str) -> str | None:
    """The digest of a project's file as the compiler may see it."""
    return digest_of(content_of(Path(project), name))


def file_digest(path: str) -> str | None:
    """The digest of a file's content; None where there is none, or it cannot be read."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - a path object for each file costs too much
            return sha256(file.read()).hexdigest()
    except (OSError, ValueError):
        return None


def listing(project: str, pattern: str) -> tuple[str, ...]:
    return files_like(Path(project), pattern)


def data_at(uri: str) -> tuple[tuple[str, Identity], ...] | None:
    """The files at a location with what tells whether their columns can be others; None where that cannot be told."""
    try:
        return tuple((path, _identity(path)) for path in match_files(uri))
    except (OSError, ValueError):
        return None


def _identity(path: str) -> Identity:
    facts = os.stat(path)  # noqa: PTH116
    if stat.S_ISREG(facts.st_mode) and facts.st_size <= _SMALL:
        return file_digest(path) or ""
    return (facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_ino, facts.st_dev)


def is_settled(paths: Iterable[str], began_ns: int) -> bool:
    """Whether files were all written well before `began_ns`, and so read as they are now."""
    try:
        stats = [os.stat(path) for path in paths]  # noqa: PTH116
    except (OSError, ValueError):
        return False
    return all(max(one.st_mtime_ns, one.st_ctime_ns) <= began_ns - _SETTLED_NS for one in stats)


def world() -> bytes:
    """What judges: the digest of trc's own files, the interpreter, the installed packages, the zones that are known."""
    python = (sys.version, sys.executable, sys.flags.optimize, tuple(sys.path))
    digest = sha256(repr((_FORMAT, trc.__version__, python, _zones())).encode("utf-8", "surrogateescape"))
    own = os.path.dirname(os.path.abspath(trc.__file__))  # noqa: PTH100, PTH120
    for folder, folders, names in os.walk(own, followlinks=True):
        folders[:] = sorted(one for one in folders if one != "__pycache__")
        for name in sorted(names):
            if name.endswith(_CODE):
                path = f"{folder}/{name}"
                digest.update(f"{path[len(own) :]}\0{file_digest(path)}\n".encode("utf-8", "surrogateescape"))
    digest.update(repr(_packages()).encode("utf-8", "surrogateescape"))
    return digest.digest()


def _packages() -> list[list[tuple[str, str | None]]]:
    """What each place that has packages says of them: name and version are in the name of a folder, what it offers within."""
    found: list[list[tuple[str, str | None]]] = []
    for entry in dict.fromkeys(sys.path):
        try:
            packages = sorted(name for name in os.listdir(entry or ".") if name.endswith(_PACKAGES))  # noqa: PTH208
        except OSError:
            continue
        if packages:
            found.append([(name, file_digest(f"{entry or '.'}/{name}/entry_points.txt")) for name in packages])
    return found


def _zones() -> tuple[object, ...]:
    """Which time zones there are: where they are looked for, and of which edition they are."""
    return (os.environ.get("PYTHONTZPATH"), *(file_digest(f"{folder}/tzdata.zi") for folder in _ZONES))


def key_of(judge: bytes, name: str, choices: object, content: bytes) -> str:
    """The key of a verdict on the pipeline that is called `name` here and holds these bytes."""
    asked = repr((name, os.getcwd(), choices)).encode("utf-8", "surrogateescape")  # noqa: PTH109
    return sha256(judge + sha256(asked).digest() + sha256(content).digest()).hexdigest()


def recall(folder: Path, key: str, looks: Looks) -> Any:
    """The verdict, if all that it rests on is as it was; else None."""
    try:
        basis, verdict = values(folder, key)
        return verdict if looks.holds(Basis(*basis), time.time()) else None
    except (ValueError, TypeError):
        return None


def values(folder: Path, key: str) -> Any:
    """The plain values that were kept under a key; None where there are none, or not in full."""
    stored = _read_own(f"{folder}/{key}")
    if sha256(stored[32:]).digest() != stored[:32]:
        return None
    try:
        return marshal.loads(stored[32:])  # noqa: S302 - our own file, whole by its digest
    except (ValueError, EOFError, TypeError):
        return None


def _read_own(path: str) -> bytes:
    """What this user wrote there; nothing where that is something else."""
    try:
        opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        facts = os.fstat(opened)
        if not stat.S_ISREG(facts.st_mode) or facts.st_uid != os.geteuid() or facts.st_size > _LARGEST:
            return b""
        with open(opened, "rb", closefd=False) as file:
            return file.read(_LARGEST)
    except OSError:
        return b""
    finally:
        os.close(opened)


def remember(folder: Path, key: str, basis: Basis, verdict: Any) -> bool:
    """Keeps a verdict (plain values). Returns whether it could be kept: if not, that costs time and nothing else."""
    facts = (
        basis.project,
        dict(basis.texts),
        dict(basis.files),
        dict(basis.listed),
        dict(basis.data),
        basis.expires,
        basis.since,
    )
    return keep(folder, key, (facts, verdict))


def keep(folder: Path, key: str, kept: Any) -> bool:
    """Keeps plain values, whole or not at all. Returns whether it could."""
    payload = marshal.dumps(kept)
    if len(payload) > _LARGEST - 32:
        return False
    place = f"{folder}/{key}"
    aside = f"{place}.{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with open(aside, "wb") as file:  # noqa: PTH123
            file.write(sha256(payload).digest() + payload)
        os.replace(aside, place)  # noqa: PTH105
    except OSError:
        _remove(aside)
        return False
    return True


def forget_oldest(folder: Path, in_use: Sequence[str]) -> None:
    """Keeps the folder from growing for ever: of what is not in use, the entries that were written first go."""
    kept = frozenset(in_use)
    others: list[tuple[int, int, str]] = []
    total = 0
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                facts = entry.stat(follow_symlinks=False)
                total += facts.st_size
                if entry.name not in kept:
                    others.append((facts.st_mtime_ns, facts.st_size, entry.path))
    except OSError:
        return
    if len(others) <= len(kept) + _SLACK and total <= _MOST_BYTES:
        return
    for index, (_, size, path) in enumerate(sorted(others)):
        if index >= len(others) // 2 and total <= _MOST_BYTES // 2:
            return
        _remove(path)
        total -= size


def _remove(path: str) -> None:
    try:
        os.unlink(path)  # noqa: PTH108
    except OSError:
        return
