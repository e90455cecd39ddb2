"""A query that its author wrote in another dialect of SQL than DuckDB's, as DuckDB runs it."""

from __future__ import annotations

from dataclasses import dataclass

from trc.compiler.source import TracedMap


@dataclass(frozen=True, slots=True)
class Translated:
    """`sql` is the query in DuckDB's SQL; `map` says what its parts were made of, `written` holds the author's tokens."""

    sql: str
    written: str
    map: TracedMap
