"""Sends each location to the storage that it lies in: files to this machine's, objects to S3."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from trc.runtime.storage.base import Storage
from trc.runtime.storage.s3 import S3Storage
from trc.runtime.store.results import Identity


@dataclass(frozen=True, slots=True)
class RoutedStorage:
    """Implements `Storage` with two."""

    files: Storage
    objects: S3Storage

    def _of(self, uri: str) -> Storage:
        return self.objects if is_object(uri) else self.files

    def list(self, uri: str) -> tuple[str, ...]:
        return self._of(uri).list(uri)

    def identity(self, path: str) -> Identity | None:
        return self._of(path).identity(path)

    def digest(self, path: str) -> str | None:
        return self._of(path).digest(path)

    def content(self, path: str) -> tuple[Identity, str] | None:
        return self._of(path).content(path)

    def adopt(self, path: str, digest: str) -> str:
        return self._of(path).adopt(path, digest)

    def prefetch(self, paths: Iterable[str]) -> None:
        named = list(paths)
        self.objects.prefetch([one for one in named if is_object(one)])
        self.files.prefetch([one for one in named if not is_object(one)])

    def flush(self) -> None:
        self.files.flush()

    def staging_path(self, final: str | None, token: str, name: str) -> str:
        return self.files.staging_path(final, token, name)

    def publish(self, staged: str, final: str) -> None:
        self._of(final).publish(staged, final)

    def publish_all(self, files: Sequence[tuple[str, str]]) -> None:
        objects = [one for one in files if is_object(one[1])]
        if not objects:
            self.files.publish_all(files)
            return
        with self.objects.publishing(objects, keeps_old=len(files) > 1):
            self.files.publish_all([one for one in files if not is_object(one[1])])

    def discard(self, staged: str) -> None:
        self.objects.discard(staged)

    def sweep(self, alive: Callable[[], Collection[str]]) -> None:
        self.objects.sweep(alive)
        self.files.sweep(alive)


def is_object(uri: str) -> bool:
    return uri.startswith("s3://")
