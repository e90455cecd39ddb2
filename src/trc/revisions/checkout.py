"""Writes a revision's files into a private folder: what is read there is what git keeps, and nothing leads out of it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

from trc.compiler.diagnostics.diagnostic import Diagnostic, Severity
from trc.compiler.frontends.imports import MACRO_SUFFIXES
from trc.compiler.frontends.suffixes import CODE, SUFFIXES
from trc.revisions.git import Entry, Objects, Repository, entries_of, opened
from trc.runtime.errors import Stopped, stopped
from trc.runtime.folders import PROJECT_FILE

LARGEST_FILE: Final = 16 * 1024 * 1024
"""No pipeline's text is longer; of a longer file there is a hollow one of its size, since nobody reads it."""
LARGEST_TREE: Final = 1024 * 1024 * 1024
MOST_FILES: Final = 200_000

POINTER: Final = b"version https://git-lfs.github.com/spec/v1\n"
"""How a file begins that stands for one that Git LFS keeps."""

_LINK: Final = "120000"
_SUBMODULE: Final = "160000"
_READ: Final = (*SUFFIXES, CODE, *MACRO_SUFFIXES)
_TOLD: Final = 10


@dataclass(slots=True)
class Checkout:
    """A revision's files below `root`, which is `top` of its repository; `blobs` are their objects by path.

    `pointers` are the digests of files that Git LFS keeps elsewhere. `submodules` are left empty.
    """

    revision: str
    root: Path
    blobs: dict[str, str] = field(default_factory=dict[str, str])
    pointers: dict[str, str] = field(default_factory=dict[str, str])
    submodules: list[str] = field(default_factory=list[str])
    left_out: list[Diagnostic] = field(default_factory=list[Diagnostic])

    def leave_out(self, path: str, why: str, remedy: str) -> None:
        """Notes that a file is not there: an error if its text could be part of a pipeline, else a warning."""
        matters = path.lower().endswith(_READ) or path.rpartition("/")[2] == PROJECT_FILE
        severity: Severity = "error" if matters else "warning"
        message = f'"{self.revision}:{path}" is left out: {why}'
        self.left_out.append(Diagnostic("TRC235", message, help=(remedy,), severity=severity))


@contextmanager
def checked_out(repository: Repository, revision: str, commit: str, inside: str) -> Iterator[Checkout]:
    """The files of a commit, of the project that the folder `inside` lies in; they are gone when the context ends."""
    root = Path(tempfile.mkdtemp(prefix="trc-diff-")).resolve()
    try:
        _refuse_surroundings(root)
        checkout = Checkout(revision, root)
        with opened(repository) as objects:
            _Writer(checkout, objects).write(_within(entries_of(repository, commit), inside))
        checkout.left_out[:] = _bounded(checkout)
        yield checkout
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _refuse_surroundings(root: Path) -> None:
    above = next((up for up in root.parents if (up / PROJECT_FILE).exists()), None)
    if above is not None:
        message = f'the folder for temporary files lies in a project of its own: "{above / PROJECT_FILE}"'
        raise stopped("TRC623", message, "remove that file, or set TMPDIR to another folder")


def _within(entries: Sequence[Entry], inside: str) -> list[Entry]:
    """The entries of the project that a folder lies in: the folder of the nearest project file, or itself."""
    paths = {entry.path for entry in entries}
    above = (PurePosixPath(inside), *PurePosixPath(inside).parents) if inside else (PurePosixPath(),)
    found = next((up for up in above if os.fsencode(up / PROJECT_FILE) in paths), PurePosixPath(inside))
    prefix = b"" if found == PurePosixPath() else os.fsencode(f"{found}/")
    return [entry for entry in entries if entry.path.startswith(prefix)]


