"""Digests of the tuples of some columns: what tells whether a reader of these alone would see a difference."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

Columns = tuple[tuple[str, str], ...]
"""Names and DuckDB types, in their order."""


@dataclass(frozen=True)
class OrderTuples:
    """Which digests to take of an output, if its columns turn out to be the `known` ones: one for each of the `sets`."""

    known: Columns
    sets: tuple[Columns, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        return {"known": self.known, "sets": self.sets}

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> OrderTuples:
        """What `to_dict` wrote."""
        return cls(_columns(raw["known"]), tuple(_columns(one) for one in raw["sets"]))


@dataclass(frozen=True)
class Tuples:
    """Digests of an output with the columns that `known` names, each beside the name of its columns."""

    known: str
    digests: tuple[tuple[str, str], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        return {"known": self.known, "digests": self.digests}

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> Tuples:
        """What `to_dict` wrote."""
        return cls(raw["known"], tuple((held, digest) for held, digest in raw["digests"]))


def name_of(columns: Columns) -> str:
    """A short name of columns, equal for equal ones alone: 32 hexadecimal digits."""
    return hashlib.sha256(repr(tuple(columns)).encode("utf-8", "backslashreplace")).hexdigest()[:32]


def _columns(raw: Any) -> Columns:
    return tuple((name, kind) for name, kind in raw)
