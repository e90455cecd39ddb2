"""The files of a commit: which are wanted, and which are called so that they cannot be taken."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO

from trc.patterns import is_matched
from trc.runtime.taskside.errors import AttemptFailed
from trc.runtime.taskside.result import Failure
from trc.stdlib_tasks.git_clone_to_s3.run.git import failed

_KINDS = {b"100644": "file", b"100664": "file", b"100755": "program", b"120000": "link", b"160000": "submodule"}
_READ = 1 << 16
_LONGEST = 4096
_OURS = frozenset({"", ".", "..", ".git", ".trc"})


@dataclass(frozen=True)
class Entry:
    """What stands at a path: a `file`, a `program` (a file that can be run), a `link` or a `submodule`. `size` is in bytes."""

    path: str
    kind: str
    size: int
    blob: str
    repository: int = 0
    """The number of the repository that has its bytes."""

    @property
    def is_file(self) -> bool:
        """Whether its bytes are taken. A link's are but a name, which may lead anywhere."""
        return self.kind in ("file", "program")


@dataclass(frozen=True)
class Wanted:
    """Which paths take part: those that a pattern of `include` covers, or all without one, but for those of `exclude`."""

    include: Sequence[str] = ()
    exclude: Sequence[str] = ()

    def has(self, path: str) -> bool:
        is_in = not self.include or any(_covers(one, path) for one in self.include)
        return is_in and not any(_covers(one, path) for one in self.exclude)


@dataclass
class Limits:
    """How much may be taken, in bytes and in files, and how much was seen: a small pack can hold a tree without an end."""

    size: int
    files: int
    seen: int = field(default=0)
    taken: int = field(default=0)
    bytes: int = field(default=0)

    def see(self) -> None:
        self.seen += 1
        if self.seen > self.files * 20:
            raise _larger(f"it has more than {self.seen - 1:,} paths, 20 times the files that max_files allows")

    def take(self, size: int) -> None:
        self.taken += 1
        self.bytes += size
        if self.taken > self.files:
            raise _larger(f"it has more than the {self.files:,} files that max_files allows")
        if self.bytes > self.size:
            raise _larger(f"its files have more than the {self.size:,} bytes that max_size allows")


def entries_of(out: IO[bytes], below: str, wanted: Wanted, limits: Limits, repository: int) -> Iterator[Entry]:
    """What `git ls-tree -r -z -l` tells, as far as it is wanted; submodules whether they are wanted or not."""
    for line in _lines(out):
        facts, _, name = line.partition(b"\t")
        mode, _, blob, size = facts.split()
        limits.see()
        kind = _KINDS.get(mode, "file")
        path = below + name.decode("utf-8", "surrogateescape")
        if kind == "submodule":
            yield Entry(path, kind, 0, blob.decode(), repository)
        elif wanted.has(path):
            found = Entry(path, kind, int(size), blob.decode(), repository)
            if found.is_file:
                limits.take(found.size)
            yield found


def require_names(entries: Iterable[Entry]) -> None:
    """Raises AttemptFailed for a path that is none below a folder, or that no object can be called by."""
    for one in entries:
        parts = one.path.split("/")
        odd = next((part for part in parts if part.lower() in _OURS or "\0" in part), None)
        if odd is not None:
            raise _unusable(one.path, f'"{odd}" names no file of a folder')
        try:
            one.path.encode()
        except UnicodeEncodeError:
            raise _unusable(one.path, "it is not UTF-8, as names of objects are") from None


def _lines(out: IO[bytes]) -> Iterator[bytes]:
    held = b""
    while True:
        chunk = out.read(_READ)
        if not chunk:
            return
        *lines, held = (held + chunk).split(b"\0")
        yield from lines
        if len(held) > _READ + _LONGEST:
            raise failed("it holds a path that is longer than any file's can be")


def _covers(pattern: str, path: str) -> bool:
    return path == pattern or is_matched(pattern, path)


def _unusable(path: str, why: str) -> AttemptFailed:
    return failed(f"the path {path!a} cannot be taken: {why}\nleave it out with exclude")


def _larger(what: str) -> AttemptFailed:
    return AttemptFailed(Failure(f"the repository is larger than it may be: {what}", "permanent", "git_size"))
