"""Writes what a task's code returns to an output: files, texts, bytes, rows, relations, tables and frames."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Iterable, Mapping
from typing import Any

from trc.runtime.taskside.data import OutputData
from trc.runtime.taskside.errors import AttemptFailed
from trc.runtime.taskside.handing import kind_of, library, quoted, unmapped

_BATCH = 10_000


def save(data: Any, output: OutputData) -> int | None:
    """Writes the data in the output's format, and answers its rows where they are counted. Raises AttemptFailed for what cannot be written."""
    if os.path.lexists(output.path):
        raise unmapped(
            f'the output "{output.name}" is written twice: its file was there already when data for it was saved'
        )
    try:
        return _save(data, output)
    except BaseException:
        # What is half written must not be taken for an output where the code catches the error and goes on.
        if os.path.lexists(output.path) and not os.path.isdir(output.path):
            os.unlink(output.path)
        raise


def is_data(value: Any) -> bool:
    """Whether it is something that only an output can take, as it is no small value."""
    return bool(kind_of(type(value))) or isinstance(value, (bytes, bytearray, os.PathLike))


def _save(data: Any, output: OutputData) -> int | None:
    kind = kind_of(type(data))
    if kind:
        _tabular(output, kind)
        rows: int | None = _SAVERS[kind](data, output.path, output.format)
        return rows
    if isinstance(data, Iterable) and not isinstance(data, (Mapping, str, bytes, bytearray)):
        listed = list(data)
        if all(isinstance(row, Mapping) for row in listed):
            _tabular(output, "rows")
            return _rows(listed, output)
    if isinstance(data, os.PathLike):
        _copy(os.fspath(data), output)
    elif isinstance(data, (bytes, bytearray, str)):
        _write(data.encode() if isinstance(data, str) else bytes(data), output)
    elif isinstance(data, Mapping) and output.format == "json":
        _document(data, output)
    else:
        raise _unsaved(data, output)
    return None


def _unsaved(data: Any, output: OutputData) -> AttemptFailed:
    return unmapped(
        f'a {type(data).__name__} cannot be saved as the output "{output.name}" of the format "{output.format}"; it takes a path, a text, bytes, '
        "a list of dicts, a DuckDB relation, an Arrow table, or a frame of pandas or polars"
    )


def _copy(path: str, output: OutputData) -> None:
    try:
        shutil.copyfile(path, output.path)
    except OSError as error:
        raise unmapped(f'"{path}" cannot be saved as the output "{output.name}": {error.strerror or error}') from None


def _write(data: bytes, output: OutputData) -> None:
    if output.format == "parquet":
        raise unmapped(f'a text or bytes cannot be saved as the output "{output.name}", which is Parquet')
    with open(output.path, "wb") as file:
        file.write(data)


def _tabular(output: OutputData, what: str) -> None:
    if output.format not in ("parquet", "csv", "json"):
        raise unmapped(
            f'{what} cannot be saved as the output "{output.name}" of the format "{output.format}"; give it parquet, csv or json'
        )


def _document(data: Any, output: OutputData) -> None:
    with open(output.path, "w", encoding="utf-8") as file:
        file.write(_json(data, output.name) + "\n")


def _rows(rows: list[Mapping[str, Any]], output: OutputData) -> int:
    if output.format == "parquet":
        table = library("pyarrow", "to save rows as Parquet").Table.from_pylist([dict(row) for row in rows])
        return _arrow(table, output.path, output.format)
    with open(output.path, "w", newline="", encoding="utf-8") as file:
        if output.format == "json":
            file.writelines(_json(row, output.name) + "\n" for row in rows)
        else:
            names = list(dict.fromkeys(name for row in rows for name in row))
            writer = csv.DictWriter(file, names, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    return len(rows)


def _json(value: Any, name: str) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, default=_as_text)
    except (TypeError, ValueError, RecursionError) as error:
        raise unmapped(f'the output "{name}" cannot be written as JSON: {error}') from None


def _as_text(value: Any) -> str:
    """Days, times and decimals as texts."""
    if type(value).__module__ in ("datetime", "decimal", "uuid"):
        return str(value)
    raise TypeError(f"a {type(value).__name__} is nothing that JSON can hold")


def _relation(data: Any, path: str, form: str) -> int | None:
    if form == "parquet":
        data.write_parquet(path)
    elif form == "csv":
        data.write_csv(path, header=True)
    else:
        copied = data.query("trc_saved", f"COPY trc_saved TO {quoted(path)} (FORMAT json)")
        if copied is not None:  # of some versions it is a relation, which is run by being looked at
            copied.fetchall()
    return None


def _arrow(data: Any, path: str, form: str) -> int:
    if form == "parquet":
        library("pyarrow.parquet", "an Arrow table").write_table(data, path)
    elif form == "csv":
        library("pyarrow.csv", "an Arrow table").write_csv(data, path)
    else:
        with open(path, "w", encoding="utf-8") as file:
            for batch in data.to_batches(max_chunksize=_BATCH):
                file.writelines(_json(row, path) + "\n" for row in batch.to_pylist())
    return int(data.num_rows)


def _pandas(data: Any, path: str, form: str) -> int:
    if form == "parquet":
        data.to_parquet(path, index=False)
    elif form == "csv":
        data.to_csv(path, index=False)
    else:
        data.to_json(path, orient="records", lines=True, date_format="iso")
    return len(data)


def _polars(data: Any, path: str, form: str) -> int:
    {"parquet": data.write_parquet, "csv": data.write_csv, "json": data.write_ndjson}[form](path)
    return int(data.height)


def _lazy(data: Any, path: str, form: str) -> int:
    return _polars(data.collect(), path, form)


_SAVERS: Mapping[str, Any] = {
    "duckdb.DuckDBPyRelation": _relation,
    "pyarrow.Table": _arrow,
    "pandas.DataFrame": _pandas,
    "polars.DataFrame": _polars,
    "polars.LazyFrame": _lazy,
}


def chosen(name: str | None, outputs: Mapping[str, OutputData], task: str) -> OutputData:
    """The output of that name; raises AttemptFailed where there is none, or none was said and there is not just one."""
    if isinstance(name, str) and name in outputs:
        return outputs[name]
    there = f"there are: {', '.join(outputs)}" if outputs else "it has none: say output_uri or outputs"
    if name is None:
        raise unmapped(f'data was saved for the only output of "{task}"; {there}')
    if not isinstance(name, str):
        raise unmapped(
            f"an output is named by a text, and not by a {type(name).__name__}: save_output takes the data first"
        )
    raise unmapped(f'"{task}" has no output "{name}"; {there}')
