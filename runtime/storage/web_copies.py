"""Copies of what lies on the web, for tasks that read it as if it were a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from threading import Event
from typing import Final
from urllib.parse import unquote

from trc.runtime.storage.copies import Copies
from trc.runtime.storage.errors import ObjectError, unreadable
from trc.runtime.storage.s3_transfer import COPY_MODE, Stopped
from trc.runtime.taskside.download import Download
from trc.runtime.taskside.errors import AttemptFailed
from trc.runtime.taskside.records import record
from trc.runtime.taskside.web import Web

_MOST: Final = 1 << 40
"""Bytes of one copy: a server that never ends fills a disk, and no more."""


@record(frozen=True, slots=True)
class WebCopies:
    """`headers` are those that an address is asked with."""

    web: Web
    headers: Mapping[str, Mapping[str, str]]
    copies: Copies

    def fetch(self, url: str, version: str, stop: Event) -> str:
        """The path of a copy of the version that was told; it is there until `close`. Raises `StorageError`."""
        names = [unquote(one).replace("/", "_") for one in url.partition("?")[0].split("/")[3:]]
        return self.copies.get(url, version, names, lambda target: self._download(url, version, target, stop), stop)

    def _download(self, url: str, version: str, target: Path, stop: Event) -> None:
        def report(done: int, total: int | None) -> None:
            del done, total
            if stop.is_set():
                raise Stopped("it was stopped")

        aside = target.with_name(target.name[:200] + ".part")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            Download(self.web, url, self.headers.get(url, {}), version, _MOST, report=report).to(str(aside))
            aside.chmod(COPY_MODE)
            aside.rename(target)
        except AttemptFailed as error:
            raise ObjectError(error.failure.message, error.failure.kind, error.failure.reason) from error
        except Stopped:
            raise
        except OSError as error:
            raise unreadable(error, str(target)) from error

    def close(self) -> None:
        """Removes the copies."""
        self.copies.close()