@dataclass(slots=True)
class _Writer:
    checkout: Checkout
    objects: Objects
    total: int = 0
    links: list[tuple[str, bytes]] = field(default_factory=list[tuple[str, bytes]])

    def write(self, entries: Sequence[Entry]) -> None:
        if len(entries) > MOST_FILES:
            raise self.too_large(f"it has more than {MOST_FILES:,} files")
        for entry in entries:
            path = os.fsdecode(entry.path)
            why = _unsafe(entry.path)
            if why is not None:
                self.checkout.leave_out(path, why, "rename it in a commit of its own, if it is yours")
            elif entry.mode == _SUBMODULE:
                self.checkout.submodules.append(path)
            else:
                self.blob(entry, path)
        # Links come last: so no file is written through one.
        for path, target in self.links:
            self.link(path, target)
        self.drop_links_that_lead_out()

    def blob(self, entry: Entry, path: str) -> None:
        size = self.objects.size(entry.oid)
        if size is None:
            self.checkout.leave_out(
                path, "its content is not in this clone", "clone without --filter, or git fetch --refetch"
            )
            return
        if entry.mode != _LINK:
            self.checkout.blobs[path] = entry.oid
            if size > LARGEST_FILE:
                self.file(path, None, size)
                return
        self.total += size
        if self.total > LARGEST_TREE:
            raise self.too_large(f"its files are larger than {LARGEST_TREE // 1024**3} GiB together")
        content = self.objects.content(entry.oid)
        assert content is not None
        if entry.mode == _LINK:
            self.links.append((path, content))
            return
        if content.startswith(POINTER):
            self.pointer(path, content)
        self.file(path, content, size)

    def pointer(self, path: str, content: bytes) -> None:
        self.checkout.pointers[path] = pointed(content)
        if path.lower().endswith(_READ):
            remedy = "keep pipelines and their code in git itself: git lfs untrack, and commit the file"
            self.checkout.leave_out(path, "git holds a pointer of Git LFS, not the file", remedy)

    def file(self, path: str, content: bytes | None, size: int) -> None:
        place = self.checkout.root / path
        try:
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            self.unwritten(path, error)
            return
        try:
            with open(handle, "wb") as stream:  # noqa: PTH123 - it is open already
                if content is None:
                    stream.truncate(size)
                else:
                    stream.write(content)
        except OSError as error:
            raise self.no_room(error) from error

    def link(self, path: str, target: bytes) -> None:
        place = self.checkout.root / path
        try:
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            place.symlink_to(os.fsdecode(target))
        except (OSError, ValueError) as error:
            self.unwritten(path, error)

    def drop_links_that_lead_out(self) -> None:
        root = self.checkout.root
        places = [(path, root / path) for path, _ in self.links]
        out = [(path, place) for path, place in places if place.is_symlink() and not _leads_inside(place, root)]
        for path, place in out:
            with suppress(OSError):
                place.unlink()
            self.checkout.leave_out(path, "it is a link that leads out of the project", "commit the file itself")

    def unwritten(self, path: str, error: OSError | ValueError) -> None:
        if isinstance(error, FileExistsError | NotADirectoryError):
            why = "another file of the revision has this name, or one that this file system takes for the same"
            self.checkout.leave_out(path, why, "rename one of them")
            return
        if isinstance(error, OSError) and error.errno is not None and not self.has_room():
            raise self.no_room(error) from error
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        self.checkout.leave_out(path, f"it cannot be written here: {why.lower()}", "rename it in a commit of its own")

    def has_room(self) -> bool:
        return shutil.disk_usage(self.checkout.root).free > LARGEST_FILE

    def no_room(self, error: OSError) -> Stopped:
        return stopped(
            "TRC623",
            f'the files of "{self.checkout.revision}" cannot be written to "{self.checkout.root.parent}": '
            f"{(error.strerror or str(error)).lower()}",
            "make room there, or set TMPDIR to another folder",
        )

    def too_large(self, why: str) -> Stopped:
        remedy = "compare a project in a folder of its own: trc diff --project FOLDER"
        return stopped("TRC623", f'the project in "{self.checkout.revision}" is too large to compare: {why}', remedy)


def pointed(content: bytes) -> str:
    """The digest of the file that a pointer of Git LFS stands for."""
    words = {key: value for key, _, value in (line.partition(b" ") for line in content.splitlines())}
    return words.get(b"oid", b"").decode("ascii", "replace").removeprefix("sha256:")


def _unsafe(path: bytes) -> str | None:
    """What keeps a path from being written, in the reader's words; None where nothing does."""
    parts = path.split(b"/")
    if any(part in (b"", b".", b"..") for part in parts):
        return "its path leads elsewhere"
    if any(part.lower() == b".git" for part in parts):
        return 'its path holds a folder of git\'s own, ".git"'
    if any(byte < 0x20 or byte == 0x7F for byte in path):
        return "its path holds a control character, such as a line break"
    try:
        path.decode("utf-8")
    except UnicodeDecodeError:
        return "its path is not UTF-8"
    return None


def _leads_inside(place: Path, root: Path) -> bool:
    try:
        return place.resolve().is_relative_to(root)
    except (OSError, RuntimeError):
        return False


def _bounded(checkout: Checkout) -> list[Diagnostic]:
    """What was left out, errors first; of many the first ones and how many there are."""
    told = sorted(checkout.left_out, key=lambda one: one.severity)
    if len(told) <= _TOLD:
        return told
    message = f'"{checkout.revision}": {len(told) - _TOLD} more files are left out'
    return [*told[:_TOLD], Diagnostic("TRC235", message, help=told[_TOLD].help, severity=told[_TOLD].severity)]
