"""Moves whole objects between S3 and files, in parts that travel beside each other."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any, Final, TypeVar

from trc.runtime.storage.errors import ObjectError, StorageError, unreadable
from trc.runtime.storage.s3_client import S3Client, Upload
from trc.runtime.store.results import ObjectIdentity

PART: Final = 8 << 20
COPY_MODE: Final = 0o444
"""Several tasks may be given the same copy."""
_MOST_PARTS: Final = 10_000
_STREAMS: Final = 4
_TRIES: Final = 5
"""How often one part is read before its object counts as out of reach: a stream can end early, which no client retries."""


_R = TypeVar("_R")


class Stopped(StorageError):  # noqa: N818 - named for what happened
    """Nobody wants the transfer any more."""


class Transfer:
    """At most four parts at a time, of 8 MiB as a rule."""

    def __init__(self, client: S3Client, part: int = PART, pause: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._part = part
        self._pause = pause
        self._streams = ThreadPoolExecutor(_STREAMS, "object")

    def download(self, uri: str, identity: ObjectIdentity, target: Path, stop: Event) -> None:
        """Writes the object, as it was listed, to `target`, which appears whole or not at all."""
        aside = target.with_name(target.name[:200] + ".part")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(aside, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise unreadable(error, str(target)) from error
        try:

            def fill(start: int) -> int:
                self._fill(descriptor, (uri, identity.etag), (start, min(start + self._part, identity.size)), stop)
                return start

            self._all(fill, range(0, identity.size, self._part))
            os.fchmod(descriptor, COPY_MODE)
            aside.rename(target)
        finally:
            os.close(descriptor)
            aside.unlink(missing_ok=True)

    def upload(self, staged: str, upload: Upload, stop: Event) -> tuple[Sequence[dict[str, Any]], int]:
        """Sends the file's parts; answers them, and the file's size."""
        with Path(staged).open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            part = self.part_of(size)

            def send(number: int) -> dict[str, Any]:
                _go_on(stop)
                return self._client.put_part(upload, number, os.pread(file.fileno(), part, (number - 1) * part))

            return self._all(send, range(1, max(1, -(-size // part)) + 1)), size

    def part_of(self, size: int) -> int:
        """The size of a part, by that of the file alone: equal files have equal ETags."""
        part = self._part
        while part * _MOST_PARTS < size:
            part *= 2
        return part

    def close(self) -> None:
        self._streams.shutdown(cancel_futures=True)

    def _all(self, do: Callable[[int], _R], items: Iterable[int]) -> list[_R]:
        """Each of them, a few at a time; those that wait are dropped once one has failed."""
        running = [self._streams.submit(do, one) for one in items]
        try:
            return [one.result() for one in running]
        finally:
            for one in running:
                one.cancel()
            for one in running:
                if not one.cancelled():
                    one.exception()

    def _fill(self, descriptor: int, pinned: tuple[str, str], span: tuple[int, int], stop: Event) -> None:
        """Writes one part of an object, pinned by its ETag; a stream that ends early is gone on with where it ended."""
        uri, etag = pinned
        place, end = span
        tried = 0
        while place < end:
            try:
                for chunk in self._client.read(uri, etag, place, end - place):
                    _go_on(stop)
                    os.pwrite(descriptor, chunk, place)
                    place += len(chunk)
            except ObjectError as error:
                tried += 1
                if error.reason != "object_unreachable" or tried == _TRIES:
                    raise
                self._pause(min(2.0, 0.1 * 2**tried))


def _go_on(stop: Event) -> None:
    if stop.is_set():
        raise Stopped("it was stopped")
