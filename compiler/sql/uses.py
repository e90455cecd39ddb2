"""What a query uses, each with its place: tables, files, names, and what may answer differently the next time."""

from __future__ import annotations

from dataclasses import dataclass

from trc.compiler.ir.formats import Format

Span = tuple[int, int]
"""Characters `[start, end)` of the query."""


@dataclass(frozen=True, slots=True)
class TableUse:
    """A table that no CTE of the query defines. `name` is as written, its parts joined by dots."""

    name: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class FileUse:
    """A literal location that the query reads.

    `[start, end)` is the literal, or the whole list that it stands in: a list has one use an item,
    all with the list's place. `call` is all that names the table, options included. `plain` says
    that nothing but the file decides about the columns.
    """

    uri: str
    start: int
    end: int
    format: Format
    function: str | None
    call: Span
    alias: str
    plain: bool


@dataclass(frozen=True, slots=True)
class VolatileUse:
    """The first thing that may give another answer the next time; `reason` follows "because"."""

    reason: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class NameUse:
    """A name and its place: a CTE's definition, a function's call, a reader of computed locations."""

    name: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Relation:
    """One thing that a SELECT takes its columns from: `table` or `uri` where it is data, neither for a subquery.

    `named` says that the author wrote the alias; else it is the table's own name.
    """

    alias: str
    table: str | None = None
    uri: str | None = None
    named: bool = False
