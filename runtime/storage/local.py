"""Files on this machine."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path

from trc.runtime.storage.digests import Digests, identify
from trc.runtime.storage.globs import list_files
from trc.runtime.storage.staging import Staging
from trc.runtime.store.results import FileIdentity, Results


class LocalStorage:
    """Implements `Storage` on the local file systems; `state` is the folder that holds what is staged."""

    def __init__(self, results: Results, state: Path, boot_id: str, clock_ns: Callable[[], int]) -> None:
        self._digests = Digests(results, boot_id, clock_ns)
        self._staging = Staging(Path(os.path.abspath(state)))  # noqa: PTH100 - links in the path are kept

    def list(self, uri: str) -> tuple[str, ...]:
        files = list_files(uri)
        if len(files) > 1:
            # Whoever lists many files asks for their digests next.
            self.prefetch(files)
        return files

    def identity(self, path: str) -> FileIdentity | None:
        return identify(path)

    def digest(self, path: str) -> str | None:
        return self._digests.digest(path)

    def content(self, path: str) -> tuple[FileIdentity, str] | None:
        return self._digests.content(path)

    def adopt(self, path: str, digest: str) -> str:
        self._digests.adopt(path, digest)
        return digest

    def prefetch(self, paths: Iterable[str]) -> None:
        self._digests.prefetch(paths)

    def flush(self) -> None:
        self._digests.flush()

    def staging_path(self, final: str | None, token: str, name: str) -> str:
        return self._staging.path(final, token, name)

    def publish(self, staged: str, final: str) -> None:
        self._staging.publish(staged, final)

    def publish_all(self, files: Sequence[tuple[str, str]]) -> None:
        self._staging.publish_all(files)

    def discard(self, staged: str) -> None:
        self._staging.discard(staged)

    def sweep(self, alive: Callable[[], Collection[str]]) -> None:
        self._staging.sweep(alive)
