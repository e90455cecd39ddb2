"""Objects on S3: what is known of them, local copies of them, and files that become objects in one step."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from threading import Event
from typing import Any, Final

from trc.compiler.ir.uris import covers, fixed_prefix, is_glob
from trc.runtime.folders import STATE_FOLDER
from trc.runtime.storage.copies import Copies, copies_in
from trc.runtime.storage.errors import PublishError, StorageError
from trc.runtime.storage.s3_client import CONNECTIONS, S3Client, Upload
from trc.runtime.storage.s3_transfer import Transfer
from trc.runtime.storage.staging import Staging
from trc.runtime.store.results import ObjectIdentity
from trc.runtime.taskside.records import record

_REMEMBERED: Final = 10.0
"""Seconds for which what S3 said of an object is gone by: what is listed for a plan is shared by all its tasks."""
_NOTES: Final = "staging-objects"


@record(frozen=True, slots=True)
class _Sent:
    """A file whose bytes are with S3 already, and seen by nobody."""

    upload: Upload
    parts: Sequence[dict[str, Any]]
    size: int


@dataclass(slots=True)
class S3Storage:
    """Implements `Storage` for `s3://bucket/key`; files are staged on this machine, under the folder `state`."""

    client: S3Client
    state: Path
    clock: Callable[[], float] = time.monotonic
    _staging: Staging = field(init=False)
    _transfer: Transfer = field(init=False)
    _known: dict[str, tuple[float, ObjectIdentity | None]] = field(
        default_factory=dict[str, "tuple[float, ObjectIdentity | None]"]
    )
    _listed: dict[str, tuple[float, tuple[str, ...]]] = field(
        default_factory=dict[str, "tuple[float, tuple[str, ...]]"]
    )
    _sent: dict[str, _Sent] = field(default_factory=dict[str, _Sent])
    _copies: Copies = field(init=False)

    def __post_init__(self) -> None:
        self.state = Path(os.path.abspath(self.state))  # noqa: PTH100 - links in the path are kept
        self._staging = Staging(self.state)
        self._transfer = Transfer(self.client)
        self._copies = copies_in(self.state)

    # ── what is there ──

    def list(self, uri: str) -> tuple[str, ...]:
        if not is_glob(uri):
            return () if self.identity(uri) is None else (uri,)
        known = self._listed.get(uri)
        if known is None or self._is_old(known[0]):
            known = self._listed[uri] = (self.clock(), self._look_for(uri))
        return known[1]

    def _look_for(self, uri: str) -> tuple[str, ...]:
        if uri.split("/").count("**") > 1:
            raise StorageError(f'"{uri}" holds "**" more than once')
        start = uri[: next(re.finditer(r"[*?\[\\]", uri)).start()]
        found: list[str] = []
        for one, identity in self.client.list(start, is_deep="/" in uri[len(start) :] or "**" in uri):
            if not one.endswith("/") and _is_met(uri, start, one):
                self._note(one, identity)
                found.append(one)
        if not found and self.identity(uri) is not None:
            return (uri,)
        return tuple(sorted(found))

    def identity(self, path: str) -> ObjectIdentity | None:
        known = self._known.get(path)
        if known is None or self._is_old(known[0]):
            known = self._note(path, self._below(path) if path.endswith("/") else self.client.head(path))
        return known[1]

    def _below(self, prefix: str) -> ObjectIdentity | None:
        """What stands for all that lies below a prefix: one that a task fills is known as a whole."""
        told, size = sha256(), 0
        for uri, identity in self.client.list(prefix, is_deep=True):
            if f"/{STATE_FOLDER}/" not in uri[len(prefix) - 1 :]:
                told.update(
                    f"{uri[len(prefix) :]}\0{identity.etag}\0{identity.size}\n".encode("utf-8", "surrogatepass")
                )
                size += identity.size
        return ObjectIdentity(f"below-{told.hexdigest()[:32]}", size)

    def digest(self, path: str) -> str | None:
        found = self.identity(path)
        return None if found is None else found.digest

    def content(self, path: str) -> tuple[ObjectIdentity, str] | None:
        found = self.identity(path)
        return None if found is None else (found, found.digest)

    def adopt(self, path: str, digest: str) -> str:
        """What was published is known by what S3 says of it."""
        return self.digest(path) or digest

    def prefetch(self, paths: Iterable[str]) -> None:
        unknown = [path for path in dict.fromkeys(paths) if path not in self._known]
        if len(unknown) > 1:
            with ThreadPoolExecutor(CONNECTIONS, "head") as streams:
                # What cannot be known is asked for again where it is wanted, and told there.
                list(streams.map(self._look, unknown))

    def _look(self, path: str) -> None:
        with suppress(StorageError):
            self.identity(path)

    def look_again(self, uris: Iterable[str]) -> None:
        """Asks anew what is said of these objects, many at a time."""
        asked = tuple(dict.fromkeys(uris))
        for one in asked:
            self._known.pop(one, None)
        with ThreadPoolExecutor(CONNECTIONS, "head") as streams:
            list(streams.map(self.identity, asked))

    def forget_below(self, root: str) -> None:
        """Asks anew, from now on, what lies below a prefix: something has been written there."""
        for one in [one for one in self._known if one.startswith(root)]:
            self._known.pop(one, None)
        for pattern in [one for one in self._listed if one.startswith(root) or root.startswith(fixed_prefix(one))]:
            self._listed.pop(pattern, None)

    def see_again(self, uris: Sequence[str]) -> None:
        """Asks anew what is said of these objects, by listing what they have in common."""
        start = beginning(uris)
        for one in uris:
            self._known.pop(one, None)
        for one, identity in self.client.list(start, is_deep=True):
            self._note(one, identity)

    def flush(self) -> None:
        """Nothing that S3 says is kept for later runs."""

    def _note(self, uri: str, identity: ObjectIdentity | None) -> tuple[float, ObjectIdentity | None]:
        found = self._known[uri] = (self.clock(), identity)
        return found

    def _is_old(self, since: float) -> bool:
        return self.clock() - since > _REMEMBERED

    # ── copies ──

    def fetch(self, uri: str, identity: ObjectIdentity, stop: Event) -> str:
        """The path of a copy of the object as it was listed; it is there until `close`. Raises `ObjectError`."""

        def download(target: Path) -> None:
            try:
                self._transfer.download(uri, identity, target, stop)
            except BaseException:
                # It is not what was listed: whoever tries again looks again.
                self._forget(uri)
                raise

        return self._copies.get(uri, identity.etag, _names(uri), download, stop)

    def _forget(self, uri: str) -> None:
        self._known.pop(uri, None)
        for pattern in [one for one in self._listed if covers(one, uri)]:
            self._listed.pop(pattern, None)

    # ── publishing ──

    def staging_path(self, final: str | None, token: str, name: str) -> str:
        return self._staging.path(final, token, name)

    def send(self, staged: str, final: str, stop: Event) -> None:
        """Brings a staged file's bytes to S3, so that publishing it is but one short request."""
        if Path(staged).stat().st_size == 0:
            return
        upload = self.client.begin(final)
        note = self._note_of(staged)
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(json.dumps([upload.uri, upload.id]), encoding="utf-8")
        try:
            parts, size = self._transfer.upload(staged, upload, stop)
        except BaseException:
            self._abort(upload, note)
            raise
        self._sent[staged] = _Sent(upload, parts, size)

    def publish(self, staged: str, final: str) -> None:
        self.publish_all([(staged, final)])

    def publish_all(self, files: Sequence[tuple[str, str]]) -> None:
        with self.publishing(files, keeps_old=len(files) > 1):
            pass

    @contextmanager
    def publishing(self, files: Sequence[tuple[str, str]], *, keeps_old: bool) -> Iterator[None]:
        """Publishes all; what comes after within the block takes them back if it fails, where the old ones were kept."""
        for staged, final in files:
            if not Path(staged).is_file():
                raise PublishError(f'the file "{staged}" is gone before it was published')
            if staged not in self._sent:
                self.send(staged, final, Event())
        done: list[tuple[str, str | None]] = []
        aside: list[str] = []
        try:
            for staged, final in files:
                before = self._keep_aside(staged, final) if keeps_old else None
                if before is not None:
                    aside.append(before)
                self._complete(staged, final)
                done.append((final, before))
            yield
        except BaseException:
            for final, before in reversed(done) if keeps_old else ():
                # Whoever undoes has an error to tell already; the next run sees by its ETag what could not be put back.
                with suppress(StorageError):
                    self._put_back(final, before)
            raise
        finally:
            for before in aside:
                with suppress(StorageError):
                    self.client.delete(before)

    def _complete(self, staged: str, final: str) -> None:
        sent = self._sent.get(staged)
        if sent is None:
            identity = self.client.put(final, b"")
        else:
            identity = self.client.complete(sent.upload, sent.parts, sent.size)
            del self._sent[staged]
            self._note_of(staged).unlink(missing_ok=True)
        self._forget(final)
        self._note(final, identity)
        self._copies.keep(final, identity.etag, _names(final), staged)

    def _keep_aside(self, staged: str, final: str) -> str | None:
        if self.client.head(final) is None:
            return None
        folder, _, _ = final.rpartition("/")
        before = f"{folder}/{STATE_FOLDER}/staging/{Path(staged).name}.before"
        self.client.copy(final, before)
        return before

    def _put_back(self, final: str, before: str | None) -> None:
        self._forget(final)
        if before is None:
            self.client.delete(final)
        else:
            self.client.copy(before, final)

    def discard(self, staged: str) -> None:
        sent = self._sent.pop(staged, None)
        if sent is not None:
            self._abort(sent.upload, self._note_of(staged))
        self._staging.discard(staged)

    def sweep(self, alive: Callable[[], Collection[str]]) -> None:
        """Ends the uploads of attempts that are no more; their files are swept with all others."""
        folder = self.state / _NOTES
        notes = sorted(folder.iterdir()) if folder.is_dir() else []
        # Asked once the notes were seen: an attempt is recorded before it notes anything.
        starts = tuple(f"{token}-" for token in alive()) if notes else ()
        for note in notes:
            if note.name.startswith(starts) or any(str(self._note_of(staged)) == str(note) for staged in self._sent):
                continue
            try:
                uri, upload = json.loads(note.read_text(encoding="utf-8"))
            except (OSError, ValueError):
                # It was cut short before anything was sent.
                note.unlink(missing_ok=True)
                continue
            self._abort(Upload(uri, upload), note)

    def _abort(self, upload: Upload, note: Path) -> None:
        # What cannot be ended now stays noted, and is ended by a later run.
        with suppress(StorageError):
            self.client.abort(upload)
            note.unlink(missing_ok=True)

    def _note_of(self, staged: str) -> Path:
        return self.state / _NOTES / Path(staged).name

    def close(self) -> None:
        """Removes the copies."""
        self._transfer.close()
        self._copies.close()


def beginning(uris: Sequence[str]) -> str:
    """What all of the names begin with: a prefix below which all of them lie, or the only one."""
    least, most = min(uris), max(uris)
    same = next((place for place, one in enumerate(least) if most[place : place + 1] != one), len(least))
    return least if least == most else least[:same].rpartition("/")[0] + "/"


def _is_met(glob: str, start: str, uri: str) -> bool:
    """Whether a pattern names it; a wildcard meets no folder in which something is staged."""
    return f"/{STATE_FOLDER}/" not in uri[len(start.rpartition("/")[0]) :] and covers(glob, uri)


def _names(uri: str) -> list[str]:
    """The parts of the key."""
    return uri.split("/")[3:]
