"""The columns of source files, as DuckDB reads them; remembered as long as the files stay what they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from trc.compiler.ir.dataset import Column
from trc.compiler.ir.formats import Format
from trc.compiler.ir.types import Known, Schema, Unknown
from trc.compiler.ir.uris import normalise
from trc.compiler.sql.engine import literal
from trc.runtime.storage.errors import StorageError

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

_READERS: dict[Format, str] = {"parquet": "read_parquet", "csv": "read_csv", "json": "read_json"}


class FileSchemas:
    """Answers the compiler's questions about local files; what lies elsewhere is unknown to it.

    `list_files` gives the files at a path or glob. The answers hold for one compilation.
    """

    def __init__(self, project: Path, list_files: Callable[[str], Sequence[str]]) -> None:
        self._project = project
        self._list = list_files
        self._answers: dict[tuple[str, Format], Schema] = {}
        self._listed: dict[str, set[tuple[str, ...]]] = {}
        self._connection: duckdb.DuckDBPyConnection | None = None

    @property
    def asked(self) -> tuple[str, ...]:
        """The absolute files and globs whose columns were asked for."""
        return tuple(uri for uri, _ in self._answers)

    def read_as(self, uri: str, files: tuple[str, ...]) -> bool:
        """Whether these are the files that were found at an absolute location each time that it was looked at."""
        return self._listed.get(uri, {files}) == {files}

    def schema(self, uri: str, fmt: Format) -> Schema:
        """The columns of the file or glob at `uri`, or why they are not known."""
        absolute = normalise(uri, str(self._project))
        known = self._answers.get((absolute, fmt))
        if known is None:
            known = self._answers[absolute, fmt] = self._read(absolute, uri, fmt)
        return known

    def _read(self, absolute: str, uri: str, fmt: Format) -> Schema:
        if "://" in absolute:
            return Unknown(f'"{uri}" is not on this machine')
        if fmt not in _READERS:
            return Unknown(f'"{uri}" holds no rows')
        try:
            files = tuple(self._list(absolute))
        except StorageError as error:
            return Unknown(str(error).replace(absolute, uri))
        self._listed.setdefault(absolute, set()).add(files)
        if not files:
            return Unknown(f'there is no file at "{uri}" yet')
        return self.describe(files, fmt, uri)

    def describe(self, files: Sequence[str], fmt: Format, uri: str) -> Schema:
        """The columns of files of this machine, which people know as `uri`."""
        import duckdb

        reader = _READERS[fmt]

        if self._connection is None:
            self._connection = duckdb.connect(config={"autoinstall_known_extensions": "false"})
        listed = ", ".join(literal(file) for file in files)
        try:
            rows = self._connection.execute(f"DESCRIBE SELECT * FROM {reader}([{listed}])").fetchall()  # noqa: S608
        except duckdb.Error as error:
            return Unknown(f'"{uri}" cannot be read: {str(error).splitlines()[0]}')
        return Known(tuple(Column(name=row[0], type=row[1]) for row in rows))
