"""Sends each location to the storage that it lies in: files to this machine's, objects to S3, addresses to the web, commits to Git."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

from trc.compiler.ir.uris import is_git, is_web
from trc.runtime.storage.base import Files, Storage
from trc.runtime.storage.git import GitStorage
from trc.runtime.storage.s3 import S3Storage
from trc.runtime.storage.web import WebStorage
from trc.runtime.store.results import Identity
from trc.runtime.taskside.records import record


@record(frozen=True, slots=True)
class RoutedStorage:
    """Implements `Storage` with several; `objects` is None where nothing of a pipeline lies on S3."""

    files: Storage
    objects: S3Storage | None
    web: WebStorage
    git: GitStorage

    def _of(self, uri: str) -> Storage:
        return self.objects if self.objects is not None and is_object(uri) else self.files

    def _read(self, uri: str) -> Files:
        if is_web(uri):
            return self.web
        return self.git if is_git(uri) else self._of(uri)

    def list(self, uri: str) -> tuple[str, ...]:
        return self._read(uri).list(uri)

    def identity(self, path: str) -> Identity | None:
        return self._read(path).identity(path)

    def digest(self, path: str) -> str | None:
        return self._read(path).digest(path)

    def content(self, path: str) -> tuple[Identity, str] | None:
        return self._read(path).content(path)

    def adopt(self, path: str, digest: str) -> str:
        return self._of(path).adopt(path, digest)

    def prefetch(self, paths: Iterable[str]) -> None:
        named = list(paths)
        if self.objects is not None:
            self.objects.prefetch([one for one in named if is_object(one)])
        self.web.prefetch([one for one in named if is_web(one)])
        self.git.prefetch([one for one in named if is_git(one)])
        self.files.prefetch([one for one in named if not (is_object(one) or is_web(one) or is_git(one))])

    def flush(self) -> None:
        self.files.flush()

    def staging_path(self, final: str | None, token: str, name: str) -> str:
        return self.files.staging_path(final, token, name)

    def publish(self, staged: str, final: str) -> None:
        self._of(final).publish(staged, final)

    def publish_all(self, files: Sequence[tuple[str, str]]) -> None:
        objects = [one for one in files if is_object(one[1])]
        if not objects or self.objects is None:
            self.files.publish_all(files)
            return
        with self.objects.publishing(objects, keeps_old=len(files) > 1):
            self.files.publish_all([one for one in files if not is_object(one[1])])

    def discard(self, staged: str) -> None:
        # An attempt has failed, which may be because what it read is another by now.
        self.web.forget()
        self.git.forget()
        (self.objects or self.files).discard(staged)

    def sweep(self, alive: Callable[[], Collection[str]]) -> None:
        if self.objects is not None:
            self.objects.sweep(alive)
        self.files.sweep(alive)


def is_object(uri: str) -> bool:
    return uri.startswith("s3://")
