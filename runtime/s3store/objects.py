"""The requests that a store on S3 is made of: writes on a condition, whose outcome is always known."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Final, TypeVar

from trc.runtime.s3store import complaints
from trc.runtime.storage.errors import ObjectError
from trc.runtime.storage.s3_client import Held, S3Client
from trc.runtime.store.bucket import BucketAddress

AWAY: Final = 60.0
"""Seconds for which an endpoint is waited for that does not answer, or is too busy."""
_SHORTEST, _LONGEST = 0.05, 2.0

T = TypeVar("T")


class StateObjects:
    """The objects below an address. Raises `Stopped` where they cannot be had, once patience is over.

    A write may have been carried out although its answer was lost, and a client that tries it again is then told that the condition
    does not hold. So a write that was not plainly taken is settled by reading: each body is one that nobody else writes.
    """

    def __init__(
        self,
        client: S3Client,
        address: BucketAddress,
        *,
        away: float = AWAY,
        pause: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.address = address
        self.endpoint = client.endpoint
        self._client = client
        self._away = away
        self._pause = pause
        self._clock = clock

    def read(self, name: str) -> Held | None:
        """An object as it is; None where there is none."""
        return self._patiently(lambda: self._client.whole(self._uri(name)))

    def create(self, name: str, body: bytes) -> str | None:
        """Writes an object where there is none: its ETag, or None where there is another one."""
        return self._settled(name, body, None)

    def replace(self, name: str, body: bytes, etag: str) -> str | None:
        """Writes an object in the place of the one with that ETag: the new ETag, or None where that is not there any more."""
        return self._settled(name, body, etag)

    def put(self, name: str, body: bytes) -> None:
        """Writes an object, whatever is there."""
        self._patiently(lambda: self._client.put(self._uri(name), body))

    def names(self, beginning: str, most: int = 1000) -> list[tuple[str, float]]:
        """The first objects whose names begin so, with the seconds since the epoch at which each was written."""
        start = self._uri("")
        found = self._patiently(lambda: list(islice(self._client.list_dated(self._uri(beginning)), most)))
        return [(uri.removeprefix(start), written_at) for uri, _, written_at in found]

    def remove(self, names: Sequence[str]) -> None:
        """Removes at most a thousand objects."""
        if names:
            self._patiently(lambda: self._client.delete_all([self._uri(one) for one in names]))

    def _uri(self, name: str) -> str:
        return f"{self.address}/{name}"

    def _settled(self, name: str, body: bytes, etag: str | None) -> str | None:
        tries = _Patience(self._away, self._pause, self._clock)
        while True:
            trouble: ObjectError | None = None
            try:
                written = self._client.put_if(self._uri(name), body, etag)
                if written is not None:
                    return written
            except ObjectError as error:
                if error.kind != "temporary":
                    raise complaints.unusable(error, self.address) from error
                trouble = error
            held = self.read(name)
            if held is not None and held.body == body:
                return held.etag
            if etag != (None if held is None else held.etag):
                return None
            # It is as if nobody had asked. A refusal without a reason is that of two writes that met.
            if not tries.another():
                told = trouble or ObjectError(f'"{name}": writes are refused', "temporary", "object_unreachable")
                raise complaints.unusable(told, self.address) from trouble

    def _patiently(self, act: Callable[[], T]) -> T:
        tries = _Patience(self._away, self._pause, self._clock)
        while True:
            try:
                return act()
            except ObjectError as error:
                if error.kind != "temporary" or not tries.another():
                    raise complaints.unusable(error, self.address) from error


class _Patience:
    """Waits longer from one try to the next, until it is over."""

    def __init__(self, seconds: float, pause: Callable[[float], None], clock: Callable[[], float]) -> None:
        self._clock = clock
        self._pause = pause
        self._until = clock() + seconds
        self._next = _SHORTEST

    def another(self) -> bool:
        """Whether to try once more, after a while."""
        if self._clock() + self._next > self._until:
            return False
        self._pause(self._next)
        self._next = min(2 * self._next, _LONGEST)
        return True
