"""The columns of what lies on S3 and on the web, for commands that may ask: remembered by content identity."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from threading import Event
from typing import Any, Final

from trc.addresses import Allowed
from trc.compiler.ir.dataset import Column
from trc.compiler.ir.formats import Format
from trc.compiler.ir.types import Known, Schema, Unknown
from trc.compiler.ir.uris import is_web, normalise
from trc.runtime.schemas import FileSchemas
from trc.runtime.storage.base import Files
from trc.runtime.storage.copies import Copies, copies_in
from trc.runtime.storage.errors import ObjectError, StorageError
from trc.runtime.storage.routed import is_object
from trc.runtime.storage.s3 import S3Storage
from trc.runtime.storage.s3_client import S3Client
from trc.runtime.storage.s3_transfer import Transfer
from trc.runtime.storage.web import WebStorage
from trc.runtime.store.results import ObjectIdentity, WebIdentity
from trc.runtime.taskside.download import Download
from trc.runtime.taskside.errors import AttemptFailed
from trc.runtime.taskside.web import Web

_MOST: Final = 64 << 20
"""Bytes that are fetched of one source at most; of Parquet on S3, only its footers are."""
_FOLDER: Final = "schemas"
_TAIL: Final = 64 << 10
_MAGIC: Final = b"PAR1"

Identified = Sequence[tuple[str, ObjectIdentity | WebIdentity]]


class OnlineSchemas:
    """Implements `SourceReader`: asks stores and servers, and of files of this machine `here`."""

    def __init__(self, project: Path, state: Path, network: Allowed, here: FileSchemas) -> None:
        self._project, self._state, self._here = project, state, here
        self._web = Web(network)
        self._pages = WebStorage(self._web, {})
        self._objects: S3Storage | None = None
        self._answers: dict[tuple[str, Format], Schema] = {}

    def schema(self, uri: str, fmt: Format) -> Schema:
        """The columns of what lies there now, or why nobody can tell."""
        absolute = normalise(uri, str(self._project))
        if not (is_object(absolute) or is_web(absolute)) or fmt == "file":
            return self._here.schema(uri, fmt)
        known = self._answers.get((absolute, fmt))
        if known is None:
            known = self._answers[absolute, fmt] = self._look(absolute, uri, fmt)
        return known

    def _look(self, absolute: str, uri: str, fmt: Format) -> Schema:
        try:
            found = list(self._identified(absolute))
            if not found:
                return Unknown(f'there is nothing at "{uri}" yet')
            return self._remembered(absolute, fmt, found) or self._read(absolute, uri, fmt, found)
        except StorageError as error:
            return Unknown(f'"{uri}" cannot be looked at: {error}')
        except AttemptFailed as error:
            return Unknown(f'"{uri}" cannot be looked at: {error.failure.message}')

    def _identified(self, absolute: str) -> Iterator[tuple[str, ObjectIdentity | WebIdentity]]:
        storage: Files = self._pages if is_web(absolute) else self._on_s3()
        for file in storage.list(absolute):
            identity = storage.identity(file)
            if isinstance(identity, (ObjectIdentity, WebIdentity)):
                yield file, identity

    def _on_s3(self) -> S3Storage:
        if self._objects is None:
            if find_spec("boto3") is None:
                message = "pip install 'trc-pipelines[s3]' has trc speak to S3"
                raise ObjectError(message, "permanent", "object_credentials")
            self._objects = S3Storage(S3Client.configured(), self._state)
        return self._objects

    # ── what is remembered ──

    def _remembered(self, absolute: str, fmt: Format, found: Identified) -> Schema | None:
        with suppress(OSError, ValueError, KeyError, TypeError):
            told = json.loads(self._place(absolute, fmt).read_text(encoding="utf-8"))
            if told["state"] == _state(found):
                return Known(tuple(Column(name=name, type=kind) for name, kind in told["columns"]))
        return None

    def _remember(self, absolute: str, fmt: Format, found: Identified, columns: Sequence[Column]) -> None:
        # What tells no version may be another one at any time.
        if not all(_version(identity) for _, identity in found):
            return
        place = self._place(absolute, fmt)
        told = {"state": _state(found), "columns": [[one.name, one.type] for one in columns]}
        with suppress(OSError):
            place.parent.mkdir(parents=True, exist_ok=True)
            aside = place.with_name(f"{place.name}.{os.getpid()}")
            aside.write_text(json.dumps(told), encoding="utf-8")
            aside.replace(place)

    def _place(self, absolute: str, fmt: Format) -> Path:
        apart = hashlib.sha256(f"{absolute}\0{fmt}".encode("utf-8", "surrogatepass")).hexdigest()[:32]
        return self._state / _FOLDER / f"{apart}.json"

    # ── what is read ──

    def _read(self, absolute: str, uri: str, fmt: Format, found: Identified) -> Schema:
        has_footers = fmt == "parquet" and is_object(absolute)
        size = sum(_TAIL if has_footers else max(0, identity.size) for _, identity in found)
        if size > _MOST:
            return Unknown(f'"{uri}" has {size >> 20:,} MiB, more than is looked at before a run; declare its columns')
        copies = copies_in(self._state.absolute())
        try:
            files = [self._fetched(copies, file, identity, footer=has_footers) for file, identity in found]
            schema = self._here.describe(files, fmt, uri)
        finally:
            copies.close()
        if isinstance(schema, Known):
            self._remember(absolute, fmt, found, schema.columns)
        return schema

    def _fetched(self, copies: Copies, file: str, identity: ObjectIdentity | WebIdentity, *, footer: bool) -> str:
        def fetch(target: Path) -> None:
            target.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(identity, WebIdentity):
                Download(self._web, file, {}, identity.version, _MOST).to(str(target))
            elif footer:
                _footer(self._on_s3().client, file, identity, target)
            else:
                transfer = Transfer(self._on_s3().client)
                try:
                    transfer.download(file, identity, target, Event())
                finally:
                    transfer.close()

        # Readers go by suffixes, and by folders such as `day=2026-01-01`.
        names = file.partition("?")[0].split("/")[3:] if is_web(file) else file.split("/")[3:]
        return copies.get(file, _version(identity), names, fetch, Event())


def _footer(client: S3Client, uri: str, identity: ObjectIdentity, target: Path) -> None:
    """Writes a file that has the object's size and its end, and nothing in between: what tells the columns stands there."""
    start = max(0, identity.size - _TAIL)
    tail = b"".join(client.read(uri, identity.etag, start, identity.size - start)) if identity.size else b""
    if tail[-4:] == _MAGIC:
        begins = max(0, identity.size - 8 - int.from_bytes(tail[-8:-4], "little"))
        if begins < start and start - begins < _MOST:
            tail = b"".join(client.read(uri, identity.etag, begins, start - begins)) + tail
            start = begins
    with target.open("wb") as file:
        file.truncate(identity.size)
        if start >= len(_MAGIC):
            file.write(_MAGIC)
        file.seek(start)
        file.write(tail)


def _version(identity: ObjectIdentity | WebIdentity) -> str:
    return identity.version if isinstance(identity, WebIdentity) else identity.etag


def _state(found: Identified) -> list[Any]:
    """What the columns rest on: the files, as they were, and the DuckDB that reads them."""
    try:
        reader = version("duckdb")
    except PackageNotFoundError:
        reader = "absent"
    return [reader, *([file, _version(identity), identity.size] for file, identity in found)]
