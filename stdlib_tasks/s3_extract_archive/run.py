"""Unpacks the files that are wanted of an archive, piece by piece, and refuses archives that are traps."""

from __future__ import annotations

import bz2
import contextlib
import fnmatch
import gzip
import importlib
import lzma
import os
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from typing import IO, Any, Callable

from trc.runtime.taskside.errors import AttemptFailed, PermanentError
from trc.runtime.taskside.order import TaskOrder
from trc.runtime.taskside.quantities import size_of
from trc.runtime.taskside.result import Failure
from trc.runtime.taskside.task import TaskContext, TaskResult

_CHUNK = 1 << 18
_RATIO_FROM = 64 << 20
"""Bytes that are unpacked before it is counted how many times the packed size they are."""
_MAGIC = ((b"PK\x03\x04", "zip"), (b"PK\x05\x06", "zip"), (b"\x1f\x8b", "gz"), (b"BZh", "bz2"))
_MORE_MAGIC = ((b"\xfd7zXZ\x00", "xz"), (b"\x28\xb5\x2f\xfd", "zst"))
_BROKEN = (
    zipfile.BadZipFile, tarfile.TarError, EOFError, gzip.BadGzipFile, lzma.LZMAError, zlib.error, ValueError, OSError
)  # fmt: skip
_NOT_LISTED = 8

Wanted = Mapping[str, str]
"""By the pattern of a member, the path that it is written to."""


def run(order: TaskOrder, context: TaskContext) -> TaskResult:
    """Writes each member that `params` names to its output; answers how many bytes were unpacked."""
    source = order.inputs[0].files[0]
    limits = _Limits(source, size_of(order.params["max_size"]) or 0, order.params["max_ratio"], context)
    wanted = _wanted(order)
    kind = order.params.get("kind") or _kind(source, is_archive=wanted is not None)
    try:
        if wanted is None:
            with _unpacked(source, kind) as packed:
                limits.copy(packed, order.outputs[0].path)
        elif kind == "zip":
            _from_zip(source, wanted, limits)
        elif kind.startswith("tar"):
            _from_tar(source, kind, wanted, limits)
        else:
            raise _failed(f"it is a single file, packed by {kind}: leave out its members")
    except _Disk as error:
        raise error.error from None
    except _BROKEN as error:
        raise _failed(f"it is broken: {str(error).strip() or type(error).__name__}") from error
    return TaskResult(values={"unpacked": limits.unpacked})


def _wanted(order: TaskOrder) -> Wanted | None:
    """None where the source is one packed file."""
    several = order.params.get("outputs")
    if several is not None:
        paths = {one.name: one.path for one in order.outputs}
        found: dict[str, str] = {}
        for name, one in several.items():
            if one["member"] in found:
                raise PermanentError(f'two outputs want the member "{one["member"]}"')
            found[one["member"]] = paths[name]
        return found
    member = order.params.get("member")
    return None if member is None else {member: order.outputs[0].path}


def _kind(source: str, *, is_archive: bool) -> str:
    """What the first bytes tell."""
    with open(source, "rb") as file:
        head = file.read(512)
    found = next((kind for magic, kind in (*_MAGIC, *_MORE_MAGIC) if head.startswith(magic)), "")
    if not found and head[257:262] == b"ustar":
        found = "tar"
    if not found:
        raise _failed("its first bytes are those of no archive that is known; say what it is with kind")
    if is_archive:
        return f"tar.{found}" if found in ("gz", "bz2", "xz", "zst") else found
    if found in ("zip", "tar"):
        raise _failed(f"it is an archive ({found}): say which file of it is wanted, with member")
    return found


def _unpacked(source: str, kind: str) -> IO[bytes]:
    openers: dict[str, Callable[[str], Any]] = {
        "": _plain,
        "gz": gzip.open,
        "bz2": bz2.open,
        "xz": lzma.open,
        "zst": _zstd,
    }
    opener = openers.get(kind)
    if opener is None:
        raise _failed(f"it is an archive ({kind}): say which file of it is wanted, with member")
    stream: IO[bytes] = opener(source)
    return stream


def _plain(source: str) -> Any:
    return open(source, "rb")


def _zstd(source: str) -> Any:
    """By Python itself from 3.14 on, else by a package."""
    for module in ("compression.zstd", "backports.zstd", "zstandard"):
        try:
            return importlib.import_module(module).open(source, "rb")
        except ModuleNotFoundError:
            continue
    raise PermanentError(
        'this Python cannot unpack zstd\nadd "zstandard" to the requirements of the task\'s environment'
    )


class _Disk(Exception):  # noqa: N818 - what is the matter
    """Writing failed, and not reading."""

    def __init__(self, error: OSError) -> None:
        super().__init__(str(error))
        self.error = error


@contextlib.contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _Disk(error) from None


