"""Dialects that are alike, by the names that a pipeline has for them."""

from __future__ import annotations

from typing import Final

MYSQL: Final = ("doris", "mysql", "starrocks")
POSTGRES: Final = ("materialize", "postgres", "risingwave")
SPARK: Final = ("databricks", "hive", "spark", "spark2")
TRINO: Final = ("athena", "presto", "trino")
TSQL: Final = ("fabric", "tsql")
