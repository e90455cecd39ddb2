"""A query made ready to be copied: exactly one, without its semicolon, its file names put in."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from trc.runtime.taskside.errors import AttemptFailed, PermanentError
from trc.runtime.taskside.order import OrderInput
from trc.runtime.taskside.result import Failure
from trc.stdlib_tasks.duckdb_sql.run.complaint import complaint
from trc.stdlib_tasks.duckdb_sql.run.inputs import READERS, no_files, path_list, relation, text
from trc.stdlib_tasks.duckdb_sql.run.prepared import Prepared

if TYPE_CHECKING:
    import duckdb

_NOT_IN_PARENTHESES = ("describe", "desc", "summarize", "show")
_CALL_BEFORE = re.compile(r'\b(?:read_\w+|\w+_scan)\s*"?\s*\(\s*\Z', re.IGNORECASE)
_STRING = re.compile(r"'((?:[^']|'')*)'\Z")


def prepare(connection: duckdb.DuckDBPyConnection, query: str, inputs: Sequence[OrderInput], project: str) -> Prepared:
    """The query as DuckDB is to read it. Raises AttemptFailed where it is not exactly one."""
    import duckdb

    if not hasattr(connection, "extract_statements"):
        raise PermanentError(f"a SQL task needs DuckDB 0.10 or later; its environment holds {duckdb.__version__}")
    try:
        statements = connection.extract_statements(query)
    except duckdb.Error as error:
        raise complaint(error, Prepared(query), 0) from error
    _require_one(statements)
    encoded = query.encode()
    tokens = [offset for offset, _kind in duckdb.tokenize(query)]
    while tokens and encoded[tokens[-1] : tokens[-1] + 1] == b";":
        encoded = encoded[: tokens.pop()]
    first = re.match(rb"\w*", encoded[tokens[0] :]) if tokens else None
    prefix = suffix = ""
    if first is not None and first.group().decode(errors="replace").lower() in _NOT_IN_PARENTHESES:
        prefix, suffix = "FROM (\n", "\n)"
    return _put_files(encoded.decode(), inputs, project, prefix, suffix)


def _require_one(statements: Sequence[duckdb.Statement]) -> None:
    # DuckDB makes several of one PIVOT; those that it adds have no text.
    written = [one for one in statements if one.query.strip() or one.type.name == "SELECT"]
    kinds = [one.type.name.lower() for one in written]
    if kinds != ["select"]:
        found = f"this is {' and '.join(kinds)}" if kinds else "there is none"
        raise AttemptFailed(Failure(f"a SQL task is exactly one query; {found}", "permanent", query_offset=0))


def _put_files(query: str, inputs: Sequence[OrderInput], project: str, prefix: str, suffix: str) -> Prepared:
    parts, starts = [prefix], [(0, 0)]
    length, done = len(prefix), 0
    places = sorted((start, end, one) for one in inputs for start, end in one.spans)
    for start, end, one in places:
        for part, origin in ((query[done:start], done), (_files_at(query, start, end, one, project), start)):
            starts.append((length, origin))
            parts.append(part)
            length += len(part)
        done = end
    starts.append((length, done))
    parts += [query[done:], suffix]
    return Prepared("".join(parts), tuple(starts))


def _files_at(query: str, start: int, end: int, one: OrderInput, project: str) -> str:
    """What stands for `query[start:end]`, which names the files of an input."""
    written = query[start:end]
    if not one.files:
        raise no_files(written)
    literal = _STRING.match(written)
    name = None if literal is None else literal.group(1).replace("''", "'")
    if name is not None and len(one.files) == 1 and os.path.normpath(os.path.join(project, name)) == one.files[0]:
        return written
    files = [_as_written(file, name, project) for file in one.files]
    if literal is None or _CALL_BEFORE.search(query[:start]):
        return path_list(files)
    if one.format in READERS:
        return relation(one.format, files)
    return text(files[0]) if len(files) == 1 else path_list(files)


def _as_written(file: str, name: str | None, project: str) -> str:
    """The path as DuckDB itself would give it for the name, so that a column of file names says the same."""
    if name is None or os.path.isabs(name) or "://" in name or not file.startswith(project + os.sep):
        return file
    relative = os.path.relpath(file, project)
    return "./" + relative if name.startswith("./") else relative
