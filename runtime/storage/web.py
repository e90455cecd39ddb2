"""What lies on the web: which version of it there is now, by what its server says; tasks fetch it themselves."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from trc.runtime.storage.errors import ObjectError, StorageError
from trc.runtime.store.results import WebIdentity
from trc.runtime.taskside.errors import AttemptFailed
from trc.runtime.taskside.result import Failure
from trc.runtime.taskside.versions import WebVersion, version_of
from trc.runtime.taskside.web import Answer, Web, refusal

_REMEMBERED: Final = 10.0
"""Seconds for which what a server said is gone by: a plan asks once, whoever wants to know."""
_AT_A_TIME: Final = 8
_OWN: Final = {"Accept-Encoding": "identity"}
_ONE_BYTE: Final = {**_OWN, "Range": "bytes=0-0"}
_PARTIAL: Final = 206
_EMPTY: Final = 416
_GONE: Final = frozenset({404, 410})


@dataclass(slots=True)
class WebStorage:
    """Implements `Files` for `http://` and `https://`; `headers` are those that an address is asked with."""

    web: Web
    headers: Mapping[str, Mapping[str, str]]
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time
    _known: dict[str, tuple[float, WebIdentity | None, str]] = field(
        default_factory=dict[str, "tuple[float, WebIdentity | None, str]"]
    )

    def list(self, uri: str) -> tuple[str, ...]:
        return () if self.identity(uri) is None else (uri,)

    def identity(self, path: str) -> WebIdentity | None:
        return self._look(path)[1]

    def digest(self, path: str) -> str | None:
        found = self.content(path)
        return None if found is None else found[1]

    def content(self, path: str) -> tuple[WebIdentity, str] | None:
        _, identity, digest = self._look(path)
        return None if identity is None else (identity, digest)

    def adopt(self, path: str, digest: str) -> str:
        """Nothing is written to the web."""
        del path
        return digest

    def prefetch(self, paths: Iterable[str]) -> None:
        unknown = [path for path in dict.fromkeys(paths) if path not in self._known]
        if len(unknown) > 1:
            with ThreadPoolExecutor(_AT_A_TIME, "web") as streams:
                # What cannot be known is asked for again where it is wanted, and told there.
                list(streams.map(self._try, unknown))

    def forget(self) -> None:
        """Asks anew from now on."""
        self._known.clear()

    def flush(self) -> None:
        """Nothing that a server says is kept for later runs."""

    def _try(self, path: str) -> None:
        with suppress(StorageError):
            self._look(path)

    def _look(self, url: str) -> tuple[float, WebIdentity | None, str]:
        known = self._known.get(url)
        if known is None or self.clock() - known[0] > _REMEMBERED:
            try:
                found = self._ask(url)
            except AttemptFailed as error:
                raise _told(error.failure) from error
            known = self._known[url] = (self.clock(), *self._known_by(found))
        return known

    def _known_by(self, found: WebVersion | None) -> tuple[WebIdentity | None, str]:
        """What tells the version, and what stands for it in keys: without a version, nothing that was before or will be again."""
        if found is None:
            return None, ""
        size = "" if found.size is None else f", {found.size} B"
        identity = WebIdentity(found.told, -1 if found.size is None else found.size)
        if found.etag:
            return identity, f"etag:{found.etag.strip(chr(34))}{size}"
        # Within the second that a date tells, there may be another version yet.
        if found.modified and found.pin:
            return identity, f"last-modified:{found.modified}{size}"
        return (
            identity,
            f"no ETag and no settled date, asked for at {datetime.fromtimestamp(self.now(), UTC).isoformat()}",
        )

    def _ask(self, url: str) -> WebVersion | None:
        """By HEAD; a server that does not answer that as it should is asked for one byte."""
        headers = self.headers.get(url, {})
        with closing(self.web.ask("HEAD", url, headers, own=_OWN)) as answer:
            if _is_success(answer):
                return version_of(answer.headers)
        with closing(self.web.ask("GET", url, headers, own=_ONE_BYTE)) as answer:
            if answer.status in (_PARTIAL, _EMPTY):
                return version_of(answer.headers, is_part=True)
            if _is_success(answer):
                return version_of(answer.headers)
            if answer.status in _GONE:
                return None
            raise AttemptFailed(refusal(answer, "GET"))


def _is_success(answer: Answer) -> bool:
    return 200 <= answer.status < 300


def _told(failure: Failure) -> ObjectError:
    return ObjectError(failure.message, failure.kind, failure.reason)
