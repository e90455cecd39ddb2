"""The facts about a pipeline's queries that passes may rely on, task by task."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Final

from trc.compiler.checks.graph import Resolved
from trc.compiler.compile import Compiled
from trc.compiler.context import SourceReader
from trc.compiler.ir.formats import Format
from trc.compiler.ir.types import Known, Schema, Unknown
from trc.compiler.lineage.steps import Asked, Stepping
from trc.compiler.sql.bind import Binder
from trc.compiler.sql.facts import Condition, QueryFacts, ReadFacts, Use
from trc.compiler.sql.fixed import settled
from trc.compiler.sql.query_facts import facts_of


class _NoFiles:
    """Files that nobody looks into."""

    def schema(self, uri: str, fmt: Format) -> Schema:
        return Unknown(f'nobody looks into the {fmt} files at "{uri}"')


_NO_FILES: Final = _NoFiles()


@dataclass(frozen=True, slots=True)
class Proved:
    """By the digest of a query and of the schemas that it is over: what was proved of it `before`, and is `now`.

    None stands for nothing. It holds for one version of what proves, and of DuckDB.
    """

    before: Mapping[str, QueryFacts | None] = field(default_factory=dict[str, "QueryFacts | None"])
    now: dict[str, QueryFacts | None] = field(default_factory=dict[str, "QueryFacts | None"])


def query_facts(
    compiled: Compiled,
    sources: SourceReader = _NO_FILES,
    tasks: Collection[str] | None = None,
    proved: Proved | None = None,
) -> dict[str, QueryFacts]:
    """By task, what is proved of its query; a task of whose query nothing is proved is not in it.

    None but `tasks` are looked at; None stands for all.

    The pipeline has no mistakes. `sources` answers for the files that queries read without a declared source, as it
    did when they were checked; without it, nothing is proved of such queries. Datasets are named as each query does.
    """
    assert compiled.graph is not None
    proved = Proved() if proved is None else proved
    found: dict[str, QueryFacts] = {}
    with Binder() as binder:
        stepping = Stepping(compiled, sources, binder)
        for name in compiled.graph.order:
            if tasks is not None and name not in tasks:
                continue
            task, inputs = stepping.tasks[name], compiled.graph.inputs.get(name, ())
            asked = stepping.asked(task, inputs)
            facts = asked if isinstance(asked, Unknown) else _facts(asked, binder, proved)
            if isinstance(facts, Unknown):
                for output in task.outputs:
                    stepping.doubts(task, output.name, facts, inputs)
            elif facts is not None:
                found[name] = _settled(facts, inputs, found, stepping)
    return found


def _facts(asked: Asked, binder: Binder, proved: Proved) -> QueryFacts | Unknown | None:
    """What is proved, or None where nothing is; Unknown where DuckDB itself does not tell how it is planned."""
    digest = _digest(asked)
    if digest in proved.before:
        facts = proved.before[digest]
    else:
        planned = asked.planned(binder, pushed=True)
        if isinstance(planned, Unknown):
            return planned
        proves = facts_of(asked.parsed, planned)
        facts = None if isinstance(proves, Unknown) else proves
    proved.now[digest] = facts
    return facts


def _digest(asked: Asked) -> str:
    """Of all that the plan of a query depends on, and what is proved from it."""
    tables = sorted((name, _written(schema)) for name, schema in asked.tables.items())
    files = sorted((uri, _written(schema)) for uri, schema in asked.files.items())
    bound = None if asked.bound is None else _written(Known(asked.bound))
    told = repr((asked.parsed.text.original, tables, files, bound))
    return sha256(told.encode("utf-8", "surrogatepass")).hexdigest()


def _written(schema: Schema) -> object:
    return None if isinstance(schema, Unknown) else tuple((column.name, column.type) for column in schema.columns)


def _settled(
    facts: QueryFacts, inputs: Iterable[Resolved], known: Mapping[str, QueryFacts], stepping: Stepping
) -> QueryFacts:
    """What is known of a query once it is seen which of its conditions are settled by constants of what it reads."""
    producers = {
        one.read.name.casefold(): one for one in inputs if one.producer is not None and one.producer[0] in known
    }
    return replace(
        facts, reads=tuple(_read(one, producers.get(one.name.casefold()), known, stepping) for one in facts.reads)
    )


def _read(read: ReadFacts, made: Resolved | None, known: Mapping[str, QueryFacts], stepping: Stepping) -> ReadFacts:
    values = dict(known[made.producer[0]].fixed) if made is not None and made.producer is not None else {}
    if made is None or not values:
        return read
    schema = stepping.schema(made)

    def told(one: Condition) -> Condition:
        return replace(one, holds=settled(one, schema, values, stepping.binder))

    return replace(read, uses=tuple(Use(tuple(map(told, use.conditions))) for use in read.uses))
