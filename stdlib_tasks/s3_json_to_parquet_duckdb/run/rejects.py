"""Rows that cannot be read, while they are collected: where each stands, what is wrong with it, and its text."""

from __future__ import annotations

import json
import os
from typing import TextIO

from trc.stdlib_tasks.duckdb_sql.run.inputs import path_list

_LONGEST = 64 << 10
"""Characters of a row that are kept."""
_COLUMNS = "file: 'VARCHAR', line: 'BIGINT', error: 'VARCHAR', text: 'VARCHAR'"


class Rejects:
    """Written to a file as they come: there may be many."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._file: TextIO | None = None
        self.count = 0
        self.first = ""
        """The first one, in words."""

    def add(self, file: str, line: int, error: str, row: str) -> None:
        if self._file is None:
            os.makedirs(os.path.dirname(self._path), exist_ok=True)
            self._file = open(self._path, "w", encoding="utf-8")  # noqa: SIM115 - held until all have come
            self.first = f"{file}, line {line:,}: {error}"
        told = {"file": file, "line": line, "error": error, "text": row[:_LONGEST]}
        self._file.write(json.dumps(told) + "\n")
        self.count += 1

    def rows(self, more: str | None) -> str:
        """A query of all of them, with `more` of the same columns."""
        queries = [] if more is None else [more]
        if self._file is not None:
            self._file.flush()
            queries.insert(
                0,
                f"SELECT * FROM read_json({path_list([self._path])}, columns = {{{_COLUMNS}}}, format = 'newline_delimited')",
            )
        if not queries:
            nothing = ("file VARCHAR", "line BIGINT", "error VARCHAR", "text VARCHAR")
            columns = ", ".join(f"CAST(NULL AS {one.split()[1]}) AS {one.split()[0]}" for one in nothing)
            return f"SELECT {columns} WHERE false"
        return " UNION ALL ".join(queries)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
