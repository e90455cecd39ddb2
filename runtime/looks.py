"""Looks at what a kept answer depends on: each file and each folder once a check, however many pipelines share it."""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path

from trc.compiler.diagnostics.collector import Collector
from trc.compiler.frontends.files import read
from trc.compiler.frontends.on_disk import content, matches
from trc.compiler.source import SourceFile
from trc.runtime.standing import Stamp, stamp
from trc.runtime.storage.errors import StorageError
from trc.runtime.storage.globs import match_files

Stamps = tuple[tuple[str, Stamp | None], ...]


def digest(data: bytes) -> str:
    """What stands for a content: equal contents have equal digests, and others have others."""
    return blake2b(data, digest_size=16).hexdigest()


def text_digest(text: str) -> str:
    return digest(text.encode("utf-8", "surrogatepass"))


def listing_digest(names: tuple[str, ...]) -> str:
    return text_digest("\0".join(names))


class Looks:
    """What is there now; what was looked at once is not looked at again."""

    def __init__(self) -> None:
        self._contents: dict[tuple[str, str], str | None] = {}
        self._listings: dict[tuple[str, str], str] = {}
        self._texts: dict[str, SourceFile | None] = {}
        self._columns: dict[str, Stamps | None] = {}
        self._stamps: dict[str, Stamp | None] = {}

    def content(self, project: str, name: str) -> str | None:
        """The digest of a project's file, as the compiler would read it; None where it would find none."""
        if (project, name) not in self._contents:
            found = content(Path(project), name)
            self._contents[project, name] = None if found is None else digest(found)
        return self._contents[project, name]

    def listing(self, project: str, pattern: str) -> str:
        """The digest of the names that a pattern covers in a project."""
        if (project, pattern) not in self._listings:
            self._listings[project, pattern] = listing_digest(matches(Path(project), pattern))
        return self._listings[project, pattern]

    def text(self, path: str) -> SourceFile | None:
        """The text of a file that can be read as one, under the name of its path."""
        if path not in self._texts:
            self._texts[path] = read(Path(path), path, Collector())
        return self._texts[path]

    def files(self, uri: str) -> Stamps | None:
        """The files at an absolute path or glob, each with its stamp; None where they cannot be listed."""
        if uri not in self._columns:
            try:
                self._columns[uri] = stamps(match_files(uri))
            except StorageError:
                self._columns[uri] = None
        return self._columns[uri]

    def stamp(self, path: str) -> Stamp | None:
        if path not in self._stamps:
            self._stamps[path] = stamp(path)
        return self._stamps[path]


def stamps(files: tuple[str, ...]) -> Stamps:
    """The files, each with what tells whether it is as it was."""
    return tuple((file, stamp(file)) for file in files)
