"""What the compiler has to know of DuckDB's functions: which read files, and which give one answer."""

from __future__ import annotations

from functools import cache
from typing import Final

from trc.compiler.ir.dataset import Column
from trc.compiler.ir.formats import Format
from trc.compiler.ir.types import Known, Schema
from trc.compiler.sql import volatile
from trc.compiler.sql.engine import query
from trc.compiler.sql.tokens import tokenize

READERS: Final[dict[str, Format]] = {
    "read_parquet": "parquet",
    "parquet_scan": "parquet",
    "parquet_metadata": "parquet",
    "parquet_file_metadata": "parquet",
    "parquet_kv_metadata": "parquet",
    "parquet_schema": "parquet",
    "read_csv": "csv",
    "read_csv_auto": "csv",
    "sniff_csv": "csv",
    "read_json": "json",
    "read_json_auto": "json",
    "read_json_objects": "json",
    "read_json_objects_auto": "json",
    "read_ndjson": "json",
    "read_ndjson_auto": "json",
    "read_ndjson_objects": "json",
    "read_text": "file",
    "read_blob": "file",
}
"""Table functions whose first argument names files."""

PLAIN_READERS: Final = frozenset(
    {
        "read_parquet",
        "parquet_scan",
        "read_csv",
        "read_csv_auto",
        "read_json",
        "read_json_auto",
        "read_ndjson",
        "read_ndjson_auto",
    }
)
"""Readers that yield the file's own columns, unless options say otherwise."""


TIME_TELLING: Final = frozenset({"read_text", "read_blob"})
"""Readers whose `last_modified` is no part of a file's bytes."""


def fixed_schema(reader: str) -> Schema | None:
    """The columns of a reader that yields the same ones whatever the file holds."""
    if reader in ("read_text", "read_blob"):
        content = "VARCHAR" if reader == "read_text" else "BLOB"
        types = {
            "filename": "VARCHAR",
            "content": content,
            "size": "BIGINT",
            "last_modified": "TIMESTAMP WITH TIME ZONE",
        }
        return Known(tuple(Column(name=name, type=kind) for name, kind in types.items()))
    if reader in ("read_json_objects", "read_json_objects_auto", "read_ndjson_objects"):
        return Known((Column(name="json", type="JSON"),))
    return None


TABLE_NAMING: Final = frozenset({"query_table", "histogram", "histogram_values"})
"""Table functions whose first argument names a table."""

CONSISTENT_TABLE_FUNCTIONS: Final = (
    frozenset({"range", "generate_series", "unnest", "repeat", "repeat_row", "json_each", "json_tree", "summary"})
    | TABLE_NAMING
    | READERS.keys()
)
"""Table functions that give one answer for equal arguments and files; DuckDB itself does not tell."""

_INCONSISTENT: Final = frozenset(
    {
        # DuckDB calls these consistent: what they answer lies in the session, the disk or the clock.
        "current_setting",
        "getvariable",
        "getenv",
        "glob",
        "current_localtime",
        "current_localtimestamp",
        # It picks its sample at random.
        "reservoir_quantile",
        # It tells how DuckDB holds values in memory.
        "vector_type",
    }
)

BARE_FUNCTIONS: Final = frozenset(
    {
        "current_date",
        "current_time",
        "current_timestamp",
        "localtime",
        "localtimestamp",
        "current_schema",
        "current_catalog",
    }
)
"""Names that call a function without parentheses, unless a column has that name."""


@cache
def scalar_names() -> frozenset[str]:
    """The names of all functions and macros that can stand in an expression."""
    return frozenset(
        name
        for (name,) in query(
            "select distinct function_name from duckdb_functions() where function_type in ('scalar', 'aggregate', 'macro')"
        )
    )


@cache
def volatile_names() -> frozenset[str]:
    """The functions that may answer differently the next time, macros that call one included."""
    import duckdb

    return volatile.NAMES if duckdb.__version__ == volatile.VERSION else ask_volatile_names()


def ask_volatile_names() -> frozenset[str]:
    """The same, as the DuckDB at hand tells it."""
    rows = query("select function_name from duckdb_functions() where stability <> 'CONSISTENT'")
    found = _INCONSISTENT | BARE_FUNCTIONS | {name for (name,) in rows}
    macros = query("select function_name, macro_definition from duckdb_functions() where macro_definition is not null")
    calls = {name: _called(definition) for name, definition in macros}
    # `error` is volatile to keep it from being evaluated early; a macro that may raise is as consistent as any.
    while more := {name for name, called in calls.items() if called & (found - {"error"})} - found:
        found |= more
    return found


def _called(definition: str) -> frozenset[str]:
    tokens = tokenize(definition)
    following = [*(token.text for token in tokens[1:]), ""]
    return frozenset(
        name.lower()
        for token, after in zip(tokens, following)
        if (name := token.name) and (after == "(" or name.lower() in BARE_FUNCTIONS)
    )
