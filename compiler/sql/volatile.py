"""The functions of one version of DuckDB that may answer differently the next time: to ask it takes as long as to check a file."""

from __future__ import annotations

from typing import Final

VERSION: Final = "1.5.5"
"""Of another version, `functions.volatile_names` asks."""

NAMES: Final = frozenset(
    {
        "ago",
        "current_catalog",
        "current_connection_id",
        "current_database",
        "current_date",
        "current_localtime",
        "current_localtimestamp",
        "current_query",
        "current_query_id",
        "current_schema",
        "current_schemas",
        "current_setting",
        "current_time",
        "current_timestamp",
        "current_transaction_id",
        "currval",
        "error",
        "gen_random_uuid",
        "get_current_time",
        "get_current_timestamp",
        "getenv",
        "getvariable",
        "glob",
        "in_search_path",
        "localtime",
        "localtimestamp",
        "nextval",
        "now",
        "pg_conf_load_time",
        "pg_postmaster_start_time",
        "pg_sleep",
        "random",
        "reservoir_quantile",
        "setseed",
        "sleep_ms",
        "stats",
        "today",
        "transaction_timestamp",
        "txid_current",
        "uuid",
        "uuidv4",
        "uuidv7",
        "vector_type",
        "write_log",
    }
)
