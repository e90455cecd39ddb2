"""Gives a task's code its inputs as it wants them: paths, bytes, rows, relations, tables and frames."""

from __future__ import annotations

import csv
import importlib
import importlib.util
import json
import os
import pathlib
import typing
from collections import abc
from collections.abc import Mapping, Sequence
from typing import Any, Callable, Union

from trc.runtime.taskside.data import InputData, OutputData
from trc.runtime.taskside.errors import AttemptFailed
from trc.runtime.taskside.result import Failure

READERS = {"parquet": "read_parquet", "csv": "read_csv", "json": "read_json"}
_NAMED = {
    "pa.Table": "pyarrow.Table",
    "pyarrow.Table": "pyarrow.Table",
    "pd.DataFrame": "pandas.DataFrame",
    "pandas.DataFrame": "pandas.DataFrame",
    "pl.DataFrame": "polars.DataFrame",
    "polars.DataFrame": "polars.DataFrame",
    "pl.LazyFrame": "polars.LazyFrame",
    "polars.LazyFrame": "polars.LazyFrame",
    "duckdb.DuckDBPyRelation": "duckdb.DuckDBPyRelation",
    "DuckDBPyRelation": "duckdb.DuckDBPyRelation",
}
"""What annotations say that nobody could resolve, since their module imports for type checkers only."""


def unmapped(message: str) -> AttemptFailed:
    """What says that data cannot be handed over as the code wants it."""
    return AttemptFailed(Failure(message, "permanent", "mapping"))


class Hands:
    """Loads inputs for one attempt; relations are all of one connection, so that they can be joined."""

    def __init__(self, engine: Mapping[str, Any]) -> None:
        self._engine = engine
        self._connection: Any = None

    def input(self, one: InputData, wanted: Any) -> Any:
        """The input as its annotation wants it; without one, the path of its only file. Raises AttemptFailed."""
        wanted = _without_none(wanted)
        if wanted in (Any, InputData):
            return one if wanted is InputData else self._file(one)
        kind = kind_of(wanted)
        if kind == "duckdb.DuckDBPyRelation":
            return self._relation(one)
        if kind in _LOADERS:
            _tabular(one, kind)
            return _together(kind, [_LOADERS[kind](path, one.format) for path in one.paths], one)
        if wanted in (str, os.PathLike) or _is_path(wanted):
            return str(self._file(one)) if wanted is str else self._file(one)
        if wanted is bytes:
            return self._file(one).read_bytes()
        origin = typing.get_origin(wanted) or wanted
        if origin in (list, tuple, abc.Sequence, abc.Iterable):
            return self._listed(one, origin, typing.get_args(wanted))
        raise unmapped(
            f'the input "{one.name}" is wanted as {shown(wanted)}, and can be had as a path, bytes, a list of paths or of dicts, '
            "a DuckDB relation, an Arrow table, or a frame of pandas or polars"
        )

    def _file(self, one: InputData) -> pathlib.Path:
        try:
            return pathlib.Path(one.path)
        except ValueError:
            raise unmapped(
                f'the input "{one.name}" has {len(one.paths)} files, and its parameter is for one; annotate it with list[Path]'
            ) from None

    def _listed(self, one: InputData, origin: Any, arguments: tuple[Any, ...]) -> Any:
        item = arguments[0] if arguments else str
        if item is str or item is os.PathLike or _is_path(item):
            paths = [path if item is str else pathlib.Path(path) for path in one.paths]
            return tuple(paths) if origin is tuple else paths
        if (typing.get_origin(item) or item) in (dict, abc.Mapping):
            _tabular(one, "rows")
            return [row for path in one.paths for row in rows_in(path, one.format)]
        raise unmapped(
            f'the input "{one.name}" is wanted as a list of {shown(item)}; it can be a list of paths or of dicts'
        )

    def _relation(self, one: InputData) -> Any:
        _tabular(one, "a relation")
        if self._connection is None:
            self._connection = _connected(self._engine)
        paths = ", ".join(quoted(path) for path in one.paths)
        several = ", union_by_name = true" if len(one.paths) > 1 else ""
        return self._connection.sql(f"FROM {READERS[one.format]}([{paths}]{several})")


def kind_of(wanted: Any) -> str:
    """Which library's data it is, such as `pandas.DataFrame`: of a class, a value's class or a text; else empty."""
    if isinstance(wanted, str):
        return _NAMED.get(wanted.strip(), "")
    if not isinstance(wanted, type):
        return ""
    for one in wanted.__mro__:
        module = one.__module__.partition(".")[0]
        # DuckDB's own classes are of `duckdb` or `_duckdb`, by its version.
        found = f"{module.lstrip('_')}.{one.__name__}"
        if found in _KINDS:
            return found
    return ""


def shown(wanted: Any) -> str:
    """An annotation as people write it."""
    if isinstance(wanted, str):
        return wanted
    return wanted.__name__ if isinstance(wanted, type) and typing.get_origin(wanted) is None else str(wanted)


