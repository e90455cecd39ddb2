"""The dialects that a task's SQL may be written in, and what a text in one of them comes to in DuckDB's SQL."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Final, Literal, NamedTuple, get_args

from trc.compiler.sql.problem import SqlProblem

Dialect = Literal[
    "athena",
    "bigquery",
    "clickhouse",
    "databricks",
    "dax",
    "doris",
    "dremio",
    "drill",
    "druid",
    "duckdb",
    "dune",
    "exasol",
    "fabric",
    "hive",
    "materialize",
    "mysql",
    "oracle",
    "postgres",
    "presto",
    "prql",
    "redshift",
    "risingwave",
    "snowflake",
    "solr",
    "spark",
    "spark2",
    "sqlite",
    "starrocks",
    "tableau",
    "teradata",
    "trino",
    "tsql",
]
"""sqlglot's own names. A list of ours, so that a name is judged without loading sqlglot."""

DIALECTS: Final[tuple[str, ...]] = get_args(Dialect)
OWN: Final = "duckdb"


class Origin(NamedTuple):
    """`[start, end)` of the translation came from what stands at `[first, last)` of the author's text.

    `named` is the word that names the whole there, such as a function's name, where it has one.
    """

    start: int
    end: int
    first: int
    last: int
    named: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Translation:
    """A query in DuckDB's SQL; `sql` is None where `problems` say why there is none. These are about the author's text.

    `written` are the author's tokens, one space apart: equal for texts that differ in comments and layout only.
    """

    sql: str | None
    written: str
    origins: tuple[Origin, ...] = ()
    problems: tuple[SqlProblem, ...] = ()


def is_foreign(dialect: object) -> bool:
    """Whether this is the name of a dialect that has to be translated."""
    return isinstance(dialect, str) and dialect != OWN and dialect in DIALECTS


# A pipeline is looked at more than once, by an editor at each key.
@lru_cache(maxsize=1024)
def translate(dialect: str, text: str, values: frozenset[str], texts: frozenset[str]) -> Translation:
    """The only query in `text`. `values` are the words in it that stand for values, `texts` those that stand for texts.

    Such a word is put through as it is: it stands in the translation where its value is to be.
    """
    found: Translation = import_module("trc.compiler.sql.dialects.query").translated(dialect, text, values, texts)
    return found
