"""What a query reads: files as views of the names that it knows them by, and as lists of paths."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from trc.runtime.taskside.errors import AttemptFailed
from trc.runtime.taskside.order import OrderInput
from trc.runtime.taskside.result import Failure

if TYPE_CHECKING:
    import duckdb

READERS = {"parquet": "read_parquet", "csv": "read_csv", "json": "read_json"}
COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}
Columns = Sequence[tuple[str, str]]


def create_inputs(connection: duckdb.DuckDBPyConnection, inputs: Sequence[OrderInput]) -> None:
    """Makes a view of each input that the query knows as a table; `task.output` can be found as both that and a name."""
    for one in inputs:
        if one.query is None and not one.spans and one.format in READERS:
            create_view(connection, one.name, rows_of(one))


def create_view(connection: duckdb.DuckDBPyConnection, name: str, query: str) -> None:
    """Lets a query be called by a name. That of `task.output` is both a table in a schema and a name of its own."""
    schema, dot, table = name.partition(".")
    if dot:
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {identifier(schema)}")
        qualified = f"{identifier(schema)}.{identifier(table)}"
        connection.execute(f"CREATE VIEW {qualified} AS {query}")
        connection.execute(f"CREATE VIEW {identifier(name)} AS FROM {qualified}")
    else:
        connection.execute(f"CREATE VIEW {identifier(name)} AS {query}")


def rows_of(one: OrderInput, place: str = "") -> str:
    """A query of all rows of an input; `place` is as for `relation`. Raises AttemptFailed where nothing tells its columns."""
    if not one.files:
        if one.columns is None:
            raise no_files(one.name)
        empty = ", ".join(f"CAST(NULL AS {kind}) AS {identifier(name)}" for name, kind in one.columns)
        return f"SELECT {empty} WHERE false"
    shown = "*"
    if one.columns is not None and one.stored is not None:
        held = {name.casefold() for name in one.stored}
        shown = ", ".join(
            identifier(name) if name.casefold() in held else f"CAST(NULL AS {kind}) AS {identifier(name)}"
            for name, kind in one.columns
        )
        return f"SELECT {shown} FROM {relation(one.format, one.files)}"
    if one.columns is not None and one.format != "parquet":
        shown = ", ".join(identifier(name) for name, _kind in one.columns)
    return f"SELECT {shown} FROM {relation(one.format, one.files, one.columns, written=one.written, place=place)}"


def relation(
    form: str, files: Sequence[str], columns: Columns | None = None, *, written: bool = False, place: str = ""
) -> str:
    """A call of the function that reads these files. Columns of CSV and JSON are known by their names.

    Files that trc wrote are read in the dialect that it writes: then every value comes back as it was.
    `place` is where a staged file will be seen: its own name does not tell how it is packed.
    """
    options = ""
    if columns is not None and form == "csv":
        types = ", ".join(f"{text(name)}: {text(kind)}" for name, kind in columns)
        options = f", header = true, types = {{{types}}}"
        if written:
            options += f", delim = {text(delimiter(place or files[0]))}, quote = '\"', escape = '\"', allow_quoted_nulls = false"
    elif columns is not None and form == "json":
        types = ", ".join(f"{text(name)}: {text(kind)}" for name, kind in columns)
        options = f", columns = {{{types}}}"
    packed = COMPRESSIONS.get("." + place.lower().rpartition(".")[2])
    if packed is not None and form != "parquet":
        options += f", compression = {text(packed)}"
    return f"{READERS[form]}({path_list(files)}{options})"


def delimiter(path: str) -> str:
    """What parts the values of a text file, by its suffix."""
    name = path.lower()
    for compressed in COMPRESSIONS:
        name = name.removesuffix(compressed)
    return "\t" if name.endswith(".tsv") else ","


def path_list(files: Sequence[str]) -> str:
    """The paths as a list of SQL."""
    return "[" + ", ".join(text(file) for file in files) + "]"


def identifier(name: str) -> str:
    """The name as SQL takes any name."""
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """The value as a string of SQL."""
    return "'" + value.replace("'", "''") + "'"


def no_files(name: str) -> AttemptFailed:
    """What says that there is nothing to read, and nothing that tells what would be there."""
    message = f'no file matches "{name}", and its columns are not declared'
    return AttemptFailed(Failure(message, "permanent", "input_missing"))