def library(name: str, why: str) -> Any:
    """A module that the task's environment may have; raises AttemptFailed where it has not."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise unmapped(
            f'{why} takes "{package}": add it to the requirements of the task\'s environment ({error})'
        ) from None


def rows_in(path: str, form: str) -> list[dict[str, Any]]:
    """The rows of a file; all values of CSV are texts."""
    if form == "csv":
        with open(path, newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))
    if form == "json":
        with open(path, encoding="utf-8") as file:
            text = file.read()
        if text.lstrip()[:1] == "[":
            return list(json.loads(text))
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    if _has("pyarrow"):
        return list(library("pyarrow.parquet", "").read_table(path).to_pylist())
    relation = library("duckdb", "to have Parquet as rows").connect().sql(f"FROM read_parquet({quoted(path)})")
    return [dict(zip(relation.columns, row)) for row in relation.fetchall()]


def _has(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def quoted(text: str) -> str:
    """A text in SQL."""
    return "'" + text.replace("'", "''") + "'"


def _connected(engine: Mapping[str, Any]) -> Any:
    duckdb = library("duckdb", "a DuckDB relation")
    connection = duckdb.connect(":memory:")
    for name, value in engine.items():
        connection.execute(f"SET {name} = {quoted(str(value))}")
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def _without_none(wanted: Any) -> Any:
    if typing.get_origin(wanted) is Union or type(wanted).__name__ == "UnionType":
        left = [one for one in typing.get_args(wanted) if one is not type(None)]
        return left[0] if len(left) == 1 else wanted
    return wanted


def _is_path(wanted: Any) -> bool:
    return isinstance(wanted, type) and issubclass(wanted, pathlib.PurePath)


def _tabular(one: InputData, wanted: str) -> None:
    if one.format not in READERS:
        raise unmapped(
            f'the input "{one.name}" is of the format "{one.format}", and {wanted} is read from parquet, csv or json'
        )
    if not one.paths:
        raise unmapped(f'the input "{one.name}" has no files')


def _first(path: str) -> str:
    """The first character that is no space."""
    with open(path, encoding="utf-8") as file:
        while True:
            char = file.read(1)
            if not char.isspace():
                return char


def _arrow(path: str, form: str) -> Any:
    why = "an Arrow table"
    if form == "parquet":
        return library("pyarrow.parquet", why).read_table(path)
    if form == "csv":
        return library("pyarrow.csv", why).read_csv(path)
    if _first(path) == "[":
        return library("pyarrow", why).Table.from_pylist(rows_in(path, form))
    return library("pyarrow.json", why).read_json(path)


def _pandas(path: str, form: str) -> Any:
    pandas = library("pandas", "a frame of pandas")
    if form == "json":
        return pandas.read_json(path, lines=_first(path) != "[")
    return getattr(pandas, READERS[form])(path)


def _polars(path: str, form: str) -> Any:
    polars = library("polars", "a frame of polars")
    if form == "json" and _first(path) != "[":
        return polars.read_ndjson(path)
    return getattr(polars, READERS[form])(path)


def _lazy(path: str, form: str) -> Any:
    polars = library("polars", "a frame of polars")
    if form == "json":
        return _polars(path, form).lazy()
    return getattr(polars, f"scan_{form}")(path)


_LOADERS: Mapping[str, Callable[[str, str], Any]] = {
    "pyarrow.Table": _arrow,
    "pandas.DataFrame": _pandas,
    "polars.DataFrame": _polars,
    "polars.LazyFrame": _lazy,
}
_KINDS = frozenset({"duckdb.DuckDBPyRelation", *_LOADERS})


def _together(kind: str, parts: Sequence[Any], one: InputData) -> Any:
    """Several files as one, by the names of their columns."""
    if len(parts) == 1:
        return parts[0]
    try:
        if kind == "pandas.DataFrame":
            return library("pandas", one.name).concat(parts, ignore_index=True)
        if kind.startswith("polars."):
            return library("polars", one.name).concat(parts, how="diagonal")
        pyarrow = library("pyarrow", one.name)
        try:
            return pyarrow.concat_tables(parts, promote_options="default")
        except TypeError:  # an older one
            return pyarrow.concat_tables(parts, promote=True)
    except AttemptFailed:
        raise
    except Exception as error:
        raise unmapped(f'the files of the input "{one.name}" do not fit together: {error}') from error


def output(one: OutputData, wanted: Any) -> Any:
    """The place of an output as its annotation wants it: by default, and for a path, the path to write to."""
    wanted = _without_none(wanted)
    if wanted is OutputData:
        return one
    if wanted is str:
        return one.path
    if wanted is Any or wanted is os.PathLike or _is_path(wanted):
        return pathlib.Path(one.path)
    raise unmapped(
        f'the output "{one.name}" is wanted as {shown(wanted)}; it is a path to write to: annotate it with Path'
    )