class _Limits:
    """How much may be unpacked, and how much has been."""

    def __init__(self, source: str, most: int, ratio: int, context: TaskContext) -> None:
        self._most = most
        self._ratio = ratio
        self._packed = max(1, os.path.getsize(source))
        self._context = context
        self.unpacked = 0

    def copy(self, packed: IO[bytes], path: str, *, is_counted: bool = False) -> None:
        """Writes what is unpacked to a file; `is_counted` says that it counts its bytes itself."""
        with _writing():
            file = open(path, "wb", buffering=0)  # noqa: SIM115 - closed below, where reading may fail
        with file:
            while True:
                chunk = packed.read(_CHUNK)
                if not chunk:
                    return
                if not is_counted:
                    self.count(len(chunk))
                left = memoryview(chunk)
                with _writing():
                    while left:
                        left = left[file.write(left) or 0 :]
                self._context.progress(self.unpacked)

    def count(self, size: int) -> None:
        self.unpacked += size
        if self.unpacked > self._most:
            raise _bomb(f"more than the {self._most:,} bytes that max_size allows")
        if self.unpacked > _RATIO_FROM and self.unpacked > self._ratio * self._packed:
            raise _bomb(f"more than the {self._ratio:,} times its size that max_ratio allows")

    def require_room(self, size: int) -> None:
        """Refuses what says itself that it is too large, before anything is unpacked."""
        if self.unpacked + size > self._most:
            raise _bomb(f"{size:,} bytes, more than the {self._most:,} that max_size allows")


def _from_zip(source: str, wanted: Wanted, limits: _Limits) -> None:
    with zipfile.ZipFile(source) as archive:
        members = archive.infolist()
        for one in members:
            _require_inside(one.filename)
        files = {one.filename: one for one in members if not one.is_dir()}
        # Two members of one name: readers differ in which they see.
        if len(files) < sum(not one.is_dir() for one in members):
            raise _failed("it holds two files of one name")
        for name, path in _chosen(wanted, list(files)).items():
            one = files[name]
            if stat.S_ISLNK(one.external_attr >> 16):
                raise _failed(f'"{name}" is a link')
            if one.flag_bits & 1:
                raise _failed(f'"{name}" is encrypted')
            limits.require_room(one.file_size)
            try:
                packed = archive.open(one)
            except NotImplementedError as error:
                raise _failed(f'"{name}" is packed in a way that is not known: {error}') from None
            with packed:
                limits.copy(packed, path)


def _from_tar(source: str, kind: str, wanted: Wanted, limits: _Limits) -> None:
    """Once from the beginning to the end: patterns are matched as members come, and all names are looked at."""
    packed = _unpacked(source, kind[4:])
    found: dict[str, str] = {}
    seen: list[str] = []
    with packed, tarfile.open(fileobj=_Counted(packed, limits), mode="r|") as archive:  # type: ignore[call-overload]
        for one in archive:
            name = one.name
            _require_inside(name)
            if one.issym() or one.islnk():
                _require_inside(os.path.join(os.path.dirname(name), one.linkname) if one.issym() else one.linkname)
            if one.isdir():
                continue
            if len(seen) <= _NOT_LISTED:
                seen.append(name)
            pattern = next((each for each in wanted if _matches(name, each)), None)
            if pattern is None:
                continue
            if not one.isreg():
                raise _failed(f'"{name}" is no plain file')
            if pattern in found:
                raise _failed(f'"{found[pattern]}" and "{name}" both match "{pattern}"')
            found[pattern] = name
            member = archive.extractfile(one)
            assert member is not None
            limits.copy(member, wanted[pattern], is_counted=True)
    for pattern in wanted:
        if pattern not in found:
            raise _lacking(pattern, seen)


class _Counted:
    """A stream whose bytes count as unpacked when they are read: all of a tar is, wanted or not."""

    def __init__(self, stream: IO[bytes], limits: _Limits) -> None:
        self._stream = stream
        self._limits = limits

    def read(self, size: int) -> bytes:
        chunk = self._stream.read(size)
        self._limits.count(len(chunk))
        return chunk


def _chosen(wanted: Wanted, names: list[str]) -> dict[str, str]:
    """By name, the path that a member is written to."""
    chosen: dict[str, str] = {}
    for pattern, path in wanted.items():
        found = [name for name in names if _matches(name, pattern)]
        if not found:
            raise _lacking(pattern, names)
        if len(found) > 1:
            raise _failed(f'"{found[0]}" and "{found[1]}" both match "{pattern}"')
        if found[0] in chosen:
            raise _failed(f'"{found[0]}" matches two of the members that are wanted')
        chosen[found[0]] = path
    return chosen


def _matches(name: str, pattern: str) -> bool:
    name = name.removeprefix("./")
    return name == pattern or fnmatch.fnmatchcase(name, pattern)


def _require_inside(name: str) -> None:
    """Refuses an archive that would write elsewhere than where it is unpacked: whoever made it meant harm."""
    parts = name.replace("\\", "/").split("/")
    if name.startswith(("/", "\\")) or ".." in parts or re.match(r"[A-Za-z]:", name) or "\0" in name:
        raise _failed(f"it holds a name that leads out of it: {name!a}")


def _lacking(pattern: str, names: list[str]) -> AttemptFailed:
    shown = ", ".join(sorted(names)[:_NOT_LISTED]) or "nothing"
    more = ", …" if len(names) > _NOT_LISTED else ""
    return _failed(f'it holds no file "{pattern}"; it holds: {shown}{more}')


def _failed(message: str) -> AttemptFailed:
    return AttemptFailed(Failure(f"the archive cannot be unpacked: {message}", "permanent", "archive"))


def _bomb(message: str) -> AttemptFailed:
    return AttemptFailed(Failure(f"the archive unpacks to {message}", "permanent", "archive_size"))
