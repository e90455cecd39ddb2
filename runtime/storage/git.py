"""Repositories of Git: which commit a reference points to now, by what its server says; tasks fetch it themselves."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from trc.runtime.spec import CloneSpec, SecretSpec
from trc.runtime.storage.errors import ObjectError, StorageError
from trc.runtime.store.results import WebIdentity
from trc.runtime.taskside.errors import AttemptFailed
from trc.runtime.taskside.gitrefs import Refs, headers_of, is_commit, refs_of
from trc.runtime.taskside.order import OrderSecret
from trc.runtime.taskside.result import Failure
from trc.runtime.taskside.web import Web

_REMEMBERED: Final = 10.0
"""Seconds for which what a server said is gone by: tasks of one repository ask once."""

Values = Callable[[tuple[SecretSpec, ...], Mapping[str, str]], "tuple[OrderSecret, ...] | Failure"]


@dataclass(slots=True)
class GitStorage:
    """Implements `Files` for `git+https://…#ref`; `clones` are those of the pipeline, by location, and `secrets` has their passwords."""

    web: Web
    clones: Mapping[str, CloneSpec]
    secrets: Values | None = None
    clock: Callable[[], float] = time.monotonic
    _known: dict[tuple[str, str], tuple[float, Refs]] = field(
        default_factory=dict[tuple[str, str], "tuple[float, Refs]"]
    )

    def list(self, uri: str) -> tuple[str, ...]:
        return () if self.identity(uri) is None else (uri,)

    def identity(self, path: str) -> WebIdentity | None:
        """Raises `ObjectError` where there is no such reference: what there is instead is told."""
        clone = self.clones.get(path)
        if clone is None:
            return None
        if is_commit(clone.ref):
            return WebIdentity(clone.ref, -1)
        try:
            return WebIdentity(self._refs(clone).find(clone.ref).commit, -1)
        except AttemptFailed as error:
            raise _told(error.failure) from error

    def digest(self, path: str) -> str | None:
        found = self.content(path)
        return None if found is None else found[1]

    def content(self, path: str) -> tuple[WebIdentity, str] | None:
        found = self.identity(path)
        return None if found is None else (found, f"commit:{found.version}")

    def adopt(self, path: str, digest: str) -> str:
        """Nothing is written to a repository."""
        del path
        return digest

    def prefetch(self, paths: Iterable[str]) -> None:
        for path in paths:
            # What cannot be known is asked for again where it is wanted, and told there.
            with suppress(StorageError):
                self.identity(path)

    def forget(self) -> None:
        """Asks anew from now on."""
        self._known.clear()

    def flush(self) -> None:
        """Nothing that a server says is kept for later runs."""

    def _refs(self, clone: CloneSpec) -> Refs:
        # With other credentials there may be other references.
        key = (clone.url, f"{clone.username}@{clone.password.ref if clone.password else ''}")
        known = self._known.get(key)
        if known is None or self.clock() - known[0] > _REMEMBERED:
            known = self._known[key] = (self.clock(), refs_of(self.web, clone.url, self._headers(clone)))
        return known[1]

    def _headers(self, clone: CloneSpec) -> dict[str, str]:
        if clone.password is None or self.secrets is None:
            return {}
        found = self.secrets((clone.password,), {})
        if isinstance(found, Failure):
            raise AttemptFailed(found)
        return headers_of({"username": clone.username, "password": found[0].value})


def _told(failure: Failure) -> ObjectError:
    return ObjectError(failure.message, failure.kind, failure.reason)
