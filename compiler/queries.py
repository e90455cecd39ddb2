"""What was found of a pipeline's queries when it was compiled before, as plain values that can be kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Found(NamedTuple):
    """A query's tables and CTEs; and its columns, each with its type, over tables of the schemas that `read` is the digest of."""

    tables: tuple[str, ...]
    ctes: tuple[str, ...]
    read: str
    columns: tuple[tuple[str, str], ...]


Kept = tuple[Any, ...]
"""A translation's fields, as plain values."""


@dataclass(frozen=True, slots=True)
class Queries:
    """By the digest of a query's text: what was found `before`, and what is found `now`."""

    before: Mapping[str, Found] = field(default_factory=dict[str, Found])
    now: dict[str, Found] = field(default_factory=dict[str, Found])
    translated_before: Mapping[str, Kept] = field(default_factory=dict[str, Kept])
    """By the digest of a text of another dialect: its translation."""
    translated_now: dict[str, Kept] = field(default_factory=dict[str, Kept])
