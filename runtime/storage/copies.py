"""Copies on this machine of what lies elsewhere, each fetched once and kept until the run ends."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
from threading import Event, Lock
from typing import Final

from trc.runtime.storage.s3_transfer import COPY_MODE, Stopped

_ODD: Final = re.compile(r"[*?\[\]\\\x00-\x1f]")
_LONGEST_NAME: Final = 120


@dataclass(slots=True)
class Copies:
    """Below `folder`, by location and version."""

    folder: Path
    _copies: dict[tuple[str, str], Future[str]] = field(default_factory=dict[tuple[str, str], "Future[str]"])
    _lock: Lock = field(default_factory=Lock)

    def get(self, uri: str, version: str, names: Sequence[str], fetch: Callable[[Path], None], stop: Event) -> str:
        """The path of a copy, below folders and by the name that `names` tells; `fetch` writes it where there is none yet."""
        while True:
            try:
                return self._got(uri, version, names, fetch)
            except Stopped:
                # Somebody else fetched it, and does not want it any more.
                if stop.is_set():
                    raise

    def _got(self, uri: str, version: str, names: Sequence[str], fetch: Callable[[Path], None]) -> str:
        key = (uri, version)
        with self._lock:
            copy = self._copies.get(key)
            is_mine = copy is None or (copy.done() and copy.exception() is not None)
            if copy is None or is_mine:
                copy = self._copies[key] = Future()
        if is_mine:
            try:
                target = self._place(uri, version, names)
                fetch(target)
                copy.set_result(str(target))
            except BaseException as error:
                copy.set_exception(error)
                raise
        return copy.result()

    def keep(self, uri: str, version: str, names: Sequence[str], file: str) -> None:
        """Takes a file as the copy: what was just written need not be fetched by whoever reads it next."""
        target = self._place(uri, version, names)
        target.parent.mkdir(parents=True, exist_ok=True)
        Path(file).replace(target)
        target.chmod(COPY_MODE)
        copy: Future[str] = Future()
        copy.set_result(str(target))
        self._copies[uri, version] = copy

    def _place(self, uri: str, version: str, names: Sequence[str]) -> Path:
        """Folders and name are as in the location, for readers go by suffixes and by folders such as `day=2026-01-01`."""
        apart = sha256(f"{uri}\0{version}".encode("utf-8", "surrogatepass")).hexdigest()[:16]
        return self.folder.joinpath(apart, *map(_plain, names))

    def close(self) -> None:
        """Removes them."""
        shutil.rmtree(self.folder, ignore_errors=True)


def copies_in(state: Path) -> Copies:
    """Copies of this process, in a folder that is swept once it is no more."""
    return Copies(state / "staging" / f"fetched-{os.getpid()}-{token_hex(4)}")


def _plain(name: str) -> str:
    """One part of a location as a name that every file system takes, and no reader for a pattern."""
    plain = _ODD.sub("_", name) or "_"
    return f"_{plain[-_LONGEST_NAME:]}" if plain in (".", "..") or len(plain.encode()) > 200 else plain
