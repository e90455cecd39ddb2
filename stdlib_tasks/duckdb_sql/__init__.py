"""SQL on DuckDB: one query, its rows written to one output."""
