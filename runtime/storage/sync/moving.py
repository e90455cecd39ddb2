"""Moves one item to its place on the other side, where it appears whole, and removes what the source has no more."""

from __future__ import annotations

import mimetypes
import os
from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Final

from trc.runtime.folders import STATE_FOLDER
from trc.runtime.storage.errors import ObjectError, PublishError, unpublishable, unreadable
from trc.runtime.storage.s3_client import S3Client
from trc.runtime.storage.sync.crew import Crew
from trc.runtime.storage.sync.etags import PART
from trc.runtime.storage.sync.items import Item, gone
from trc.runtime.storage.sync.large import Large

SMALL: Final = 1 << 20
"""Bytes up to which a file is held in memory by any of many threads."""
MOST_COPIED: Final = 5 << 30
"""Bytes that a server copies in one step."""
_DELETED_AT_ONCE: Final = 1000


class Moving:
    """To `root`: a folder's path or a prefix, with the slash at its end."""

    def __init__(self, client: S3Client, crew: Crew, root: str, notes: Path) -> None:
        self._client = client
        self._crew = crew
        self._root = root
        self._large = Large(client, crew, notes)
        self._folders: set[str] = set()
        self._real = os.path.realpath(root)

    def is_small(self, item: Item) -> bool:
        """Whether it is moved in one request that needs little memory."""
        if not item.is_object:
            return item.size <= SMALL
        return item.size <= (MOST_COPIED if self._root.startswith("s3://") else PART)

    def move(self, item: Item) -> int:
        """Answers the bytes that went; raises `StorageError`."""
        target = self._root + item.name
        if not self._root.startswith("s3://"):
            self._download(item, target)
        elif not item.is_object:
            self._upload(item, target)
        elif item.size <= MOST_COPIED:
            self._client.copy_pinned(item.place, item.etag, target)
        else:
            self._large.copy(item, target)
        return item.size

    def remove(self, items: Sequence[Item]) -> None:
        """Removes what lies below the root, and nothing else."""
        for one in items:
            assert one.place == self._root + one.name, one.place
        if not self._root.startswith("s3://"):
            for one in items:
                self._crew.go_on()
                self._require_inside(one.place)
                try:
                    Path(one.place).unlink(missing_ok=True)
                except OSError as error:
                    raise unpublishable(error, one.place) from error
            return
        for start in range(0, len(items), _DELETED_AT_ONCE):
            self._crew.go_on()
            self._client.delete_all([one.place for one in items[start : start + _DELETED_AT_ONCE]])

    # ── files to objects ──

    def _upload(self, item: Item, target: str) -> None:
        kind = mimetypes.guess_type(item.name)[0] or ""
        if item.size >= PART:
            self._large.upload(item, target, kind)
        elif item.size > SMALL:
            self._crew.parts(lambda _: self._put(item, target, kind), (0,))
        else:
            self._put(item, target, kind)

    def _put(self, item: Item, target: str, kind: str) -> None:
        try:
            with Path(item.place).open("rb", buffering=0) as file:
                body = file.read(item.size + 1)
                modified = os.fstat(file.fileno()).st_mtime
        except FileNotFoundError:
            raise gone(item.place) from None
        except OSError as error:
            raise unreadable(error, item.place) from error
        if len(body) != item.size or modified != item.modified:
            raise gone(item.place)
        self._client.put(target, body, kind)

    # ── objects to files ──

    def _download(self, item: Item, target: str) -> None:
        folder = target.rpartition("/")[0]
        try:
            if folder not in self._folders:
                self._require_inside(target)
                Path(folder).mkdir(parents=True, exist_ok=True)
                self._folders.add(folder)
            aside = self._aside(item)
            self._large.download(item, aside)
            os.utime(aside, (item.modified, item.modified))
            self._crew.go_on()
            aside.replace(target)
        except (ObjectError, PublishError):
            raise
        except OSError as error:
            raise unpublishable(error, target) from error

    def _aside(self, item: Item) -> Path:
        """Where it is written first: on the file system of its place, where no pattern meets it."""
        apart = sha256(f"{item.name}\0{item.etag}".encode("utf-8", "surrogatepass")).hexdigest()[:32]
        folder = Path(self._root) / STATE_FOLDER / "sync"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / apart

    def tidy(self) -> None:
        """Removes the folder of what is written first, where nothing is left in it."""
        if self._root.startswith("s3://"):
            return
        for folder in (f"{self._root}{STATE_FOLDER}/sync", f"{self._root}{STATE_FOLDER}"):
            with suppress(OSError):
                Path(folder).rmdir()

    def _require_inside(self, target: str) -> None:
        """Raises `ObjectError` where a link in the folder leads out of it."""
        folder = os.path.realpath(target.rpartition("/")[0])
        if folder != self._real and not folder.startswith(self._real.rstrip("/") + "/"):
            message = f'"{target}" lies behind a link that leads out of "{self._root}"'
            raise ObjectError(message, "permanent", "sync_name")
