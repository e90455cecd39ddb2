"""Files on this machine."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path

from trc.runtime.storage.digests import Digests, identify
from trc.runtime.storage.errors import StorageError
from trc.runtime.storage.globs import match_files
from trc.runtime.storage.staging import Staging
from trc.runtime.store.results import FileIdentity, Results


def list_files(uri: str) -> tuple[str, ...]:
    """The absolute paths of the files that a path or glob names, sorted, by DuckDB's rules.

    Raises `StorageError` for a folder that cannot be read, and for a name that no text can hold.
    """
    files = match_files(os.path.join(os.getcwd(), uri))  # noqa: PTH109, PTH118 - `..` and `//` are kept
    nameless = next((file for file in files if not file.isascii() and not _is_utf8(file)), None)
    if nameless is not None:
        raise StorageError(f'"{uri}" matches {nameless!a}, and a name that is not UTF-8 cannot be handed on')
    return files


def _is_utf8(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


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

    def adopt(self, path: str, digest: str) -> None:
        self._digests.adopt(path, digest)

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

    def sweep(self, tokens_alive: Collection[str]) -> None:
        self._staging.sweep(tokens_alive)
