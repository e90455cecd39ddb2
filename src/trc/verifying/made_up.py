"""Rows that nobody has: files to read in place of a pipeline's sources, made from their columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from trc.compiler.sql.engine import literal
from trc.compiler.sql.spelling import quoted
from trc.compiler.sql.tokens import tokenize
from trc.runtime.spec import PipelineSpec, ReadSpec, TaskSpec

if TYPE_CHECKING:
    import duckdb
    from duckdb.sqltypes import DuckDBPyType

Columns = tuple[tuple[str, str], ...]
_FORMATS: Final = ("parquet", "csv", "json")
_ONE_IS_NULL_OF: Final = 9
_LONGEST_LIST: Final = 3
_NESTED: Final = ("list", "array", "struct", "map", "union")

_NUMBERS: Final = ("0", "1", "2", "3", "7", "10", "100", "-1", "-7")
_FRACTIONS: Final = (*_NUMBERS, "0.5", "-0.25", "99.99", "1e-3")
_FLOATS: Final = (*_FRACTIONS, "-0.0", "nan", "inf", "-inf")
_TEXTS: Final = ("", "a", "A", "b", "ab", " a", "a ", "é", "10%", "a_b", "it's", "7", "NULL")
_DAYS: Final = ("1969-12-31", "1970-01-01", "2023-12-31", "2024-01-01", "2024-02-29", "2024-03-01")
_TIMES: Final = ("00:00:00", "11:59:59.999999", "12:00:00", "23:59:59")
_MOMENTS: Final = tuple(f"{day} {time}" for day in _DAYS for time in _TIMES)
_POOLS: Final[Mapping[str, Sequence[str]]] = {
    **dict.fromkeys(("float", "double"), _FLOATS),
    "decimal": _FRACTIONS,
    "varchar": _TEXTS,
    "boolean": ("true", "false"),
    "date": _DAYS,
    "time": _TIMES,
    "time with time zone": tuple(f"{time}+01" for time in _TIMES),
    **dict.fromkeys(("timestamp", "timestamp_s", "timestamp_ms", "timestamp_ns"), _MOMENTS),
    "timestamp with time zone": tuple(f"{moment}+00" for moment in _MOMENTS),
    "interval": ("1 day", "1 month", "30 days", "1 hour", "0 days", "1 day 1 hour"),
    "uuid": tuple(f"00000000-0000-0000-0000-00000000000{number}" for number in range(5)),
    "blob": ("", "a", "\\x00", "ab"),
    "json": ("null", "1", '"a"', "[1, 2]", '{"a": 1}', '{"a": null, "b": [1]}'),
    "bit": ("0", "1", "101"),
}
"""By type, what values are made of; few, so that rows are equal, and meet in joins. Others than these are numbers."""


@dataclass(frozen=True, slots=True)
class MadeUp:
    """A pipeline that reads made-up files, and what these stand for.

    `sources` are read as they are made up; `as_they_are` those whose columns are not known, or cannot be made up.
    """

    spec: PipelineSpec
    sources: tuple[str, ...]
    as_they_are: tuple[str, ...]


def make_up(
    spec: PipelineSpec,
    known: Mapping[str, Columns],
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    *,
    rows: int,
    seed: int,
) -> MadeUp:
    """Writes `rows` rows for each source whose columns are `known` by its name, and has the pipeline read these.

    The same seed makes the same rows. Among the values are those that the queries name, so that filters find something.
    Expectations are left out: rows that nobody has need not meet them.
    """
    written = _Written(known, connection, folder, rows, seed, tuple(_constants(spec.tasks)))
    tasks = tuple(
        replace(
            task,
            reads=tuple(written.instead_of(one) for one in task.reads),
            check_reads=(),
            checks=(),
            check_parts=(),
            checks_due="",
        )
        for task in spec.tasks
    )
    return MadeUp(replace(spec, tasks=tasks), tuple(sorted(written.files)), tuple(sorted(written.as_they_are)))


def _constants(tasks: Iterable[TaskSpec]) -> Iterator[str]:
    """The values that queries name, and the numbers next to them."""
    for task in tasks:
        for token in tokenize(task.query or ""):
            if token.kind == "string" and token.text.startswith("'"):
                yield token.text[1:-1].replace("''", "'")
            elif token.kind == "number":
                yield token.text
                if token.text.isdecimal():
                    yield from (str(int(token.text) + one) for one in (-1, 1))


@dataclass(slots=True)
class _Written:
    known: Mapping[str, Columns]
    connection: duckdb.DuckDBPyConnection
    folder: Path
    rows: int
    seed: int
    constants: tuple[str, ...]
    files: dict[str, str] = field(default_factory=dict[str, str])
    as_they_are: set[str] = field(default_factory=set[str])

    def instead_of(self, read: ReadSpec) -> ReadSpec:
        if read.producer is not None or read.feeders or read.uri is None:
            return read
        columns = self.known.get(read.name)
        if read.name not in self.files and columns is not None and read.format in _FORMATS:
            path = self._write(read, columns)
            if path is not None:
                self.files[read.name] = path
        if read.name not in self.files:
            self.as_they_are.add(read.name)
            return read
        types = columns if read.format != "parquet" else read.columns
        return replace(read, uri=self.files[read.name], columns=types)

    def _write(self, read: ReadSpec, columns: Columns) -> str | None:
        """Where the rows are; None where a type cannot be made up, or the format cannot hold it."""
        import duckdb

        self.folder.mkdir(parents=True, exist_ok=True)
        path = f"{self.folder}/{len(self.files)}.{read.format}"
        made = ", ".join(f"{self._column(name, kind)} AS {quoted(name)}" for name, kind in columns)
        header = ", HEADER" if read.format == "csv" else ""
        query = f"SELECT {made} FROM range({self.rows}) AS made(i)"  # noqa: S608 - names are quoted
        try:
            self.connection.execute(f"COPY ({query}) TO {literal(path)} (FORMAT {read.format}{header})")
        except duckdb.Error:
            return None
        return path

    def _column(self, name: str, kind: str) -> str:
        import duckdb

        return f"CAST({self._value(duckdb.sqltype(kind), name)} AS {kind})"

    def _value(self, kind: DuckDBPyType, salt: str) -> str:
        """An expression of values of a type; chance that is named by a salt decides which, the same each time."""
        # Of a text: hashes of several values differ in few bits where one of these does, so that columns would go together.
        chance = f"hash(i || {literal(f' {self.seed} {salt}')})"
        return f"CASE WHEN {chance} % {_ONE_IS_NULL_OF} <> 0 THEN {self._known(kind, salt, chance)} END"

    def _known(self, kind: DuckDBPyType, salt: str, chance: str) -> str:
        inner: Any = kind.children if kind.id in _NESTED else []
        match "json" if str(kind) == "JSON" else kind.id:
            case "list":
                ((_, item),) = inner
                values = ", ".join(self._value(item, f"{salt}.{number}") for number in range(_LONGEST_LIST))
                return f"list_slice([{values}], 1, ({chance} // 16 % {_LONGEST_LIST + 1})::BIGINT)"
            case "array":
                (_, item), (_, size) = inner
                return f"[{', '.join(self._value(item, f'{salt}.{number}') for number in range(int(size)))}]"
            case "struct":
                fields = (f"{quoted(name)} := {self._value(one, f'{salt}.{name}')}" for name, one in inner)
                return f"struct_pack({', '.join(fields)})"
            case "map":
                (_, key), (_, item) = inner
                return f"MAP([{self._known(key, f'{salt}.key', chance)}], [{self._value(item, f'{salt}.value')}])"
            case "union":
                _, (name, first), *_ = inner
                return f"union_value({quoted(name)} := {self._value(first, salt)})"
            case "enum":
                values = f"enum_range(CAST(NULL AS {kind}))"
            case name:
                pool = dict.fromkeys((*_POOLS.get(name, _NUMBERS), *self.constants))
                tried = ", ".join(f"TRY_CAST({literal(one)} AS {kind})" for one in pool)
                values = f"list_filter([{tried}], lambda one: one IS NOT NULL)"
        return f"list_extract({values}, (1 + {chance} // 16 % greatest(len({values}), 1))::BIGINT)"
