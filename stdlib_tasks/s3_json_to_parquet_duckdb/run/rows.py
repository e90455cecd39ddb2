"""The rows of many files as one query: columns by name, each of the narrowest type that holds all its values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from trc.stdlib_tasks.duckdb_sql.run.inputs import identifier, path_list, text
from trc.stdlib_tasks.s3_json_to_parquet_duckdb.run.sift import Source

if TYPE_CHECKING:
    import duckdb

_LONGEST_OBJECT = 128 << 20
_JSON = {
    "union_by_name": "true",
    "sample_size": "-1",
    "records": "'true'",
    "maximum_object_size": str(_LONGEST_OBJECT),
    # Which columns there are, and of which types, does not depend on how often a key comes, nor on the number of files.
    "maximum_sample_files": "2147483647",
    "field_appearance_threshold": "0",
    "map_inference_threshold": "-1",
}
_CSV = {"union_by_name": "true", "sample_size": "-1", "quote": "'\"'", "escape": "'\"'", "header": "true"}
_UNKNOWN = re.compile(r'Invalid named parameter "(\w+)"|named parameter (\w+) does not exist')


class Rows:
    """Two queries: `good` are the rows, and `bad` those with a value that does not fit its declared type."""

    def __init__(self, good: str, bad: str = "", source: str = "") -> None:
        self.good = good
        self.bad = bad
        self._source = source

    def spoilt(self, connection: duckdb.DuckDBPyConnection) -> int:
        """How many bad ones there are."""
        if not self.bad:
            return 0
        counted = connection.execute(f"SELECT count(*) FROM ({self.bad})").fetchone()
        return int(counted[0]) if counted else 0

    def first_spoilt(self, connection: duckdb.DuckDBPyConnection) -> str:
        """The first of them, in words."""
        found = connection.execute(f"{self.bad} LIMIT 1").fetchone()
        if found is None:
            return ""
        file, _, error, row = found
        return f"{file or 'one'}: {error}: {row[:120]}"


def empty(types: Mapping[str, str]) -> Rows:
    """No rows, of these columns."""
    columns = ", ".join(f"CAST(NULL AS {kind}) AS {identifier(name)}" for name, kind in types.items())
    return Rows(f"SELECT {columns} WHERE false")


def read_rows(
    connection: duckdb.DuckDBPyConnection, form: str, sources: Sequence[Source], types: Mapping[str, str]
) -> Rows:
    """The rows of the files. Raises duckdb.Error for what DuckDB cannot read."""
    relation, columns = _described(connection, form, sources)
    wanted = {name.casefold(): (name, kind) for name, kind in types.items()}
    shown: list[str] = []
    misfits: list[tuple[str, str]] = []
    for name, kind in columns:
        value = identifier(name)
        declared = wanted.pop(name.casefold(), None)
        is_json = kind == "JSON"
        if declared is None:
            # Values of several kinds are told as text, and texts as they are.
            shown.append(f"{value} ->> '$' AS {value}" if is_json else value)
            continue
        if is_json and declared[1].strip().upper() != "JSON":
            value = f"({value} ->> '$')"
        shown.append(f"TRY_CAST({value} AS {declared[1]}) AS {identifier(declared[0])}")
        misfits.append(
            (f"({value} IS NOT NULL AND TRY_CAST({value} AS {declared[1]}) IS NULL)", f"{name} is no {declared[1]}")
        )
    shown += [f"CAST(NULL AS {kind}) AS {identifier(name)}" for name, kind in wanted.values()]
    query = f"SELECT {', '.join(shown)} FROM {relation}"
    if not misfits:
        return Rows(query)
    any_misfit = " OR ".join(condition for condition, _ in misfits)
    return Rows(f"{query} WHERE NOT ({any_misfit})", _bad(relation, columns, sources, misfits, any_misfit))


def _bad(
    relation: str,
    columns: Sequence[tuple[str, str]],
    sources: Sequence[Source],
    misfits: Sequence[tuple[str, str]],
    any_misfit: str,
) -> str:
    """The bad rows, as they are told: file, line, error, text."""
    why = " ".join(f"WHEN {condition} THEN {text(error)}" for condition, error in misfits)
    row = ", ".join(f"{identifier(name)} := {identifier(name)}" for name, _ in columns)
    file = "CAST(NULL AS VARCHAR)"
    if all(name.casefold() != "filename" for name, _ in columns):
        named = " ".join(f"WHEN {text(one.path)} THEN {text(one.name)}" for one in sources)
        file = f"CASE filename {named} END"
        relation = f"{relation[:-1]}, filename = true)"
    return (
        f"SELECT {file} AS file, CAST(NULL AS BIGINT) AS line, CASE {why} END AS error, "
        f"CAST(to_json(struct_pack({row})) AS VARCHAR) AS text FROM {relation} WHERE {any_misfit}"
    )


def _described(
    connection: duckdb.DuckDBPyConnection, form: str, sources: Sequence[Source]
) -> tuple[str, list[tuple[str, str]]]:
    """A call that reads the files, with the options that this DuckDB knows, and the columns that it yields."""
    import duckdb

    function = "read_json_auto" if form == "json" else "read_csv_auto"
    options = dict(_JSON) if form == "json" else {**_CSV, "delim": text(sources[0].delimiter)}
    files = path_list([one.path for one in sources])
    while True:
        told = ", ".join(f"{name} = {value}" for name, value in options.items())
        relation = f"{function}({files}, {told})"
        try:
            found = connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
        except duckdb.BinderException as error:
            unknown = _UNKNOWN.search(str(error).replace('\\"', '"'))
            name = (unknown[1] or unknown[2]) if unknown else ""
            if options.pop(name, None) is None:
                raise
            continue
        return relation, [(str(one[0]), str(one[1])) for one in found]
