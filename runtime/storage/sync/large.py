"""Moves what is large in parts beside each other, and goes on where an earlier attempt has ended."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from hashlib import md5, sha256
from pathlib import Path
from typing import Any, Final

from trc.runtime.storage.errors import ObjectError, unpublishable, unreadable
from trc.runtime.storage.s3_client import S3Client, Upload
from trc.runtime.storage.sync.crew import Crew
from trc.runtime.storage.sync.etags import PART, part_of
from trc.runtime.storage.sync.items import Item, gone

COPIED_PART: Final = 512 << 20
_TRIES: Final = 5
"""How often a part is read before its object counts as out of reach: a stream can end early, which no client retries."""


class Large:
    """`notes` is a folder of this machine that tells of uploads that were begun; it need not be there."""

    def __init__(self, client: S3Client, crew: Crew, notes: Path, pause: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._crew = crew
        self._notes = notes
        self._pause = pause

    def upload(self, item: Item, target: str, kind: str) -> None:
        """Sends a file; the object appears whole, once all its parts have come."""
        try:
            descriptor = os.open(item.place, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise gone(item.place) from None
        except OSError as error:
            raise unreadable(error, item.place) from error
        try:
            part = part_of(item.size)
            upload, sent = self._begun(target, f"{item.size}/{part}/{os.fstat(descriptor).st_mtime_ns}", kind)

            def send(number: int) -> dict[str, Any]:
                body = os.pread(descriptor, part, (number - 1) * part)
                there = sent.get(number)
                if there is not None and there["ETag"].strip('"') == md5(body, usedforsecurity=False).hexdigest():
                    return there
                return self._client.put_part(upload, number, body)

            parts = self._crew.parts(send, range(1, -(-item.size // part) + 1))
            facts = os.fstat(descriptor)
            if (facts.st_size, facts.st_mtime) != (item.size, item.modified):
                raise gone(item.place)
        finally:
            os.close(descriptor)
        self._complete(upload, parts, item.size)

    def copy(self, item: Item, target: str) -> None:
        """Has the server copy an object part by part."""
        part = COPIED_PART
        upload, sent = self._begun(target, f"{item.size}/{part}/{item.etag}", "")

        def send(number: int) -> dict[str, Any]:
            span = (number - 1) * part, min(number * part, item.size)
            return sent.get(number) or self._client.copy_part(upload, number, (item.place, item.etag), span)

        self._complete(upload, self._crew.parts(send, range(1, -(-item.size // part) + 1)), item.size)

    def download(self, item: Item, aside: Path) -> None:
        """Writes an object's bytes to a file beside its place, whose parts that are there already are not read again."""
        if item.size <= PART:
            self._fetch(item, aside)
            return
        part = part_of(item.size)
        told = aside.with_name(aside.name + ".parts")
        done = _parts_there(aside, told, item.size)
        try:
            descriptor = os.open(aside, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            marks = os.open(told, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise unpublishable(error, str(aside)) from error
        try:

            def fill(number: int) -> None:
                start = (number - 1) * part
                self._fill(descriptor, item, start, min(start + part, item.size))
                os.write(marks, f"{number}\n".encode())

            missing = [number for number in range(1, -(-item.size // part) + 1) if number not in done]
            self._crew.parts(fill, missing)
            os.ftruncate(descriptor, item.size)
        finally:
            os.close(marks)
            os.close(descriptor)
        told.unlink(missing_ok=True)

    def _fetch(self, item: Item, aside: Path) -> None:
        """Writes what is one part, from the beginning."""
        try:
            descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise unpublishable(error, str(aside)) from error
        try:
            self._fill(descriptor, item, 0, item.size)
        finally:
            os.close(descriptor)

    def _fill(self, descriptor: int, item: Item, start: int, end: int) -> None:
        place, tried = start, 0
        while place < end:
            try:
                for chunk in self._client.read(item.place, item.etag, place, end - place):
                    self._crew.finish()
                    _write(descriptor, chunk, place, item.name)
                    place += len(chunk)
            except ObjectError as error:
                tried += 1
                if error.reason != "object_unreachable" or tried == _TRIES:
                    raise
                self._pause(min(2.0, 0.1 * 2**tried))

    def _begun(self, target: str, of: str, kind: str) -> tuple[Upload, dict[int, dict[str, Any]]]:
        """The upload that an earlier attempt has begun for the same bytes, with its parts; or a new one."""
        note = self._note(target)
        with suppress(OSError, ValueError):
            before, id_ = json.loads(note.read_text(encoding="utf-8"))
            upload = Upload(target, id_)
            if before == of:
                sent = self._client.parts(upload)
                if sent is not None:
                    return upload, sent
            else:
                self._client.abort(upload)
        upload = self._client.begin(target, kind)
        self._notes.mkdir(parents=True, exist_ok=True)
        note.write_text(json.dumps([of, upload.id]), encoding="utf-8")
        return upload, {}

    def _complete(self, upload: Upload, parts: list[dict[str, Any]], size: int) -> None:
        self._crew.go_on()
        self._client.complete(upload, parts, size)
        self._note(upload.uri).unlink(missing_ok=True)

    def _note(self, target: str) -> Path:
        return self._notes / sha256(target.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _parts_there(aside: Path, told: Path, size: int) -> frozenset[int]:
    """The numbers of the parts that an earlier attempt has written."""
    if not aside.is_file() or aside.stat().st_size > size:
        return frozenset()
    try:
        lines = told.read_text(encoding="utf-8").split("\n")
    except FileNotFoundError:
        return frozenset()
    # The last line has no end where it was cut short.
    return frozenset(int(line) for line in lines[:-1] if line.isdecimal())


def _write(descriptor: int, chunk: bytes, place: int, name: str) -> None:
    """Writes all of a chunk; raises `PublishError`."""
    left = memoryview(chunk)
    try:
        while left:
            written = os.pwrite(descriptor, left, place)
            left, place = left[written:], place + written
    except OSError as error:
        raise unpublishable(error, name) from error
