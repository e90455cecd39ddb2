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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import trc
from trc.compiler.frontends.project_files import content_of, files_like
from trc.runtime.storage.globs import match_files

FOLDER: Final = "checked"
_FORMAT: Final = 1
_CODE: Final = (".py", ".lark", ".sql", ".json")
_PACKAGES: Final = (".dist-info", ".egg-info", ".egg-link", ".pth")
_SETTLED_NS: Final = 2_000_000_000
"""A data file that changed within this time may change again without its times telling."""
_SMALL: Final = 1 << 20
"""Bytes up to which a data file is compared by content."""
_SLACK: Final = 2_000
"""Entries beyond those in use that are kept: other branches of the project's history have theirs."""

Identity = str | tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Basis:
    """What a verdict rests on, beside what its key is made of.

    `texts` are files of the project by relative path, `files` others by absolute path, each with the digest
    of its content, or None where there is none to be had. `listed` are patterns with what they matched.
    `data` are locations with the files there. `expires` is in seconds since the epoch.
    """

    project: str
    texts: Mapping[str, str | None]
    files: Mapping[str, str | None]
    listed: Mapping[str, tuple[str, ...]]
    data: Mapping[str, tuple[tuple[str, Identity], ...]]
    expires: float


@dataclass(slots=True)
class Looks:
    """Looks at files, at each once: many verdicts rest on the same ones."""

    _seen: dict[tuple[object, ...], object] = field(default_factory=dict[tuple[object, ...], object])

    def holds(self, basis: Basis, now: float) -> bool:
        """Whether all of it is as it was."""
        return (
            now < basis.expires
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


def is_settled(uri: str, began_ns: int) -> bool:
    """Whether the files at a location were all written well before `began_ns`, and so read as they are now."""
    try:
        stats = [os.stat(path) for path in match_files(uri)]  # noqa: PTH116
    except (OSError, ValueError):
        return False
    return all(max(one.st_mtime_ns, one.st_ctime_ns) <= began_ns - _SETTLED_NS for one in stats)


def world() -> bytes:
    """What judges: the digest of trc's own files, the interpreter, and the names and versions of installed packages."""
    digest = sha256(repr((_FORMAT, trc.__version__, sys.version, sys.executable)).encode())
    own = os.path.dirname(os.path.abspath(trc.__file__))  # noqa: PTH100, PTH120
    for folder, folders, names in os.walk(own, followlinks=True):
        folders[:] = sorted(one for one in folders if one != "__pycache__")
        for name in sorted(names):
            if name.endswith(_CODE):
                path = f"{folder}/{name}"
                digest.update(f"{path[len(own) :]}\0{file_digest(path)}\n".encode("utf-8", "surrogateescape"))
    digest.update(repr(_packages()).encode("utf-8", "surrogateescape"))
    return digest.digest()


def _packages() -> list[list[str]]:
    """What each place that has packages says of them: a package's name and version are in the name of a folder."""
    found: list[list[str]] = []
    for entry in dict.fromkeys(sys.path):
        try:
            packages = sorted(name for name in os.listdir(entry or ".") if name.endswith(_PACKAGES))  # noqa: PTH208
        except OSError:
            continue
        if packages:
            found.append(packages)
    return found


def key_of(judge: bytes, name: str, choices: object, content: bytes) -> str:
    """The key of a verdict on the pipeline that is called `name` here and holds these bytes."""
    asked = repr((name, os.getcwd(), choices)).encode("utf-8", "surrogateescape")  # noqa: PTH109
    return sha256(judge + sha256(asked).digest() + sha256(content).digest()).hexdigest()


def recall(folder: Path, key: str, looks: Looks) -> Any:
    """The verdict, if all that it rests on is as it was; else None."""
    try:
        with open(f"{folder}/{key}", "rb") as file:  # noqa: PTH123
            stored = file.read()
    except OSError:
        return None
    if sha256(stored[32:]).digest() != stored[:32]:
        return None
    try:
        basis, verdict = marshal.loads(stored[32:])  # noqa: S302 - our own file, whole by its digest
        return verdict if looks.holds(Basis(*basis), time.time()) else None
    except (ValueError, EOFError, TypeError):
        return None


def remember(folder: Path, key: str, basis: Basis, verdict: Any) -> bool:
    """Keeps a verdict (plain values). Returns whether it could be kept: if not, that costs time and nothing else."""
    facts = (
        basis.project,
        dict(basis.texts),
        dict(basis.files),
        dict(basis.listed),
        dict(basis.data),
        basis.expires,
    )
    payload = marshal.dumps((facts, verdict))
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
    try:
        with os.scandir(folder) as entries:
            others = [entry for entry in entries if entry.name not in kept]
        if len(others) <= len(kept) + _SLACK:
            return
        aged = sorted(others, key=lambda entry: entry.stat(follow_symlinks=False).st_mtime_ns)
    except OSError:
        return
    for entry in aged[: len(aged) // 2]:
        _remove(entry.path)


def _remove(path: str) -> None:
    try:
        os.unlink(path)  # noqa: PTH108
    except OSError:
        return
