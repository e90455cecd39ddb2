"""What stores that several machines may share have in common."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from trc.runtime.store.results import FileDigest
from trc.runtime.store.sql import SqlStore


class SharedStore(SqlStore):
    """A store elsewhere. Digests of files are this machine's affair, and are cached in the store `_local`."""

    _local: SqlStore

    def cache(self) -> SqlStore:
        return self._local

    def digests(self, paths: Iterable[str]) -> Mapping[str, FileDigest]:
        return self._local.digests(paths)

    def put_digests(self, digests: Mapping[str, FileDigest]) -> None:
        self._local.put_digests(digests)

    def digest_paths(self) -> list[str]:
        return self._local.digest_paths()

    def forget_digests(self, paths: Sequence[str]) -> None:
        self._local.forget_digests(paths)
