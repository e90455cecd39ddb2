"""The facts about a pipeline's queries that passes may rely on, task by task."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from trc.compiler.checks.graph import Resolved
from trc.compiler.compile import Compiled
from trc.compiler.context import SourceReader
from trc.compiler.ir.dataset import Format
from trc.compiler.ir.types import Schema, Unknown
from trc.compiler.lineage.steps import Stepping
from trc.compiler.sql.bind import Binder
from trc.compiler.sql.facts import Condition, QueryFacts, ReadFacts, Use
from trc.compiler.sql.fixed import settled
from trc.compiler.sql.query_facts import facts_of


class _NoFiles:
    """Files that nobody looks into."""

    def schema(self, uri: str, fmt: Format) -> Schema:
        return Unknown(f'nobody looks into the {fmt} files at "{uri}"')


_NO_FILES: Final = _NoFiles()


def query_facts(compiled: Compiled, sources: SourceReader = _NO_FILES) -> dict[str, QueryFacts]:
    """By task, what is proved of its query; a task of whose query nothing is proved is not in it.

    The pipeline has no mistakes. `sources` answers for the files that queries read without a declared source, as it
    did when they were checked; without it, nothing is proved of such queries. Datasets are named as each query does.
    """
    assert compiled.graph is not None
    found: dict[str, QueryFacts] = {}
    with Binder() as binder:
        stepping = Stepping(compiled, sources, binder)
        for name in compiled.graph.order:
            task, inputs = stepping.tasks[name], compiled.graph.inputs.get(name, ())
            planned = stepping.planned(task, inputs, pushed=True)
            if isinstance(planned, Unknown):
                for output in task.outputs:
                    stepping.doubts(task, output.name, planned, inputs)
                continue
            facts = facts_of(*planned)
            if not isinstance(facts, Unknown):
                found[name] = _settled(facts, inputs, found, stepping)
    return found


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
