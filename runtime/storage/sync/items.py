"""What lies on either side of a synchronisation, by its name below the folder or the prefix."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence

from trc.compiler.ir.uris import covers
from trc.runtime.folders import STATE_FOLDER
from trc.runtime.storage.errors import ObjectError, unreadable
from trc.runtime.storage.globs import list_files
from trc.runtime.storage.s3_client import S3Client
from trc.runtime.storage.s3_errors import moved
from trc.runtime.taskside.records import record


@record(frozen=True, slots=True)
class Item:
    """A file or an object. `modified` is in seconds since the epoch; an object's is known once it was listed for that."""

    name: str
    """Its place below the root, with slashes."""
    place: str
    size: int
    etag: str = ""
    """Of an object; empty for a file."""
    modified: float = 0.0

    @property
    def is_object(self) -> bool:
        return bool(self.etag)


Items = Mapping[str, Item]


@record(frozen=True, slots=True)
class Wanted:
    """Which names take part: those that a pattern of `include` covers, or all without one, but for those of `exclude`."""

    include: Sequence[str] = ()
    exclude: Sequence[str] = ()

    def has(self, name: str) -> bool:
        is_in = not self.include or any(covers(one, name) for one in self.include)
        return is_in and not any(covers(one, name) for one in self.exclude)


def files_below(root: str, wanted: Wanted) -> dict[str, Item]:
    """The files below a folder, which need not be there. Links are not followed, and a folder `.trc` is not entered."""
    return files_of(((path[len(root) :], path) for path in list_files(root + "**")), wanted)


def files_of(named: Iterable[tuple[str, str]], wanted: Wanted) -> dict[str, Item]:
    """These files, by name; raises `ObjectError` for one that has gone since it was listed."""
    found: dict[str, Item] = {}
    for name, path in named:
        if not wanted.has(name):
            continue
        try:
            facts = os.stat(path)  # noqa: PTH116 - a path object for each file costs more than the call
        except FileNotFoundError:
            raise gone(path) from None
        except OSError as error:
            raise unreadable(error, path) from error
        found[name] = Item(name, path, facts.st_size, modified=facts.st_mtime)
    return found


def objects_below(client: S3Client, root: str, wanted: Wanted) -> dict[str, Item]:
    """The objects whose keys begin with the prefix; those that stand for folders are none."""
    found: dict[str, Item] = {}
    for uri, identity, modified in client.list_dated(root):
        name = uri[len(root) :]
        if name.endswith("/") or not name or f"/{STATE_FOLDER}/" in f"/{name}" or not wanted.has(name):
            continue
        found[name] = Item(name, uri, identity.size, identity.etag, modified)
    return found


def require_names_for_files(items: Items) -> None:
    """Raises `ObjectError` where a key is no path below a folder, or needs a folder where another is a file."""
    for name in items:
        parts = name.split("/")
        if any(part in ("", ".", "..") for part in parts) or "\0" in name:
            raise _unusable(items[name].place, "it would lead out of the folder, or names no file in it")
        for depth in range(1, len(parts)):
            if "/".join(parts[:depth]) in items:
                above = items["/".join(parts[:depth])].place
                raise _unusable(items[name].place, f'"{above}" is a file where it needs a folder')


def gone(path: str) -> ObjectError:
    return (
        moved(path)
        if path.startswith("s3://")
        else ObjectError(f'the file "{path}" was changed or removed after it was listed', "temporary", "input_moved")
    )


def _unusable(uri: str, why: str) -> ObjectError:
    return ObjectError(f'"{uri}" cannot become a file: {why}', "permanent", "sync_name")
