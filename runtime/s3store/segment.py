"""What an object of the log holds: a step that was made, a place that somebody keeps for one, or nothing any more."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from typing import Any, Final

from trc.runtime.taskside.records import record

Statement = tuple[str, Sequence[Any]]
"""SQL that changes something, and the rows of values that it is carried out with, one after the other."""

_MARK: Final = {"trc": "state"}
_encode: Final = json.JSONEncoder(separators=(",", ":")).encode


@record(frozen=True, slots=True)
class Reserved:
    """A place in the log that is kept for a step: `replica` and `boot` tell whose copy on which boot of a machine."""

    replica: str
    boot: str
    nonce: str


@record(frozen=True, slots=True)
class Step:
    """Changes that are recorded together; `version` is that of the tables which they are made for."""

    version: int
    nonce: str
    statements: tuple[Statement, ...]


@record(frozen=True, slots=True)
class Void:
    """A place in the log at which nothing happened."""


Segment = Reserved | Step | Void


def encode(segment: Segment) -> bytes:
    """The bytes of an object. Equal segments have equal bytes; a nonce makes them somebody's own."""
    return gzip.compress(_encode({**_MARK, **_values(segment)}).encode(), 6, mtime=0)


def _values(segment: Segment) -> dict[str, Any]:
    match segment:
        case Reserved():
            return {"is": "reserved", "replica": segment.replica, "boot": segment.boot, "nonce": segment.nonce}
        case Void():
            return {"is": "void"}
        case Step():
            texts = {sql: number for number, sql in enumerate(dict.fromkeys(sql for sql, _ in segment.statements))}
            does = [[texts[sql], [_plain(row) for row in rows]] for sql, rows in segment.statements]
            return {"is": "step", "version": segment.version, "nonce": segment.nonce, "sql": list(texts), "do": does}


def _plain(row: Any) -> Any:
    return dict(row) if hasattr(row, "keys") else list(row)


def decode(body: bytes) -> Segment:
    """The segment that these bytes are; raises ValueError where they are none."""
    try:
        value = json.loads(gzip.decompress(body))
        if not isinstance(value, dict) or value.get("trc") != _MARK["trc"]:
            raise ValueError("it is no segment")
        match value["is"]:
            case "reserved":
                return Reserved(value["replica"], value["boot"], value["nonce"])
            case "void":
                return Void()
            case "step":
                statements = tuple((value["sql"][number], rows) for number, rows in value["do"])
                return Step(int(value["version"]), value["nonce"], statements)
            case _:
                raise ValueError("it is no segment that is known")
    except (OSError, EOFError, KeyError, IndexError, TypeError, RecursionError) as error:
        raise ValueError(str(error)) from error
