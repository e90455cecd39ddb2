"""Which columns each reader of a task's output reads, and by which digest of their tuples it knows them.

A change to what a reader does not read does not touch it. A reader that could see more than those tuples
(the order of rows, another schema, the files themselves) has no read set: it goes by the digest of the bytes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Final

from trc.compiler.passes.proofs import survives
from trc.compiler.sql.facts import QueryFacts
from trc.runtime.spec import PipelineSpec, ReadSpec, TaskSpec
from trc.runtime.store.results import StoredOutput
from trc.runtime.taskside.records import record
from trc.runtime.taskside.tuples import Columns, OrderTuples, name_of

SQL: Final = "trc.stdlib_tasks.duckdb_sql.run:run"
"""What reads nothing but the rows that its query asks for, and takes digests of those that it writes."""
_MOST: Final = 8
"""How many digests are taken of one output."""
_LONGEST: Final = 80
_OF_TYPES: Final = re.compile(
    r"\b(?:describe|show|summarize|typeof|pg_typeof|get_type|can_cast_implicitly|cast_to_type|replace_type)\b"
    r"|(?:^|\()\s*desc\b",
    re.IGNORECASE,
)
"""What DuckDB answers before it looks at a row. Words in texts are taken for it, too."""


@record(frozen=True, slots=True)
class KnownBy:
    """What tells the tuples of some columns of an output: their digest, or the bytes of outputs that have the same."""

    columns: Columns
    digest: str | None
    """None where it was not taken."""
    alike: tuple[str, ...] = ()
    """The digests of the bytes of earlier outputs."""

    @property
    def tuples(self) -> str | None:
        """As a key tells the digest."""
        return None if self.digest is None else f"{shown(self.columns)}: {self.digest}"

    def within(self, digest: str) -> str:
        """As a key tells the tuples in a file whose bytes have this digest."""
        return f"{shown(self.columns)}: in {digest} ({name_of(self.columns)})"


@record(frozen=True, slots=True)
class ReadSets:
    """`read` holds, by task and by what it calls an input, the columns that it reads of it; `asked`, by task, all these."""

    read: Mapping[str, Mapping[str, Columns]] = field(default_factory=dict[str, Mapping[str, Columns]])
    asked: Mapping[str, OrderTuples] = field(default_factory=dict[str, OrderTuples])

    def columns(self, reader: str, read: str) -> Columns | None:
        """The columns that decide about what a task makes of an input; None where that is not proved."""
        return self.read.get(reader, {}).get(read)

    def digests(
        self, reader: str, reads: Sequence[ReadSpec], upstream: Mapping[tuple[str, str], StoredOutput]
    ) -> dict[str, KnownBy]:
        """By what the reader calls it, what tells the tuples that it has of an output; none where nothing is proved.

        All that it reads has to have the columns that its query was looked at with.
        """
        columns = self.read.get(reader)
        if columns is None:
            return {}
        found: dict[str, KnownBy] = {}
        for one in reads:
            if one.producer is None or one.producer[0] not in self.asked:
                continue
            tuples = upstream[one.producer].tuples
            if tuples is None or tuples.known != name_of(self.asked[one.producer[0]].known):
                return {}
            if one.name in columns:
                wanted = name_of(columns[one.name])
                alike = tuple(earlier for held, earlier in tuples.alike if held == wanted)
                found[one.name] = KnownBy(columns[one.name], tuples.of(wanted), alike)
        return found


def shown(columns: Columns) -> str:
    """Columns in a reader's words, shortened where they are many."""
    if not columns:
        return "the number of rows"
    names = ", ".join(name for name, _kind in columns)
    return names if len(names) <= _LONGEST else f"{len(columns)} columns"


NOTHING_PROVED: Final = ReadSets()


def read_sets(spec: PipelineSpec, queries: Mapping[str, QueryFacts]) -> ReadSets:
    """What is proved of a pipeline's reads; `queries` are the facts about its queries, by task."""
    read: dict[str, dict[str, Columns]] = {}
    asked: dict[str, dict[Columns, None]] = {}
    for task in spec.tasks:
        if not _is_bound_as_proved(task, queries):
            continue
        read[task.name] = {}
        for one in task.reads:
            if one.producer is None or one.format != "parquet":
                continue
            wanted = asked.setdefault(one.producer[0], {})
            columns = _columns(one, queries[task.name], queries[one.producer[0]])
            if columns is not None and (columns in wanted or len(wanted) < _MOST):
                wanted[columns] = None
                read[task.name][one.name] = columns
    return ReadSets(read, {name: OrderTuples(queries[name].columns, tuple(wanted)) for name, wanted in asked.items()})


def to_prove(spec: PipelineSpec) -> frozenset[str]:
    """The tasks whose queries something has to be proved of: those of SQL that read one another, or run by partition."""
    tasks = {task.name: task for task in spec.tasks if _is_sql(task)}
    pairs = ((one.producer[0], task.name) for task in tasks.values() for one in task.reads if one.producer is not None)
    parted = frozenset(task.name for task in tasks.values() if task.partition is not None)
    return parted | frozenset(name for pair in pairs if pair[0] in tasks for name in pair)


def _is_bound_as_proved(task: TaskSpec, queries: Mapping[str, QueryFacts]) -> bool:
    """Whether a task's query answers the same each time, and finds columns that are known before it runs."""
    facts = queries.get(task.name)
    if facts is None or not _is_sql(task) or facts.undetermined or facts.inexact or _tells_of_types(task):
        return False
    return all(_is_of_known_columns(one, queries) for one in task.reads)


def _tells_of_types(task: TaskSpec) -> bool:
    """Whether a query may answer by the columns or types of what it reads, and not by its rows."""
    return any(part.field == "sql" and _OF_TYPES.search(part.value) for part in task.key_parts)


def _is_of_known_columns(read: ReadSpec, queries: Mapping[str, QueryFacts]) -> bool:
    """Whether an input has the columns that the query was looked at with, or is seen to have others once it is written."""
    if read.format in ("csv", "json"):
        return read.columns is not None
    if read.producer is None or read.uri is not None or read.format != "parquet":
        return False
    known = queries.get(read.producer[0])
    return known is not None and all(survives(kind) for _name, kind in known.columns)


def _columns(read: ReadSpec, reader: QueryFacts, producer: QueryFacts) -> Columns | None:
    """The columns that decide about what a query makes of an input, where their tuples are all that it can see of it."""
    facts = reader.read(read.name)
    if facts is None or facts.sees_order:
        return None
    names = {name.casefold() for name in facts.columns}
    columns = tuple((name, kind) for name, kind in producer.columns if name.casefold() in names)
    return columns if len(columns) == len(names) and not any(kind.endswith("]") for _name, kind in columns) else None


def _is_sql(task: TaskSpec) -> bool:
    return task.query is not None and task.runs == SQL
