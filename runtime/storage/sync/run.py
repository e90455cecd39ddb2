"""Carries out the order of a synchronisation: looks at both sides, moves what differs, and removes the rest last."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any, Final

from trc.runtime.storage.errors import ObjectError
from trc.runtime.storage.s3 import S3Storage, beginning
from trc.runtime.storage.s3_client import S3Client
from trc.runtime.storage.sync.crew import Crew
from trc.runtime.storage.sync.differing import Differences, differences
from trc.runtime.storage.sync.items import (
    Item,
    Items,
    Wanted,
    files_below,
    files_of,
    objects_below,
    require_names_for_files,
)
from trc.runtime.storage.sync.moving import Moving
from trc.runtime.taskside.order import OrderInput, TaskOrder
from trc.runtime.taskside.records import record

_LOGGED: Final = 1000

Report = Callable[[int, int], None]
"""Told the bytes that have gone, and all that are to go."""


@record(frozen=True, slots=True)
class Synchronised:
    """What was done, or would have been."""

    found: Differences
    moved: int
    """Bytes."""
    dry_run: bool

    @property
    def lines(self) -> int:
        """Of the report."""
        return len(self.found.moved) + len(self.found.removed)

    @property
    def values(self) -> dict[str, Any]:
        """As other tasks are handed it."""
        told = {
            "copied": len(self.found.moved),
            "deleted": len(self.found.removed),
            "unchanged": self.found.unchanged,
            "bytes": self.moved,
        }
        return {**told, "dry_run": True} if self.dry_run else told


def synchronise(storage: S3Storage, order: TaskOrder, stop: Event, report: Report) -> Synchronised:
    """Makes the target hold what the source holds.

    Each file or object appears whole. What is to be removed is removed once all else has succeeded. Raises `StorageError`.
    """
    params, client = order.params, storage.client
    root = _rooted(params["destination"], order.project)
    wanted = Wanted(params["include"], params["exclude"])
    crew = Crew(stop)
    try:
        source = _source(client, order.inputs[0], params, order.project, wanted)
        target = _below(client, root, wanted)
        found = differences(source, target, params["compare"], lambda ask, items: tuple(crew.small(ask, items)))
        if not params["delete"]:
            found = replace(found, removed=())
        elif not source:
            _require_nothing_removed(params["source"], root, found)
        if not root.startswith("s3://"):
            require_names_for_files(source)
        if params["dry_run"]:
            return Synchronised(found, sum(one.size for one in found.moved), dry_run=True)
        moving = Moving(client, crew, root, storage.state / "sync-uploads")
        moved = move_all(crew, moving, found.moved, report)
        crew.go_on()
        moving.remove(found.removed)
        moving.tidy()
    except BaseException:
        # Whoever tries again looks again.
        if order.inputs[0].etags:
            storage.forget_below(beginning(order.inputs[0].files))
        raise
    finally:
        crew.close()
        if root.startswith("s3://"):
            storage.forget_below(root)
    # Whether the source is still what was listed is asked next: a listing answers that for all of it.
    if order.inputs[0].etags:
        storage.see_again(order.inputs[0].files)
    return Synchronised(found, moved, dry_run=False)


def move_all(crew: Crew, moving: Moving, items: Sequence[Item], report: Report) -> int:
    """Moves them, the small ones first; answers the bytes that went. Raises `StorageError`."""
    total = sum(one.size for one in items)
    done = 0
    small = [one for one in items if moving.is_small(one)]
    large = [one for one in items if not moving.is_small(one)]
    for stream in (crew.small(moving.move, small), crew.large(moving.move, large)):
        for size in stream:
            done += size
            report(done, total)
    return done


def _source(
    client: S3Client, read: OrderInput, params: Mapping[str, Any], project: str, wanted: Wanted
) -> dict[str, Item]:
    """What was listed when the attempt began, by its name."""
    # A dataset is known by another name.
    root = _rooted(params["source"], project) if read.name == "source" else ""
    names = [path[len(root) :] for path in read.files] if root else _names(read.files)
    named = list(zip(names, read.files, strict=True))
    if not read.etags:
        if root and not root.startswith("s3://") and not os.path.isdir(root):  # noqa: PTH112 - as told
            raise ObjectError(f'there is no folder "{root}"', "permanent", "input_missing")
        return files_of(named, wanted)
    identities = dict(zip(read.files, zip(read.etags, read.sizes, strict=True), strict=True))
    # A listing alone tells when objects were modified: of all below a prefix, it is a request for a thousand.
    dates = {one.place: one.modified for start in ([root] if root else read.files) for one in _dated(client, start)}
    return {
        name: Item(name, uri, identities[uri][1], identities[uri][0], dates.get(uri, 0.0))
        for name, uri in named
        if wanted.has(name)
    }


def _dated(client: S3Client, start: str) -> list[Item]:
    return [Item("", uri, one.size, one.etag, modified) for uri, one, modified in client.list_dated(start)]


def _below(client: S3Client, root: str, wanted: Wanted) -> Items:
    return objects_below(client, root, wanted) if root.startswith("s3://") else files_below(root, wanted)


def _names(files: Sequence[str]) -> list[str]:
    """What the files of a dataset are called: by what follows the folders that all of them lie in."""
    if not files:
        return []
    start = beginning(files) if len(files) > 1 else files[0].rpartition("/")[0] + "/"
    return [one[len(start) :] for one in files]


def _rooted(place: str, project: str) -> str:
    """A prefix, or a folder's whole path, with one slash at its end."""
    if place.startswith("s3://"):
        return place.rstrip("/") + "/"
    return os.path.normpath(os.path.join(project, place)).rstrip("/") + "/"  # noqa: PTH118 - links in the path are kept


def write_log(path: str, done: Synchronised) -> None:
    """Writes what was done, in the attempt's log."""
    verbs = ("would copy", "would delete") if done.dry_run else ("copied", "deleted")
    with Path(path).open("a", encoding="utf-8", errors="surrogateescape") as log:
        for verb, items in zip(verbs, (done.found.moved, done.found.removed), strict=True):
            log.writelines(f"{verb} {one.name!r}, {one.size:,} B\n" for one in items[:_LOGGED])
            if len(items) > _LOGGED:
                log.write(f"{verb} {len(items) - _LOGGED:,} more\n")
        log.write(f"{done.found.unchanged:,} unchanged\n")


def write_report(path: str, done: Synchronised) -> None:
    """Writes a line for each file or object that was moved or removed."""
    with Path(path).open("w", newline="", encoding="utf-8", errors="surrogatepass") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(["action", "name", "size"])
        lines.writerows(["copy", one.name, one.size] for one in done.found.moved)
        lines.writerows(["delete", one.name, one.size] for one in done.found.removed)


def _require_nothing_removed(source: str, root: str, found: Differences) -> None:
    """Raises `ObjectError`: a source that holds nothing by mistake looks just like one that is meant to."""
    if found.removed:
        message = f'"{source}" holds nothing, and to delete what it has not would remove all {len(found.removed):,} of "{root}"'
        raise ObjectError(message, "permanent", "sync_empty")
