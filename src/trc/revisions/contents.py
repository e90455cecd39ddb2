"""What the files hold that pipelines read by location, as far as git keeps them: a digest of each."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trc.compiler.ir.dataset import UriRead
from trc.compiler.ir.pipeline import Pipeline
from trc.compiler.ir.uris import covers, is_glob, is_remote, normalise
from trc.revisions.checkout import POINTER, Checkout, pointed

_CHUNK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class KeptFiles:
    """The files that git keeps on one side: what each holds is told by its blob, or by what Git LFS calls it."""

    digests: Mapping[str, str]

    def at(self, location: str, project: str) -> dict[str, str]:
        """The digests of the files at a location that is relative to a project, by their paths in it."""
        if is_remote(location):
            return {}
        place = normalise(location, posixpath.join("/", project))
        found = _matches(place, self.digests) if is_glob(location) else [place[1:]] if place[1:] in self.digests else []
        return {posixpath.relpath(path, project or "."): self.digests[path] for path in found}


def locations(pipeline: Pipeline) -> Iterator[str]:
    """The locations of what a pipeline reads without having written it, and of its tasks' requirements."""
    yield from (source.uri for source in pipeline.sources)
    for task in pipeline.tasks:
        yield from (read.uri for read in task.reads if isinstance(read, UriRead))
        if task.environment.requirements_file is not None:
            yield task.environment.requirements_file


def _matches(place: str, paths: Mapping[str, str]) -> list[str]:
    return [path for path in paths if covers(place, f"/{path}")]


def of_revision(checkout: Checkout) -> KeptFiles:
    return KeptFiles(checkout.blobs | {path: f"lfs:{digest}" for path, digest in checkout.pointers.items()})


def of_working_tree(top: Path, tracked: frozenset[str], base: Checkout) -> KeptFiles:
    return KeptFiles(_WorkingFiles(top, tracked, base))


class _WorkingFiles(Mapping[str, str]):
    """The digests of the working tree's files, each made when it is asked for; `base` is what they are compared with."""

    def __init__(self, top: Path, tracked: frozenset[str], base: Checkout) -> None:
        self._top = top
        self._tracked = tracked
        self._base = base

    def __getitem__(self, path: str) -> str:
        if path not in self._tracked:
            raise KeyError(path)
        return self._digest(path)

    def __contains__(self, path: object) -> bool:
        place = self._top / str(path)
        return path in self._tracked and place.is_file() and not place.is_symlink()

    def __iter__(self) -> Iterator[str]:
        return (path for path in self._tracked if path in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _digest(self, path: str) -> str:
        """As git names it, or as Git LFS does where the other side has a pointer."""
        place = self._top / path
        with place.open("rb") as file:
            start = file.read(len(POINTER) + 1024)
        if start.startswith(POINTER):
            return f"lfs:{pointed(start)}"
        if path in self._base.pointers:
            return f"lfs:{_hash('sha256', place, b'')}"
        other = self._base.blobs.get(path, "")
        return _hash("sha256" if len(other) == 64 else "sha1", place, b"blob %d\0" % place.stat().st_size)


def _hash(algorithm: str, place: Path, head: bytes) -> str:
    digest = hashlib.new(algorithm, head, usedforsecurity=False)
    with place.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
