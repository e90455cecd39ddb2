"""Downloads one resource to a file: gone on with where a connection broke, bounded, and hashed while it comes."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from time import sleep as pause
from typing import BinaryIO, Callable, Protocol

from trc.runtime.taskside.errors import AttemptFailed
from trc.runtime.taskside.records import record
from trc.runtime.taskside.result import Failure
from trc.runtime.taskside.versions import WebVersion, is_same, start_of, total_of, version_of
from trc.runtime.taskside.web import Answer, Cut, Web, is_passing, refusal

_TRIES = 6
"""How often in a row a transfer is begun that then brings next to nothing."""
_PROGRESS = 1 << 20
_OWN = {"Accept-Encoding": "identity"}
_PARTIAL = 206
_PAST_THE_END = 416


class Hash(Protocol):
    """One of `hashlib`."""

    def update(self, data: bytes, /) -> None: ...
    def hexdigest(self) -> str: ...


@record(frozen=True)
class Downloaded:
    """The file's size in bytes, the version that it is of, the digest of its bytes, and how often it was gone on with."""

    size: int
    version: WebVersion
    digest: str
    resumed: int


class Download:
    """One download. `known` is the version that is wanted, as it was told before; `limit` is in bytes."""

    def __init__(  # noqa: PLR0917 - all that a download is asked for with
        self,
        web: Web,
        url: str,
        headers: Mapping[str, str],
        known: str = "",
        limit: int | None = None,
        hashing: Callable[[], Hash] | None = None,
        report: Callable[[int, int | None], None] = lambda _done, _total: None,
    ) -> None:
        self._web, self._url, self._headers = web, url, headers
        self._known, self._limit, self._hashing = known, limit, hashing
        self._report = report
        self._place = 0
        self._total: int | None = None
        self._version = WebVersion()
        self._hash: Hash | None = None

    def to(self, path: str) -> Downloaded:
        """Writes the resource to a file. Raises AttemptFailed."""
        resumed = tried = 0
        with open(path, "wb") as file:
            while True:
                began = self._place
                try:
                    self._transfer(file)
                    break
                except Cut as error:
                    tried = 0 if self._place - began >= _PROGRESS else tried + 1
                    if tried == _TRIES:
                        raise AttemptFailed(Failure(self._so_far(error), "temporary", "web_unreachable")) from None
                    pause(min(5.0, 0.1 * 2**tried))
                    resumed += 1
        digest = "" if self._hash is None else self._hash.hexdigest()
        return Downloaded(self._place, self._version, digest, resumed)

    def _so_far(self, error: Cut) -> str:
        whole = "" if self._total is None else f" of {self._total:,}"
        return f"{error}, after {self._place:,}{whole} bytes; it was asked {_TRIES} times"

    def _transfer(self, file: BinaryIO) -> None:
        """Asks for all, or for what is missing, and writes it."""
        with closing(self._asked()) as answer:
            if self._place and answer.status == _PAST_THE_END:
                # It was all there, and only its end had not been told.
                if total_of(answer.headers.get("content-range", "")) == self._place:
                    return
                raise _moved(answer.host)
            if not (self._place and self._goes_on(answer)):
                self._begin(answer, file)
            for chunk in answer.chunks():
                self._place += len(chunk)
                self._require_room(self._place)
                file.write(chunk)
                if self._hash is not None:
                    self._hash.update(chunk)
                self._report(self._place, self._total)
            if self._total is not None and self._place < self._total:
                raise Cut(f'"{answer.host}" ended its answer too early')

    def _asked(self) -> Answer:
        """The answer; once a part is there, a server that is away for a moment is as one that breaks off."""
        own = dict(_OWN)
        if self._place and self._version.pin:
            own["Range"] = f"bytes={self._place}-"
            own["If-Range"] = self._version.pin
        try:
            answer = self._web.ask("GET", self._url, self._headers, own=own)
        except AttemptFailed as error:
            if self._place and error.failure.kind == "temporary":
                raise Cut(error.failure.message) from None
            raise
        if self._place and is_passing(answer.status):
            answer.close()
            raise Cut(refusal(answer, f"GET {self._shown()}").message)
        return answer

    def _goes_on(self, answer: Answer) -> bool:
        """Whether the answer is the rest of what is there already."""
        if answer.status != _PARTIAL:
            return False
        found = version_of(answer.headers, is_part=True)
        if start_of(answer.headers.get("content-range", "")) != self._place:
            raise AttemptFailed(
                Failure(f'"{answer.host}" answers with another range than was asked for', "permanent", "web_refused")
            )
        if not is_same(self._version.told, found) or (self._total is not None and found.size != self._total):
            raise _moved(answer.host)
        return True

    def _begin(self, answer: Answer, file: BinaryIO) -> None:
        """Begins anew: nothing of what is there may be left."""
        if answer.status != 200:
            raise AttemptFailed(refusal(answer, f"GET {self._shown()}"))
        found = version_of(answer.headers)
        wanted = self._known or self._version.told
        # What does not say which version it is may be any: the key of the task holds the one that was told.
        if wanted and not (found.told and is_same(wanted, found)):
            raise _moved(answer.host)
        if found.size is not None:
            self._require_room(found.size)
        file.seek(0)
        file.truncate()
        self._place, self._total, self._version = 0, found.size, found
        self._hash = None if self._hashing is None else self._hashing()

    def _require_room(self, size: int) -> None:
        if self._limit is not None and size > self._limit:
            message = f"there is more to download than the {self._limit:,} bytes that max_size allows"
            raise AttemptFailed(Failure(message, "permanent", "web_size"))

    def _shown(self) -> str:
        return self._url.partition("?")[0]


def _moved(host: str) -> AttemptFailed:
    message = f'what is downloaded from "{host}" changed after it was looked at'
    return AttemptFailed(Failure(message, "temporary", "input_moved"))
