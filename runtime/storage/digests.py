"""Digests of files, computed once while nothing says that the bytes may have changed."""

from __future__ import annotations

import os
import stat
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from threading import Thread

from trc.runtime.storage.errors import MovingFile, unreadable
from trc.runtime.store.results import FileDigest, FileIdentity, Results
from trc.runtime.surroundings import cores
from trc.runtime.taskside.digest import PIECE, digest_of_open

_TRIES = 3
_LARGE = 4 << 20
"""Bytes from which on a file is worth a thread; from `PIECE` on, it is hashed by several anyway."""

# Clocks of file systems are coarse: a file that was written this shortly before it was hashed
# may have been written again afterwards without looking any different.
_SETTLED_NS = 2_000_000_000


class Digests:
    """Digests by path, kept in the results store between runs.

    `boot_id` names this boot of the machine: after a power cut a file may lack bytes that were never
    synced, so what an earlier boot hashed is hashed again. An empty one trusts nothing that is cached.
    """

    def __init__(self, results: Results, boot_id: str, clock_ns: Callable[[], int]) -> None:
        self._results = results
        self._boot_id = boot_id
        self._clock_ns = clock_ns
        self._known: dict[str, FileDigest | None] = {}
        self._new: dict[str, FileDigest] = {}
        self._adopted: dict[str, tuple[FileIdentity, str]] = {}

    def adopt(self, path: str, digest: str) -> None:
        """Believes whoever wrote the file that is now at `path`; nothing of it is kept for later runs."""
        identity = identify(path)
        if identity is not None:
            self._adopted[path] = (identity, digest)

    def prefetch(self, paths: Iterable[str]) -> None:
        missing = [path for path in paths if path not in self._known]
        if missing:
            self._known |= dict.fromkeys(missing)
            self._known.update(self._results.digests(missing))
            self._hash_ahead([path for path in missing if self._known[path] is None])

    def _hash_ahead(self, paths: Sequence[str]) -> None:
        """Hashes files of some length beside each other. Whoever asks for one later finds out by itself whether it still is that file."""
        large = [path for path in paths if self._is_worth_it(path)] if len(paths) > 1 else []
        if len(large) < 2:
            return
        left = deque(large)
        threads = [Thread(target=self._hash_of, args=(left,), name="hash") for _ in range(min(cores(), len(large)))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _hash_of(self, left: deque[str]) -> None:
        """What one thread does: it takes path after path, and each is taken once."""
        with suppress(IndexError):
            while path := left.popleft():
                self._keep(path, self._computed_ahead(path))

    def _is_worth_it(self, path: str) -> bool:
        """Whether a file is worth a thread, and not so new that it would be hashed again when it is asked for."""
        with suppress(OSError):
            identity = identify(path)
            if identity is not None and _LARGE <= identity.size <= PIECE:
                return max(identity.mtime_ns, identity.ctime_ns) + _SETTLED_NS <= self._clock_ns()
        return False

    def _computed_ahead(self, path: str) -> FileDigest | None:
        with suppress(OSError):  # whoever asks for it is told
            return self._compute(path)
        return None

    def _keep(self, path: str, computed: FileDigest | None) -> None:
        if computed is not None:
            self._known[path] = computed
            if self._is_settled(computed):
                self._new[path] = computed

    def flush(self) -> None:
        if self._new:
            self._results.put_digests(self._new)
            self._new = {}

    def digest(self, path: str) -> str | None:
        """Of the file at `path`, hashed only if what is known cannot be trusted."""
        content = self.content(path)
        return None if content is None else content[1]

    def content(self, path: str) -> tuple[FileIdentity, str] | None:
        """The file's identity, and the digest that its bytes had while that was its identity."""
        identity = identify(path)
        if identity is None:
            return None
        adopted = self._adopted.get(path)
        if adopted is not None and adopted[0] == identity:
            return adopted
        self.prefetch([path])
        known = self._known[path]
        if known is not None and known.identity == identity and self._is_settled(known):
            return identity, known.digest
        computed = self._compute(path)
        if computed is None:
            return None
        self._keep(path, computed)
        return computed.identity, computed.digest

    def _is_settled(self, known: FileDigest) -> bool:
        last_written = max(known.identity.mtime_ns, known.identity.ctime_ns)
        return known.boot_id == self._boot_id != "" and last_written + _SETTLED_NS <= known.hashed_at_ns

    def _compute(self, path: str) -> FileDigest | None:
        for _ in range(_TRIES):
            try:
                with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - a path object for each file costs too much
                    before = _identity_of(os.fstat(file.fileno()))
                    hashed_at = self._clock_ns()
                    digest = digest_of_open(file.fileno(), before.size)[1]
            except (FileNotFoundError, NotADirectoryError):
                return None
            except OSError as error:
                raise unreadable(error, path) from error
            # Looked up by its path again: another file may have been put in its place.
            if identify(path) == before:
                return FileDigest(before, digest, hashed_at, self._boot_id)
        raise MovingFile(f'"{path}" kept changing while it was read')


def identify(path: str) -> FileIdentity | None:
    """What the file system says of the regular file at `path`; None if there is none."""
    try:
        facts = os.stat(path)  # noqa: PTH116 - a path object for each file costs more than the call
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise unreadable(error, path) from error
    return _identity_of(facts) if stat.S_ISREG(facts.st_mode) else None


def _identity_of(facts: os.stat_result) -> FileIdentity:
    return FileIdentity(facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_ino, facts.st_dev)
