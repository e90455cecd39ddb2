"""Makes a prefix hold the files that a task has left, as its list of them says: what it left there before and has no more is removed."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Final

from trc.runtime.folders import STATE_FOLDER
from trc.runtime.storage.errors import ObjectError
from trc.runtime.storage.s3 import S3Storage
from trc.runtime.storage.s3_client import S3Client
from trc.runtime.storage.sync.crew import Crew
from trc.runtime.storage.sync.differing import differences
from trc.runtime.storage.sync.items import Item, Wanted, objects_below
from trc.runtime.storage.sync.moving import Moving
from trc.runtime.storage.sync.run import Report, move_all

_NOTE: Final = f"{STATE_FOLDER}/filled.json"
"""Below the prefix: the names of what a task has put there. Nothing else is ever removed."""
_FILES: Final = frozenset({"file", "program"})
_LONGEST: Final = 1024
"""Bytes of a key."""


def fill(  # noqa: PLR0917 - both sides, and how it is told
    storage: S3Storage, place: str, listed: str, folder: str, stop: Event, report: Report = lambda _done, _total: None
) -> None:
    """`listed` is a CSV file of `path`, `kind` and `blob`, the file's name in `folder`. Raises `StorageError`."""
    client, crew = storage.client, Crew(stop)
    source = {one.name: one for one in _items(listed, folder, place)}
    try:
        before = _noted(client, place)
        target = objects_below(client, place, Wanted())
        found = differences(source, target, "content", lambda ask, items: tuple(crew.small(ask, items)))
        moving = Moving(client, crew, place, storage.state / "sync-uploads")
        _note(client, place, before, before | source.keys())
        move_all(crew, moving, found.moved, report)
        crew.go_on()
        moving.remove([one for one in found.removed if one.name in before])
        _note(client, place, before | source.keys(), set(source))
    finally:
        crew.close()
        storage.forget_below(place)
    # Asked for next, when nobody else may publish anything.
    storage.identity(place)


def _items(listed: str, folder: str, place: str) -> Iterator[Item]:
    bucket = place.split("/", 3)
    used = len(bucket[3].encode()) if len(bucket) > 3 else 0
    with Path(listed).open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["kind"] not in _FILES:
                continue
            name = row["path"]
            if used + len(name.encode()) > _LONGEST:
                message = f'"{name}" cannot become an object below "{place}": keys have at most {_LONGEST:,} bytes'
                raise ObjectError(message, "permanent", "sync_name")
            path = f"{folder}/{row['blob']}"
            facts = os.stat(path)  # noqa: PTH116 - a path object for each file costs more than the call
            yield Item(name, path, facts.st_size, modified=facts.st_mtime)


def _noted(client: S3Client, place: str) -> set[str]:
    note = place + _NOTE
    identity = client.head(note)
    if identity is None or not identity.size:
        return set()
    text = b"".join(client.read(note, identity.etag, 0, identity.size))
    try:
        return {str(name) for name in json.loads(text)}
    except ValueError:
        # Somebody else wrote it: it says nothing of what a task has put there.
        return set()


def _note(client: S3Client, place: str, before: set[str], names: set[str]) -> None:
    if names != before:
        client.put(place + _NOTE, json.dumps(sorted(names)).encode())
