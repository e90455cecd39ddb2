"""SQL of other dialects in DuckDB's. sqlglot translates; nothing here is loaded for a pipeline whose SQL is DuckDB's own."""
