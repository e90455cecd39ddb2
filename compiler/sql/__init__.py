"""SQL as the compiler sees it: its tokens, what it reads, and what DuckDB's binder says of it."""
