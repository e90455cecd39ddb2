"""The parts that an output is put together of, one for each partition of a source, and what is recorded of each that is kept."""

from __future__ import annotations

import json
import os
from typing import Any

from trc.runtime.taskside.records import record
from trc.runtime.taskside.tuples import Columns

Identity = tuple[int, int, int, int, int]
"""What the file system says of a file: size, mtime_ns, ctime_ns, inode, device."""
RECORD = ".json"


@record(frozen=True)
class OrderPart:
    """One part: it is kept at `path`, or is to be made from `files`, where there are any."""

    label: str | None
    """The partition's value as text; None for NULL."""
    key: str
    path: str
    files: tuple[str, ...] = ()


@record(frozen=True)
class OrderParts:
    """How an output is made part by part: `read` is what the query calls the input that is divided by its `column`.

    That is proved for inputs that have the columns in `schemas` (by what the query calls them) and for a query with the
    columns `known`, which are `stored` as those; `named` are the columns that the folders of the input are named after. While files have their
    `identities`, they are those that a part's key stands for. `code` names all that the parts have in common.
    """

    read: str
    column: str
    named: Columns
    schemas: tuple[tuple[str, Columns], ...]
    known: Columns
    stored: Columns
    items: tuple[OrderPart, ...]
    identities: tuple[tuple[str, Identity], ...]
    code: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        return {
            "read": self.read,
            "column": self.column,
            "named": self.named,
            "schemas": self.schemas,
            "known": self.known,
            "stored": self.stored,
            "items": [[one.label, one.key, one.path, one.files] for one in self.items],
            "identities": self.identities,
            "code": self.code,
        }

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> OrderParts:
        """What `to_dict` wrote."""
        return cls(
            raw["read"],
            raw["column"],
            _columns(raw["named"]),
            tuple((name, _columns(columns)) for name, columns in raw["schemas"]),
            _columns(raw["known"]),
            _columns(raw["stored"]),
            tuple(OrderPart(label, key, path, tuple(files)) for label, key, path, files in raw["items"]),
            tuple((path, _identity(found)) for path, found in raw["identities"]),
            raw["code"],
        )


@record(frozen=True)
class PartRecord:
    """What is known of a part that is kept: its partition, its bytes, and which code made it in which run, when.

    `file` is its name, in the folder of its record. `built_at` is in seconds since the epoch.
    """

    key: str
    label: str | None
    file: str
    digest: str
    size: int
    rows: int
    files: int
    code: str
    run: str
    built_at: float

    def to_dict(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        return dict(self.__dict__)

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> PartRecord:
        """What `to_dict` wrote; raises TypeError for anything else."""
        return cls(**raw)


def record_path(folder: str, key: str) -> str:
    return f"{folder}/{key}{RECORD}"


def write_record(folder: str, record: PartRecord, token: str) -> None:
    """Makes a part one that is kept: from here on its record names its file. All of it is there, or nothing."""
    staged = f"{folder}/{token}.record"
    with open(staged, "w", encoding="utf-8") as file:
        json.dump(record.to_dict(), file)
    os.replace(staged, record_path(folder, record.key))


def read_record(folder: str, key: str) -> PartRecord | None:
    """What is recorded of a part; None where it is not kept, or the record is damaged."""
    try:
        with open(record_path(folder, key), encoding="utf-8") as file:
            record = PartRecord.from_dict(json.load(file))
    except (OSError, ValueError, TypeError):
        return None
    return record if record.key == key and os.sep not in record.file else None


def identity_of(path: str) -> Identity | None:
    """What the file system says of a file; None if there is none."""
    try:
        facts = os.stat(path)
    except OSError:
        return None
    return (facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_ino, facts.st_dev)


def _columns(raw: Any) -> Columns:
    return tuple((name, kind) for name, kind in raw)


def _identity(raw: Any) -> Identity:
    size, mtime_ns, ctime_ns, inode, device = raw
    return (size, mtime_ns, ctime_ns, inode, device)
