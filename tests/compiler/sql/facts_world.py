"""What the tests of facts share: tables, the facts of a query over them, and small worlds to run it in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb  # noqa: TID253 - the judge
from hypothesis import strategies as st

from trc.compiler.ir.dataset import Column
from trc.compiler.ir.types import Known, Schema, Unknown
from trc.compiler.sql.bind import Binder
from trc.compiler.sql.facts import QueryFacts, ReadFacts
from trc.compiler.sql.parse import Parsed, parse
from trc.compiler.sql.query_facts import facts_of

CASES = Path(__file__).parents[2] / "cases" / "facts"
TYPES: dict[str, dict[str, str]] = {
    "t": {
        "i": "INTEGER",
        "n": "BIGINT",
        "s": "VARCHAR",
        "f": "DOUBLE",
        "d": "DATE",
        "m": "TIMESTAMP",
        "e": "DECIMAL(10,2)",
        "o": "BOOLEAN",
    },
    "u": {"i": "INTEGER", "s": "VARCHAR", "l": "INTEGER[]", "k": "STRUCT(x INTEGER, y VARCHAR)"},
}
TABLES: dict[str, Schema] = {
    table: Known(tuple(Column(name=name, type=kind) for name, kind in columns.items()))
    for table, columns in TYPES.items()
}

SMALL: dict[str, list[str]] = {
    "INTEGER": ["0", "1", "2", "3"],
    "BIGINT": ["0", "1", "2", "5"],
    "VARCHAR": ["''", "'x'", "'y'", "'xy'", "'1'"],
    "DOUBLE": ["0.0", "1.0", "2.5", "-1.0"],
    "DATE": ["'2020-01-01'", "'2020-02-29'", "'2021-06-01'"],
    "TIMESTAMP": ["'2020-01-01'", "'2020-01-01 12:30:01'", "'2021-06-01'"],
    "DECIMAL(10,2)": ["0", "1.50", "2.25", "-3"],
    "BOOLEAN": ["true", "false"],
    "INTEGER[]": ["[]", "[1]", "[1, 2]", "[3, NULL]"],
    "STRUCT(x INTEGER, y VARCHAR)": ["{'x': 1, 'y': 'x'}", "{'x': 2, 'y': NULL}"],
}
EXTREME: dict[str, list[str]] = {
    "INTEGER": ["(-2147483648)", "2147483647", "-1"],
    "BIGINT": ["(-9223372036854775808)", "9223372036854775807", "-1"],
    "VARCHAR": ["'a%_\\'", "'é😀'", "repeat('x', 300)", "chr(0) || 'b'", "'1e999'", "' '"],
    "DOUBLE": ["'inf'", "'-inf'", "'nan'", "1.7976931348623157e308", "(-1.7976931348623157e308)", "5e-324", "(-0.0)"],
    "DATE": ["'infinity'", "'-infinity'", "'5877642-06-25 (BC)'", "'5881580-07-10'", "'0044-03-15 (BC)'"],
    "TIMESTAMP": [
        "'infinity'",
        "'-infinity'",
        "'290309-12-22 (BC) 00:00:00'",
        "'294247-01-10 04:00:54.775806'",
        "'1969-12-31 23:59:59.999999'",
    ],
    "DECIMAL(10,2)": ["99999999.99", "(-99999999.99)"],
    "BOOLEAN": [],
    "INTEGER[]": ["[2147483647, -2147483648]", "[NULL]"],
    "STRUCT(x INTEGER, y VARCHAR)": ["{'x': NULL, 'y': ''}"],
}
"""By type, values as SQL: everyday ones, and those that break what is not made for them."""

Row = dict[str, str]
World = Mapping[str, Sequence[Row]]
"""By table, its rows, each value as SQL."""


def value_of(kind: str, *, extreme: bool) -> st.SearchStrategy[str]:
    return st.sampled_from(["NULL", *SMALL[kind], *(EXTREME[kind] if extreme else ())])


def row_of(table: str, *, extreme: bool) -> st.SearchStrategy[Row]:
    return st.fixed_dictionaries({name: value_of(kind, extreme=extreme) for name, kind in TYPES[table].items()})


def worlds(*, extreme: bool = False) -> st.SearchStrategy[World]:
    return st.fixed_dictionaries(
        {table: st.lists(row_of(table, extreme=extreme), min_size=1, max_size=6) for table in TYPES}
    )


@lru_cache(maxsize=4096)
def facts_in(sql: str) -> QueryFacts | Unknown:
    parsed = parse(sql)
    assert isinstance(parsed, Parsed), sql
    with Binder() as binder:
        bound = binder.plan(parsed, TABLES, {}, pushed=True)
    return bound if isinstance(bound, Unknown) else facts_of(parsed, bound)


def case_files() -> list[Path]:
    return sorted(CASES.glob("*.sql"))


def cases_of(path: Path) -> list[tuple[str, str]]:
    parts = path.read_text().split("-- case: ")[1:]
    return [(part.partition("\n")[0], part.partition("\n")[2].strip()) for part in parts]


Rows = Counter[tuple[str, ...]]


@dataclass(slots=True)
class Judge:
    """A database in which queries are run over small tables."""

    connection: duckdb.DuckDBPyConnection = field(
        default_factory=lambda: duckdb.connect(config={"threads": 1, "python_enable_replacements": False})
    )
    held: dict[str, Sequence[Row]] = field(default_factory=dict[str, Sequence[Row]])
    """What each table was filled with, and holds still."""

    def fill(self, world: World) -> None:
        for table, rows in world.items():
            if self.held.get(table) is rows:
                continue
            self.held[table] = rows
            columns = TYPES[table]
            listed = ", ".join(f"{name} {kind}" for name, kind in columns.items())
            values = ["(" + ", ".join(f"{row[name]}::{kind}" for name, kind in columns.items()) + ")" for row in rows]
            self.connection.execute(f"CREATE OR REPLACE TABLE {table} ({listed})")
            if values:
                self.connection.execute(f"INSERT INTO {table} VALUES {', '.join(values)}")

    def rows(self, sql: str) -> Rows:
        """The rows of a query, in whatever order; their values as text, since Python cannot hold them all."""
        relation = self.connection.execute(f"DESCRIBE {sql}").fetchall()
        names = [f"c{place}" for place in range(len(relation))]
        shown = ", ".join(f"{name}::VARCHAR" for name in names)
        told = self.connection.execute(f"SELECT {shown} FROM (\n{sql}\n) q({', '.join(names)})").fetchall()
        return Counter(tuple(map(repr, row)) for row in told)

    def rows_or_none(self, sql: str) -> Rows | None:
        try:
            return self.rows(sql)
        except duckdb.Error:
            return None

    def error(self, sql: str) -> str | None:
        """What DuckDB says of a statement that fails."""
        try:
            self.connection.execute(sql)
        except duckdb.Error as error:
            return str(error)
        return None

    def keep_used(self, reads: Iterable[ReadFacts]) -> None:
        """Leaves in each table the rows that a query has a use for."""
        for read in reads:
            self.held.pop(read.name, None)
            self.connection.execute(
                f"CREATE OR REPLACE TABLE {read.name} AS SELECT * FROM {read.name} WHERE {used(read)}"
            )


def used(read: ReadFacts) -> str:
    """What is true for the rows of a dataset that have an effect."""
    ways = [" AND ".join(["true", *(one.sql for one in use.conditions)]) for use in read.uses]
    return " OR ".join(["false", *(f"({one})" for one in ways)])


def with_other_values(world: World, facts: QueryFacts, draw: Any, *, extreme: bool) -> World:
    """The world with any values in the columns that a query does not read."""
    changed = dict(world)
    for read in facts.reads:
        free = [name for name in TYPES[read.name] if name not in read.columns]
        changed[read.name] = [
            row | {name: draw(value_of(TYPES[read.name][name], extreme=extreme)) for name in free}
            for row in world[read.name]
        ]
    return changed


def with_nulls(world: World, facts: QueryFacts) -> World:
    """The world with NULL in the columns that a query does not read."""
    changed = dict(world)
    for read in facts.reads:
        free = dict.fromkeys((name for name in TYPES[read.name] if name not in read.columns), "NULL")
        changed[read.name] = [row | free for row in world[read.name]]
    return changed
