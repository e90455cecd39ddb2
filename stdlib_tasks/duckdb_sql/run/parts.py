"""Makes an output part by part: the query runs over the files of one partition at a time, and what it made is kept."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trc.runtime.taskside.digest import digest_of
from trc.runtime.taskside.errors import AttemptFailed
from trc.runtime.taskside.order import OrderInput, TaskOrder
from trc.runtime.taskside.parts import OrderPart, OrderParts, PartRecord, identity_of, write_record
from trc.runtime.taskside.result import Failure
from trc.runtime.taskside.task import TaskContext
from trc.stdlib_tasks.duckdb_sql.run.complaint import complaint
from trc.stdlib_tasks.duckdb_sql.run.inputs import Columns, create_view, identifier, path_list, relation, text
from trc.stdlib_tasks.duckdb_sql.run.query import prepare
from trc.stdlib_tasks.duckdb_sql.run.views import create_views

if TYPE_CHECKING:
    import duckdb

    from trc.stdlib_tasks.duckdb_sql.run.prepared import Prepared

_BEFORE = "COPY (\n"
_AFTER = "\n) TO {} (FORMAT parquet)"


class Whole(Exception):  # noqa: N818 - not an error, but an answer
    """What was proved of the query does not hold for the files as they are: it has to run over all of them at once."""


def in_parts(connection: duckdb.DuckDBPyConnection, order: TaskOrder, parts: OrderParts, context: TaskContext) -> str:
    """Makes the parts that are not kept; answers with a query for the rows of all.

    Raises Whole, with the reason, where parts may not be what the query makes of all files. Parts that are
    made are kept, each as soon as its files are seen to be those that its key stands for.
    """
    import duckdb

    assert order.query is not None
    divided = next(one for one in order.inputs if one.name == parts.read)
    others = [one for one in order.inputs if one is not divided]
    prepared = prepare(connection, order.query, order.inputs, order.project)
    try:
        create_views(connection, others, order.project)
        _require_schemas(connection, parts, divided)
    except duckdb.Error as error:
        raise complaint(error) from error
    making = _Making(connection, order, parts, prepared)
    wanted = [one for one in parts.items if one.files]
    for index, one in enumerate(wanted):
        making.make(one)
        context.report(index + 1, len(wanted))
    together = f"SELECT * FROM read_parquet({path_list([one.path for one in parts.items])}, hive_partitioning = false)"
    if _described(connection, together) != list(parts.stored):
        raise Whole("its parts have other columns than were expected")
    return together


def _require_schemas(connection: duckdb.DuckDBPyConnection, parts: OrderParts, divided: OrderInput) -> None:
    for name, columns in parts.schemas:
        if name == parts.read:
            found = _described(connection, f"SELECT * FROM {relation(divided.format, divided.files)}")
        else:
            found = _described(connection, f"SELECT * FROM {identifier(name)}")
        if found != list(columns):
            raise Whole(f'"{name}" has other columns than when the pipeline was compiled')


def _described(connection: duckdb.DuckDBPyConnection, query: str) -> list[tuple[str, str]]:
    return [(row[0], row[1]) for row in connection.execute(f"DESCRIBE {query}").fetchall()]


@dataclass(frozen=True)
class _Making:
    connection: duckdb.DuckDBPyConnection
    order: TaskOrder
    parts: OrderParts
    prepared: Prepared

    @property
    def columns(self) -> Columns:
        return dict(self.parts.schemas)[self.parts.read]

    def make(self, part: OrderPart) -> None:
        import duckdb

        folder, name = os.path.split(part.path)
        os.makedirs(folder, exist_ok=True)
        staged = os.path.join(folder, f"{self.order.token}.part")
        try:
            self._look_at(part)
            if _described(self.connection, f"FROM (\n{self.prepared.text}\n)") != list(self.parts.known):
                raise Whole("its query has other columns than were expected")
        except duckdb.Error as error:
            raise complaint(error) from error
        try:
            self.connection.execute(f"{_BEFORE}{self.prepared.text}{_AFTER.format(text(staged))}")
        except duckdb.Error as error:
            raise complaint(error, self.prepared, len(_BEFORE)) from error
        counted = self.connection.execute(f"SELECT count(*) FROM read_parquet({text(staged)})").fetchone()
        size, digest = digest_of(staged)
        self._require_unmoved(part)
        os.replace(staged, part.path)
        record = PartRecord(
            part.key,
            part.label,
            name,
            digest,
            size,
            int(counted[0]) if counted else 0,
            len(part.files),
            self.parts.code,
            self.order.run,
            time.time(),
        )
        write_record(folder, record, self.order.token)

    def _look_at(self, part: OrderPart) -> None:
        """Lets the query find the files of one partition, as it would find them among all: same columns, same types."""
        named = ", ".join(f"{text(name)}: {text(kind)}" for name, kind in self.parts.named)
        files = f"read_parquet({path_list(part.files)}, hive_partitioning = true, hive_types = {{{named}}})"
        shown = ", ".join(identifier(name) for name, _kind in self.columns)
        rows = f"SELECT {shown} FROM {files}"
        label = "NULL" if part.label is None else part.label
        found = dict(_described(self.connection, f"SELECT * FROM {files}"))
        for name, kind in self.columns:
            if found.get(name) != kind:
                # The query over all files reads each as the first one is.
                where = f"the files of {self.parts.column}={label}"
                if name not in found:
                    raise Whole(f'{where} have no column "{name}"')
                raise Whole(f'{where} hold "{name}" as {found[name]}, and the first ones as {kind}')
        column = identifier(self.parts.column)
        values = self.connection.execute(f"SELECT DISTINCT CAST({column} AS VARCHAR) FROM ({rows})").fetchall()
        if any(value != part.label for (value,) in values):
            raise Whole(f"the files of {self.parts.column}={label} have other values in that column")
        self.connection.execute(f"DROP VIEW IF EXISTS {identifier(self.parts.read)}")
        create_view(self.connection, self.parts.read, rows)

    def _require_unmoved(self, part: OrderPart) -> None:
        """A part is kept under the key of what it was made of: whatever it read has to be that still."""
        own = set(part.files)
        divided = next(one for one in self.order.inputs if one.name == self.parts.read)
        elsewhere = set(divided.files) - own
        for path, identity in self.parts.identities:
            if path not in elsewhere and identity_of(path) != identity:
                message = f'the input "{path}" changed while it was read'
                raise AttemptFailed(Failure(message, "temporary", "input_moved"))
