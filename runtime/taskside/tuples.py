"""Digests of the tuples of some columns: what tells whether a reader of these alone would see a difference."""

from __future__ import annotations

import hashlib
from typing import Any

from trc.runtime.taskside.records import record

Columns = tuple[tuple[str, str], ...]
"""Names and DuckDB types, in their order."""


@record(frozen=True)
class Tuples:
    """Digests of an output with the columns that `known` names, each beside the name of its columns."""

    known: str
    digests: tuple[tuple[str, str], ...] = ()
    alike: tuple[tuple[str, str], ...] = ()
    """Names of columns, and the digests of the bytes of earlier outputs that have the same tuples of these."""

    def of(self, columns: str) -> str | None:
        """The digest of the columns of that name, where it was taken."""
        return dict(self.digests).get(columns)

    def to_dict(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        raw: dict[str, Any] = {"known": self.known, "digests": self.digests}
        if self.alike:
            raw["alike"] = self.alike
        return raw

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> Tuples:
        """What `to_dict` wrote."""
        return cls(raw["known"], _pairs(raw["digests"]), _pairs(raw.get("alike", ())))


@record(frozen=True)
class Before:
    """The output that is to be replaced: its file, the digest of its bytes, and what is known of its tuples."""

    path: str
    digest: str
    tuples: Tuples

    def to_dict(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        return {"path": self.path, "digest": self.digest, "tuples": self.tuples.to_dict()}

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> Before:
        """What `to_dict` wrote."""
        return cls(raw["path"], raw["digest"], Tuples.from_dict(raw["tuples"]))


@record(frozen=True)
class OrderTuples:
    """Which digests to take of an output, if its columns turn out to be the `known` ones: one for each of the `sets`."""

    known: Columns
    sets: tuple[Columns, ...] = ()
    before: Before | None = None
    """What readers know: they are told by digests of tuples what of it is still so."""

    def to_dict(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        before = None if self.before is None else self.before.to_dict()
        return {"known": self.known, "sets": self.sets, "before": before}

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> OrderTuples:
        """What `to_dict` wrote."""
        before = None if raw["before"] is None else Before.from_dict(raw["before"])
        return cls(_columns(raw["known"]), tuple(_columns(one) for one in raw["sets"]), before)


def name_of(columns: Columns) -> str:
    """A short name of columns, equal for equal ones alone: 32 hexadecimal digits."""
    return hashlib.sha256(repr(tuple(columns)).encode("utf-8", "backslashreplace")).hexdigest()[:32]


def _columns(raw: Any) -> Columns:
    return tuple((name, kind) for name, kind in raw)


def _pairs(raw: Any) -> tuple[tuple[str, str], ...]:
    return tuple((one, other) for one, other in raw)
