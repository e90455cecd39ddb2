"""What planning and running ask of the place where data lies."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Protocol

from trc.runtime.store.results import Identity


class Files(Protocol):
    """The files that tasks read and wrote. Paths are absolute. Raises `StorageError` for what cannot be read."""

    def list(self, uri: str) -> tuple[str, ...]:
        """The files that a path or glob names, sorted; none of them lies in a folder `.trc` that a wildcard met."""
        ...

    def identity(self, path: str) -> Identity | None:
        """What the file system, or the object store, says of a file; None if no file is there."""
        ...

    def digest(self, path: str) -> str | None:
        """The digest of a file's bytes, as of `taskside.digest`, or what the object store tells instead; None if no file is there. Raises `MovingFile` if it keeps changing."""
        ...

    def content(self, path: str) -> tuple[Identity, str] | None:
        """The file's identity, and the digest that its bytes had then; else as `digest`."""
        ...

    def adopt(self, path: str, digest: str) -> str:
        """Takes it on trust, as long as this object lives, that the file now there has this digest.

        Answers the digest that it is known by from now on: an object store has its own.
        """
        ...

    def prefetch(self, paths: Iterable[str]) -> None:
        """Looks at many files at once, whose contents are asked for next. Never fails: who asks is told what is wrong."""
        ...

    def flush(self) -> None:
        """Keeps the digests that were computed, for later runs."""
        ...


class Publishing(Protocol):
    """How an attempt's files come to where they are seen."""

    def staging_path(self, final: str | None, token: str, name: str) -> str:
        """Where the attempt `token` writes its output `name` until it is published; the folder exists."""
        ...

    def publish(self, staged: str, final: str) -> None:
        """Puts a staged file in its place in one step: a reader sees the old file or the new one, whole.

        Raises `PublishError`.
        """
        ...

    def publish_all(self, files: Sequence[tuple[str, str]]) -> None:
        """Puts `(staged, final)` files in their places, each as `publish` does: all, or none if one cannot be put.

        A crash on the way leaves some of them new.
        """
        ...

    def discard(self, staged: str) -> None:
        """Removes a staged file, if it is there."""
        ...

    def sweep(self, alive: Callable[[], Collection[str]]) -> None:
        """Removes what attempts have staged that are none of these, which are asked for once it is known what is there."""
        ...


class Storage(Files, Publishing, Protocol):
    """Both."""
